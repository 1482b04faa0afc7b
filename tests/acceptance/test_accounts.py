"""`connector user`, `connector token`, and what is written down of what people do at the command line."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "a horse, a battery\n"


def read_audit(kept: Path) -> list[tuple[str, str, str, dict[str, object]]]:
    """Return who did what, oldest first: kind, action, subject, detail."""
    with sqlite3.connect(kept / "connector.db") as database:
        rows = database.execute("SELECT kind, action, subject, detail FROM audit ORDER BY id").fetchall()
    database.close()
    return [(kind, action, subject, json.loads(detail)) for kind, action, subject, detail in rows]


def test_a_token_is_shown_once_and_kept_as_a_digest(command, tmp_path):
    """It stands on standard output alone, ready to be piped on; the database has nothing that lets anybody in."""
    made = command(
        "token", "create", "marketplace", "--role", "push:place-orders", "--role", "read", "--expires", "90d"
    )
    listed = command("token", "list", "--output", "json")

    token = made.stdout.strip()
    assert made.code == 0, made.stderr
    assert re.fullmatch(r"cn_[0-9A-Za-z]{49}", token)
    assert "not shown again" in made.stderr
    (row,) = listed.json
    assert (row["name"], row["roles"], row["state"]) == ("marketplace", ["push:place-orders", "read"], "valid")
    assert token.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())


def test_a_token_for_a_route_that_is_not_there_is_warned_of(command, tmp_path):
    """It is made all the same, since the route may come later; a misspelt one is told with what it may have meant."""
    config = tmp_path / "orders.yaml"
    config.write_text(
        "clients: {shop: {connector: http, base_url: http://127.0.0.1:9/}}\n"
        "outgoing: {place: {publisher: {client: shop, route: orders}}}\n"
        "routes: {place-orders: {outgoing: place}}\n"
    )

    right = command("token", "create", "one", "--role", "push:place-orders", "--config", str(config))
    wrong = command("token", "create", "two", "--role", "push:place-order", "--config", str(config))

    assert (right.code, "warning" in right.stderr) == (0, False)
    assert wrong.code == 0
    assert 'warning: no route is called "place-order"' in wrong.stderr
    assert 'did you mean "place-orders"?' in wrong.stderr


def test_a_revoked_token_is_listed_no_more(command, tmp_path):
    """Its name is free again; what was done stays written down."""
    command("token", "create", "robot", "--role", "read")
    revoked = command("token", "revoke", "robot")
    again = command("token", "create", "robot", "--role", "operate")
    listed = command("token", "list", "--all", "--output", "json")

    assert (revoked.code, again.code) == (0, 0)
    assert [(row["roles"], row["state"]) for row in listed.json] == [(["read"], "revoked"), (["operate"], "valid")]
    assert [(kind, action, subject) for kind, action, subject, _ in read_audit(tmp_path / "kept")] == [
        ("command", "tokens.create", "robot"),
        ("command", "tokens.revoke", "robot"),
        ("command", "tokens.create", "robot"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("robot", "--role", "admin"), 'there is no role "admin"'),
        (("robot", "--role", "read", "--expires", "0s"), "a token that expires at once is of no use"),
        (("robot", "--role", "read", "--expires", "90"), "say of what, such as 90d"),
        (("", "--role", "read"), "is no name for a token"),
        (("a\nb", "--role", "read"), "is no name for a token"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(command, assert_clear, arguments, told):
    """Nothing is made of it."""
    ran = command("token", "create", *arguments)

    assert ran.code == 2
    assert told in ran.stderr
    assert_clear(ran)


def test_a_name_is_given_to_one_token(command, assert_clear):
    """Whoever revokes it means one."""
    command("token", "create", "robot", "--role", "read")

    ran = command("token", "create", "robot", "--role", "read")

    assert (ran.code, 'there is a token "robot" already' in ran.stderr, ran.stdout) == (2, True, "")
    assert_clear(ran)


def test_a_user_is_made_changed_and_removed(command, tmp_path):
    """The password comes from standard input, is kept as argon2id, and shows nowhere."""
    made = command("user", "create", "Ann", "--role", "operate", stdin=PASSWORD)
    changed = command("user", "password", "ann", stdin="another long one\n")
    role = command("user", "role", "ann", "read")
    disabled = command("user", "disable", "ann")
    listed = command("user", "list", "--output", "json")
    removed = command("user", "remove", "ann")

    assert [ran.code for ran in (made, changed, role, disabled, removed)] == [0, 0, 0, 0, 0], made.stderr
    (user,) = listed.json
    assert (user["name"], user["role"], user["is_disabled"], user["sessions"]) == ("ann", "read", True, 0)
    assert [action for _, action, _, _ in read_audit(tmp_path / "kept")] == [
        "users.create",
        "users.password",
        "users.role",
        "users.disable",
        "users.remove",
    ]
    assert not any(b"horse" in path.read_bytes() for path in (tmp_path / "kept").iterdir())


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [
        ("ann", "short\n", "the password is too short"),
        ("ann", "", "standard input has no password"),
        ("änn", PASSWORD, "is no name for a user"),
    ],
)
def test_a_user_who_could_be_guessed_is_refused(command, assert_clear, name, password, told):
    """Nothing is made of it."""
    ran = command("user", "create", name, stdin=password)

    assert ran.code == 2
    assert told in ran.stderr
    assert_clear(ran)


def test_an_unknown_user_is_told_with_those_there_are(command, assert_clear):
    """Whoever mistypes sees whom they can have meant."""
    command("user", "create", "ann", stdin=PASSWORD)

    ran = command("user", "disable", "bob")

    assert (ran.code, 'no user is called "bob", there are: ann' in ran.stderr) == (2, True)
    assert_clear(ran)


def test_what_is_done_at_the_command_line_is_written_down(command, tmp_path):
    """Who changes tasks, routes or state without the service is in the same log."""
    command("db", "upgrade")
    command("state", "set", "orders", "2026-01-01")
    command("state", "reset", "orders")
    command("tasks", "retry", "--all")
    command("tasks", "skip", "--all", "--reason", "stocktaking")
    command("tasks", "retry", "--all", "--dry-run")

    entries = read_audit(tmp_path / "kept")

    assert [(action, subject) for _, action, subject, _ in entries] == [
        ("state.set", "orders"),
        ("state.reset", "orders"),
        ("tasks.retry", ""),
        ("tasks.skip", ""),
    ]
    assert entries[3][3] == {"outcome": "done", "number": 0, "meant": "all", "reason": "stocktaking"}


def test_a_fetch_that_is_asked_for_is_written_down(command, tmp_path):
    """`schedules run` is in the log beside the button of the dashboard, under the same name."""
    config = tmp_path / "feed.yaml"
    config.write_text(
        "clients: {shop: {connector: http, base_url: http://127.0.0.1:9/}}\n"
        "incoming: {feed: {subscriber: {client: shop, route: feed, effect: read}}}\n"
        "outgoing: {place: {publisher: {client: shop, route: orders}}}\n"
        "routes: {orders: {incoming: feed, outgoing: place}}\n"
    )
    command("db", "upgrade", "--config", str(config))

    ran = command("schedules", "run", "feed", "--config", str(config))

    assert ran.code == 0
    assert [entry[:3] for entry in read_audit(tmp_path / "kept")] == [("command", "incomings.run", "feed")]
