"""Which revision the tables are at, and how they get to the one this program needs.

Alembic carries the steps out (`migrations/`). It is imported only when there is something to do: opening a database
whose tables are right costs one question.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from connector.errors import SchemaError
from connector.frozen import dataclass
from connector.store.queue import apply_queue_schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD: Final = "0002"
"""The revision this program needs."""

REVISIONS: Final = ("0001", "0002")
"""All revisions, oldest first."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 1_668_247_413  # any number, the same in every process


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where the tables stand.

    Attributes:
        database: As messages name it.
        found: The revision the database is at; None where it has no tables of ours.
        wanted: The revision this program needs.
    """

    database: str
    found: str | None
    wanted: str = HEAD

    @property
    def is_current(self) -> bool:
        """Whether nothing is to be done."""
        return self.found == self.wanted

    @property
    def is_newer(self) -> bool:
        """Whether a newer version of the program has been there."""
        return self.found is not None and self.found not in REVISIONS

    def check(self) -> None:
        """Refuse tables that are not at the revision this program needs.

        Raises:
            SchemaError: They are older or newer, or there are none.
        """
        if self.is_current:
            return
        self.check_not_newer()
        what = "has no tables yet" if self.found is None else f"is at revision {self.found}, older than {self.wanted}"
        raise SchemaError(
            f"the database {self.database} {what}",
            found=self.found,
            wanted=self.wanted,
            cure="run `connector db upgrade`",
        )

    def check_not_newer(self) -> None:
        """Refuse tables that a newer version of the program has made.

        Raises:
            SchemaError: They are newer.
        """
        if self.is_newer:
            raise SchemaError(
                f"the database {self.database} is at revision {self.found}, which this version does not know",
                found=self.found,
                wanted=self.wanted,
                cure="install the version of connector that upgraded it, or a later one; a downgrade is not possible",
            )


def read_revision(connection: Connection) -> str | None:
    """Return the revision the tables are at, or None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def upgrade(connection: Connection, name: str) -> SchemaStatus:
    """Bring the tables to the revision this program needs, in the transaction of the connection.

    Two processes at once do it one after the other, and the second finds nothing to do: on SQLite a transaction that
    writes excludes all others, on PostgreSQL a lock is held until the end of it.

    Args:
        connection: In a transaction that may write.
        name: The database as messages name it.

    Returns:
        Where the tables stood before.

    Raises:
        SchemaError: They are newer than this program.
    """
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    status = SchemaStatus(name, read_revision(connection))
    status.check_not_newer()
    if not status.is_current:
        run_migrations(connection)
    if is_postgres:
        apply_queue_schema(connection, time.time_ns() // 1_000_000)
    return status


def run_migrations(connection: Connection, revision: str = HEAD) -> None:
    """Take the steps to a revision, in the transaction of the connection."""
    from alembic import command  # noqa: PLC0415 - a tenth of a second, and seldom needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
