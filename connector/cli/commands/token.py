"""`connector token`: what programs show to be let in by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.accounts import run_on_accounts
from connector.cli.audit import note_change
from connector.cli.exits import OK, ArgumentError
from connector.cli.filters import Duration
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.stored import run_on_store, tell_who
from connector.desk.moment import show_local, to_iso
from connector.errors import ConnectorError
from connector.server.doors.roles import ACCEPTED, is_role
from connector.server.doors.tokens import hash_token, make_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.cli.interrupt import Stop
    from connector.store.rows import TokenRow
    from connector.store.store import Store

EPILOG = """\b
Examples:
  connector token create marketplace --role push:place-orders
  connector token create prometheus --role read --expires 365d
  connector token list
  connector token revoke marketplace
"""

_LONGEST_NAME = 64


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See, make and revoke the tokens by which programs are let in.

    A program sends its token with every request to `connector serve`: `Authorization: Bearer cn_...`. What a token may
    is said when it is made. The token itself is shown once and kept nowhere; what is kept is its digest.
    """


@command.command(
    "create",
    epilog="""\b
Examples:
  connector token create marketplace --role push:place-orders
  connector token create warehouse --role read --role push:stock --expires 90d
""",
)
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    metavar="ROLE",
    help="What it may: read, operate, or push:ROUTE (push:* for every route); may be given several times.",
)
@click.option("--expires", type=Duration(), metavar="TIME", help="After this time it is not valid any more.")
@shared_options
@click.pass_obj
def create_token(invocation: Invocation, name: str, roles: tuple[str, ...], expires: int | None) -> int:
    """Make a token and show it, once.

    `read` sees everything, `operate` changes things too and pushes into every route, `push:ROUTE` sends records into
    one route and sees nothing. Give each program a token of its own, with no more than it needs.
    """
    _check_name(name)
    wanted = tuple(dict.fromkeys(role.strip().lower() if ":" not in role else role.strip() for role in roles))
    for role in wanted:
        if not is_role(role):
            raise ArgumentError(f'there is no role "{role}"', cure=f"roles are {ACCEPTED}")
    if expires == 0:
        raise ArgumentError("a token that expires at once is of no use", cure="name a time such as --expires 90d")
    token = make_token()

    async def work(store: Store, _stop: Stop) -> int:
        until = None if expires is None else store.now_ms() + expires
        row = await store.accounts.add_token(
            name, hash=hash_token(token), roles=wanted, created_by=tell_who(), expires_at_ms=until
        )
        if row is None:
            raise ArgumentError(
                f'there is a token "{name}" already',
                cure="take another name, or revoke that one: connector token revoke",
            )
        await note_change(store, "tokens.create", name, {"roles": list(wanted), "expires_at": to_iso(until)})
        screen = invocation.screen
        if invocation.is_json:
            screen.show_json({**_describe(row, store.now_ms()), "token": token})
            return OK
        screen.show(token)
        screen.tell(f"{name} may {', '.join(wanted)}{'' if until is None else f' until {show_local(until)}'}")
        screen.tell("keep it now: it is not shown again")
        _warn_of_routes(invocation, wanted)
        return OK

    return run_on_accounts(invocation, work)


def _warn_of_routes(invocation: Invocation, roles: Sequence[str]) -> None:
    """Say which routes are not in the configuration; they may come later, and it may be elsewhere or have faults."""
    from connector.app.project import load
    from connector.config.wording import did_you_mean

    wanted = [role.removeprefix("push:") for role in roles if role.startswith("push:") and role != "push:*"]
    try:
        known = sorted(load(invocation.find_config()).routes) if wanted else []
    except ConnectorError:
        return
    for route in wanted:
        if route not in known:
            hint = did_you_mean(route, known) or f"there are: {', '.join(known) or 'none'}"
            invocation.screen.tell(f'warning: no route is called "{route}" in the configuration; {hint}')


@command.command(
    "list",
    epilog="""\b
Examples:
  connector token list
  connector token list --all --output json
""",
)
@click.option("--all", "is_all", is_flag=True, help="Also those that are revoked or have expired.")
@shared_options
@click.pass_obj
def list_tokens(invocation: Invocation, is_all: bool) -> int:
    """List tokens: what each may, until when, and when it was used last."""

    async def work(store: Store, _stop: Stop) -> int:
        now_ms = store.now_ms()
        tokens = [row for row in await store.accounts.tokens() if is_all or row.is_valid(now_ms)]
        screen = invocation.screen
        if invocation.is_json:
            screen.show_json([_describe(row, now_ms) for row in tokens])
        elif tokens:
            columns = ("id", "name", "roles", "state", "expires", "last used", "made")
            screen.show_table(columns, [_to_cells(row, now_ms) for row in tokens])
        else:
            screen.tell("no tokens; connector token create makes one")
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "revoke",
    epilog="""\b
Examples:
  connector token revoke marketplace
""",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@shared_options
@click.pass_obj
def revoke_tokens(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Have tokens let nobody in any more; a service at work heeds it within seconds."""

    async def work(store: Store, _stop: Stop) -> int:
        now_ms = store.now_ms()
        valid = {row.name for row in await store.accounts.tokens() if row.is_valid(now_ms)}
        absent = [name for name in dict.fromkeys(names) if name not in valid]
        if absent:
            there = ", ".join(sorted(valid)) or "none"
            raise ArgumentError(f"no valid token is called {', '.join(absent)}, there are: {there}")
        for name in dict.fromkeys(names):
            await store.accounts.revoke_token(name)
            await note_change(store, "tokens.revoke", name)
        if invocation.is_json:
            invocation.screen.show_json({"revoked": list(dict.fromkeys(names))})
        else:
            for name in dict.fromkeys(names):
                invocation.screen.show(f"{name}: revoked")
        return OK

    return run_on_store(invocation, "admin", work)


def _check_name(name: str) -> None:
    """Refuse what would be no name in a list.

    Raises:
        ArgumentError: It is empty, too long, or holds characters that do not print.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise ArgumentError(
            f"{name!r} is no name for a token",
            cure=f"take up to {_LONGEST_NAME} printable characters, such as marketplace",
        )


def _state(row: TokenRow, now_ms: int) -> str:
    if row.revoked_at_ms is not None:
        return "revoked"
    return "valid" if row.is_valid(now_ms) else "expired"


def _to_cells(row: TokenRow, now_ms: int) -> tuple[str, ...]:
    return (
        str(row.id),
        row.name,
        ", ".join(row.roles),
        _state(row, now_ms),
        "never" if row.expires_at_ms is None else show_local(row.expires_at_ms),
        "never" if row.last_used_at_ms is None else show_local(row.last_used_at_ms),
        f"{show_local(row.created_at_ms)} by {row.created_by}",
    )


def _describe(row: TokenRow, now_ms: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "roles": list(row.roles),
        "state": _state(row, now_ms),
        "created_at": to_iso(row.created_at_ms),
        "created_by": row.created_by,
        "expires_at": to_iso(row.expires_at_ms),
        "last_used_at": to_iso(row.last_used_at_ms),
        "revoked_at": to_iso(row.revoked_at_ms),
    }
