"""Faults over real processes and real sockets: what every test of them needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.installation import Installation
from tests.faults.postgres import Postgres, find_server
from tests.faults.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUNDS: Final = int(os.environ.get("CONNECTOR_FAULT_ROUNDS", "1"))
"""How often tests that leave something to chance are repeated, each time with another seed."""

REQUIRES_ALL: Final = "CONNECTOR_TESTS_REQUIRE_ALL" in os.environ


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that does as told."""
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of a process."""
    programs = find_server()
    if programs is None:
        if REQUIRES_ALL:
            pytest.fail("there is no PostgreSQL server here; Debian has it as postgresql")
        pytest.skip("there is no PostgreSQL server here")
    with Postgres(programs) as server:
        yield server


@pytest.fixture
def install(tmp_path: Path, shop: Shop, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Installation]]:
    """Return what makes an installation on `sqlite` or `postgres`; what runs in it is ended with the test."""
    made: list[Installation] = []

    def make(kind: str = "sqlite") -> Installation:
        database = request.getfixturevalue("postgres").make_database() if kind == "postgres" else None
        made.append(Installation(tmp_path / f"installation-{len(made)}", shop, database=database))
        return made[-1]

    yield make
    for installation in made:
        installation.close()
