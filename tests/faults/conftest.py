"""Faults over real processes and real sockets: what every test of them needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.installation import ROOT, Installation
from tests.faults.launcher import Launcher
from tests.faults.shop import Shop
from tests.postgres import postgres

__all__ = ["postgres"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUNDS: Final = int(os.environ.get("CONNECTOR_FAULT_ROUNDS", "1"))
"""How often tests that leave something to chance are repeated, each time with another seed."""


KINDS: Final = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))
"""Both databases."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that does as told."""
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """What starts processes, for all tests of a process."""
    with Launcher(ROOT) as launcher:
        yield launcher


@pytest.fixture
def install(
    tmp_path: Path, shop: Shop, launcher: Launcher, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Installation]]:
    """Return what makes an installation on `sqlite` or `postgres`; what still runs in it is ended with the test."""
    made: list[Installation] = []

    def make(kind: str = "sqlite", **options: str) -> Installation:
        if kind == "postgres":
            options["database"] = request.getfixturevalue("postgres").make_database()
        made.append(Installation(tmp_path / f"installation-{len(made)}", shop, launcher, **options))
        return made[-1]

    yield make
    for installation in made:
        installation.close()
