"""`connector user`: who may log in to the dashboard."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from connector.cli.accounts import run_on_accounts
from connector.cli.audit import note_change
from connector.cli.exits import OK, ArgumentError
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.stored import run_on_store
from connector.desk.moment import show_local, to_iso
from connector.errors import AccessError, UnknownNameError
from connector.server.doors.passwords import NAME, check_password, fold_name, make_hasher
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.cli.interrupt import Stop
    from connector.store.rows import UserRow
    from connector.store.store import Store

EPILOG = """\b
Examples:
  connector user create ann --role operate
  connector user list
  connector user password ann
  connector user disable ann
"""

_LONGEST_INPUT: Final = 10_000

role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.READ.value,
    show_default=True,
    help="read sees everything; operate changes things too.",
)


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See, make and change the people who may log in to the dashboard.

    As long as there is no user, and the service listens on this machine alone, whoever works on this machine may do
    everything in the dashboard. The first user ends that: from then on everybody logs in.
    """


@command.command(
    "create",
    epilog="""\b
Examples:
  connector user create ann --role operate
  connector user create ann --role read < password.txt
""",
)
@click.argument("name")
@role_option
@shared_options
@click.pass_obj
def create_user(invocation: Invocation, name: str, role: str) -> int:
    """Make a user. The password is asked for twice; without a terminal it is the first line of standard input."""
    user = _fold(name)
    make_hasher()  # nobody should type a password twice to be told that something is not installed
    password = _read_password(user)

    async def work(store: Store, _stop: Stop) -> int:
        kept = await asyncio.to_thread(make_hasher().hash, password)
        if not await store.accounts.put_user(user, password_hash=kept, role=role, may_replace=False):
            raise ArgumentError(
                f'there is a user "{user}" already', cure=f"connector user password {user} gives another password"
            )
        await note_change(store, "users.create", user, {"role": role})
        return _tell(invocation, {"user": user, "role": role}, f"{user} may log in, with the role {role}")

    return run_on_accounts(invocation, work)


@command.command(
    "list",
    epilog="""\b
Examples:
  connector user list
  connector user list --output json
""",
)
@shared_options
@click.pass_obj
def list_users(invocation: Invocation) -> int:
    """List users, and in how many browsers each is logged in."""

    async def work(store: Store, _stop: Stop) -> int:
        users = await store.accounts.users()
        sessions = {user.name: len(await store.accounts.sessions_of(user.name)) for user in users}
        screen = invocation.screen
        if invocation.is_json:
            screen.show_json([_describe(user, sessions[user.name]) for user in users])
        elif users:
            rows = [
                (
                    user.name,
                    user.role,
                    "disabled" if user.is_disabled else "active",
                    str(sessions[user.name]),
                    show_local(user.created_at_ms),
                    show_local(user.changed_at_ms),
                )
                for user in users
            ]
            screen.show_table(("name", "role", "state", "sessions", "made", "changed"), rows)
        else:
            screen.tell("no users; connector user create makes one")
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "password",
    epilog="""\b
Examples:
  connector user password ann
""",
)
@click.argument("name")
@shared_options
@click.pass_obj
def change_password(invocation: Invocation, name: str) -> int:
    """Give a user another password, asked for as in `create`. They are logged out everywhere."""
    user = _fold(name)
    make_hasher()
    password = _read_password(user)

    async def work(store: Store, _stop: Stop) -> int:
        row = await _find(store, user)
        kept = await asyncio.to_thread(make_hasher().hash, password)
        await store.accounts.put_user(user, password_hash=kept, role=row.role, is_disabled=row.is_disabled)
        await note_change(store, "users.password", user)
        return _tell(invocation, {"user": user}, f"{user} has another password, and is logged out everywhere")

    return run_on_store(invocation, "admin", work)


@command.command(
    "role",
    epilog="""\b
Examples:
  connector user role ann operate
""",
)
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@shared_options
@click.pass_obj
def change_role(invocation: Invocation, name: str, role: str) -> int:
    """Change what a user may. They are logged out everywhere."""

    async def work(store: Store, _stop: Stop) -> int:
        row = await _find(store, _fold(name))
        await store.accounts.put_user(row.name, password_hash=row.password_hash, role=role, is_disabled=row.is_disabled)
        await note_change(store, "users.role", row.name, {"role": role, "before": row.role})
        return _tell(invocation, {"user": row.name, "role": role}, f"{row.name} has the role {role}")

    return run_on_store(invocation, "admin", work)


@command.command(
    "disable",
    epilog="""\b
Examples:
  connector user disable ann
""",
)
@click.argument("name")
@shared_options
@click.pass_obj
def disable_user(invocation: Invocation, name: str) -> int:
    """Let a user in no more, and log them out everywhere; `enable` lets them in again."""
    return _switch(invocation, name, is_disabled=True)


@command.command(
    "enable",
    epilog="""\b
Examples:
  connector user enable ann
""",
)
@click.argument("name")
@shared_options
@click.pass_obj
def enable_user(invocation: Invocation, name: str) -> int:
    """Let a user in again who was disabled."""
    return _switch(invocation, name, is_disabled=False)


@command.command(
    "remove",
    epilog="""\b
Examples:
  connector user remove ann
""",
)
@click.argument("name")
@shared_options
@click.pass_obj
def remove_user(invocation: Invocation, name: str) -> int:
    """Delete a user; what they did stays in the audit log.

    The last user of a service that listens on this machine alone leaves its doors open to whoever works here, as they
    were before the first.
    """

    async def work(store: Store, _stop: Stop) -> int:
        row = await _find(store, _fold(name))
        await store.accounts.remove_user(row.name)
        await note_change(store, "users.remove", row.name)
        if not await store.accounts.users():
            invocation.screen.tell("that was the last user: on this machine the dashboard asks for no log-in now")
        return _tell(invocation, {"user": row.name}, f"{row.name} is removed")

    return run_on_store(invocation, "admin", work)


def _switch(invocation: Invocation, name: str, *, is_disabled: bool) -> int:
    """Let a user in or not, and return the exit code."""

    async def work(store: Store, _stop: Stop) -> int:
        row = await _find(store, _fold(name))
        await store.accounts.put_user(row.name, password_hash=row.password_hash, role=row.role, is_disabled=is_disabled)
        await note_change(store, "users.disable" if is_disabled else "users.enable", row.name)
        told = "is let in no more, and is logged out everywhere" if is_disabled else "may log in"
        return _tell(invocation, {"user": row.name, "is_disabled": is_disabled}, f"{row.name} {told}")

    return run_on_store(invocation, "admin", work)


def _fold(name: str) -> str:
    """Return the name as it is kept.

    Raises:
        ArgumentError: Nobody can be called so.
    """
    folded = fold_name(name)
    if not folded:
        raise ArgumentError(f"{name!r} is no name for a user", cure=f"take {NAME}")
    return folded


async def _find(store: Store, name: str) -> UserRow:
    """Return a user.

    Raises:
        UnknownNameError: Nobody has the name.
    """
    row = await store.accounts.user(name)
    if row is None:
        there = ", ".join(user.name for user in await store.accounts.users()) or "none"
        raise UnknownNameError(f'no user is called "{name}", there are: {there}')
    return row


def _read_password(name: str) -> str:
    """Return the password that is typed, twice, or that standard input has.

    Raises:
        ArgumentError: There is none, or it is too easy to guess.
    """
    if sys.stdin is None:
        raise ArgumentError("standard input is closed", cure="send it the password, with <")
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    else:
        password = sys.stdin.readline(_LONGEST_INPUT).rstrip("\r\n")
    if not password:
        raise ArgumentError("standard input has no password", cure="send it in the first line, or use a terminal")
    try:
        check_password(name, password)
    except AccessError as error:
        raise ArgumentError(error.message, cure=error.cure) from error
    return password


def _tell(invocation: Invocation, value: dict[str, Any], told: str) -> int:
    if invocation.is_json:
        invocation.screen.show_json(value)
    else:
        invocation.screen.show(told)
    return OK


def _describe(user: UserRow, sessions: int) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role,
        "is_disabled": user.is_disabled,
        "sessions": sessions,
        "created_at": to_iso(user.created_at_ms),
        "changed_at": to_iso(user.changed_at_ms),
    }
