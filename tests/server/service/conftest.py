"""What the tests of the service have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.conftest import assert_clear, command
from tests.postgres import postgres
from tests.server.service.serving import CONFIG, Remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.conftest import Command
    from tests.postgres import Postgres

__all__ = ["assert_clear", "command", "postgres"]


@pytest.fixture
def remote() -> Iterator[Remote]:
    """What the routes talk to."""
    made = Remote()
    with made.server:
        yield made


@pytest.fixture
def installed(command: Command, remote: Remote) -> Command:
    """The command in a folder with a configuration, on SQLite."""
    command.write("connector.yaml", CONFIG)
    command.environment |= {"CONNECTOR_CONFIG": "connector.yaml", "URL": remote.server.url}
    return command


@pytest.fixture
def shared(installed: Command, postgres: Postgres) -> Command:
    """The same, on PostgreSQL."""
    installed.environment["CONNECTOR_DATABASE"] = postgres.make_database()
    return installed
