"""`connector db`: where the database is, and how its tables stand."""

from __future__ import annotations

import sqlite3

import pytest

from tests.acceptance.kept import database_of, put_filled
from tests.postgres import postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request, command):
    """The command with a database of either kind; returns how messages name it."""
    if request.param == "sqlite":
        return database_of(command)
    url = request.getfixturevalue("postgres").make_database()
    command.environment["CONNECTOR_DATABASE"] = url.replace("tests@", "tests:hunter22@")
    return url.replace("tests@", "tests:***@")


def test_upgrade_makes_the_tables_once(command, database):
    """The first time the tables are made, then there is nothing to do."""
    first = command("db", "upgrade")
    second = command("db", "upgrade", "--output", "json")

    assert (first.code, first.stdout) == (0, f"{database}: tables made, at revision 0002\n")
    assert second.json == {"database": database, "from": "0002", "to": "0002"}
    assert "hunter22" not in first.stdout + first.stderr


def test_status(command, database):
    """Before and after: whether the tables are there, how large it is, and how much is in it; no password."""
    before = command("db", "status", "--output", "json")
    command("db", "upgrade")
    after = command("db", "status", "--output", "json")
    told = command("db", "status")

    assert (before.code, before.json["revision"], before.json["is_current"]) == (1, None, False)
    assert (after.code, after.json["database"], after.json["is_current"]) == (0, database, True)
    assert after.json["rows"]["tasks"] == 0
    assert after.json["size_bytes"] > 10_000
    assert told.stdout.splitlines()[0] == f"database  {database}"
    assert "hunter22" not in told.stdout + told.stderr


def test_status_counts_rows(command):
    """Each table is told with its rows."""
    put_filled(command)

    ran = command("db", "status")

    assert ["tasks", "8"] in [line.split() for line in ran.stdout.splitlines()]


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        ("0000", "revision 0000, of a later version than this one, which needs 0002"),
        (None, "none yet; connector db upgrade, run, push and worker make them"),
    ],
)
def test_tables_that_cannot_be_used(command, revision, told):
    """Tables of another version are told, and nothing works with them."""
    command("db", "upgrade")
    with sqlite3.connect(database_of(command)) as connection:
        if revision is None:
            connection.execute("DROP TABLE alembic_version")
        else:
            connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    connection.close()

    status = command("db", "status")
    listed = command("tasks", "list")

    assert status.code == 1
    assert status.stdout.splitlines()[1] == f"tables    {told}"
    assert listed.code == 1
    assert listed.messages[0].startswith("error: the database ")


def test_an_address_that_cannot_be_used(command, assert_clear):
    """Another kind of database is told with what is accepted, and without what may be a password."""
    ran = command("db", "status", CONNECTOR_DATABASE="mysql://me:hunter22@host/name")

    assert ran.code == 1
    assert ran.messages[0].startswith("error: CONNECTOR_DATABASE (mysql://…): mysql is no database")
    assert "hunter22" not in ran.stderr
    assert_clear(ran)
