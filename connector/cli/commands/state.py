"""`connector state`: how far each incoming has read, and values kept by key."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from connector.cli.audit import note_change
from connector.cli.exits import OK, SOME_FAILED, ArgumentError
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import count
from connector.cli.stored import run_on_store
from connector.errors import ConnectorError, SubscriberError

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.cli.interrupt import Stop
    from connector.record import Record
    from connector.store.rows import Cursor
    from connector.store.store import Store

EPILOG = """\b
Examples:
  connector state show
  connector state set orders "2026-01-01 00:00:00"
  connector state reset orders
  connector state export > state.jsonl
"""

_PREFIX: Final = "incoming."

store_option = click.option("--store", "values", metavar="STORE", help="Mean the values of this store, not a cursor.")
key_option = click.option("--key", metavar="TEXT", help="With --store: mean the value under this key.")


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See and change what is kept from run to run.

    Cursors, by the name of their incoming (`routes.NAME` where it is written inside a route): where the next fetch goes
    on. And the values that the steps `store.put` and `changed` keep, by store and key.
    """


@command.command(
    "show",
    epilog="""\b
Examples:
  connector state show
  connector state show orders
  connector state show --store prices --key SKU-1
""",
)
@click.argument("name", required=False, metavar="[INCOMING]")
@store_option
@key_option
@shared_options
@click.pass_obj
def show_state(invocation: Invocation, name: str | None, values: str | None, key: str | None) -> int:
    """Show cursors and the number of values in each store, one cursor, or the values of one store."""
    _check_place(name, values, key)

    async def work(store: Store, stop: Stop) -> int:
        if values is not None:
            await _show_values(invocation, store, values, key, stop)
        elif name is not None:
            await _show_cursor(invocation, store, name.removeprefix(_PREFIX))
        else:
            await _show_all(invocation, store)
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "set",
    epilog="""\b
Examples:
  connector state set orders "2026-01-01 00:00:00"
  connector state set --store prices --key SKU-1 --json '{"price": "12.50"}'
""",
)
@click.argument("words", nargs=-1, required=True, metavar="[INCOMING] VALUE")
@store_option
@key_option
@click.option("--json", "is_json", is_flag=True, help="VALUE is JSON; otherwise it is text.")
@shared_options
@click.pass_obj
def set_state(
    invocation: Invocation, words: tuple[str, ...], values: str | None, key: str | None, is_json: bool
) -> int:
    """Set where an incoming goes on, or a kept value.

    VALUE is text; where the cursor was a number, a number. The next fetch of the incoming goes on behind it. A fetch
    that is under way meanwhile keeps nothing more, and says so.
    """
    *names, text = words
    if len(names) != (values is None):
        raise ArgumentError(
            "name an incoming and its value, or --store and --key and the value",
            cure='for instance: connector state set orders "2026-01-01 00:00:00"',
        )
    if values is not None and key is None:
        raise ArgumentError("--store needs the key of the value", cure="name it with --key")
    _check_place(names[0] if names else None, values, key)
    value = _parse(text) if is_json else text

    async def work(store: Store, _stop: Stop) -> int:
        if values is not None and key is not None:
            await _put(store, values, key, value)
            await note_change(store, "state.set", values, {"key": key})
            return _tell(invocation, {"store": values, "key": key, "value": value}, f"{values}: {key} is set")
        name = names[0].removeprefix(_PREFIX)
        present = await store.state.cursor(name)
        acceptance = _Acceptance(invocation)
        if present is None:
            acceptance.check_name(name)
        chosen = _fit(value, present) if not is_json else value
        await store.state.set_cursor(name, chosen, check=acceptance.of(name))
        before = None if present is None else present.value
        await note_change(store, "state.set", name, {"value": chosen, "before": before})
        return _tell(
            invocation, {"cursor": name, "value": chosen}, f"{name}: the next fetch goes on from {_to_text(chosen)}"
        )

    return run_on_store(invocation, "admin", work)


@command.command(
    "reset",
    epilog="""\b
Examples:
  connector state reset orders
  connector state reset --store prices --key SKU-1
  connector state reset --store prices
""",
)
@click.argument("name", required=False, metavar="[INCOMING]")
@store_option
@key_option
@shared_options
@click.pass_obj
def reset_state(invocation: Invocation, name: str | None, values: str | None, key: str | None) -> int:
    """Forget a cursor, so that the incoming is read from its start, or values.

    With --store and no --key, all values of the store go.
    """
    if name is None and values is None:
        raise ArgumentError("say what is to be forgotten", cure="name an incoming, or a store with --store")
    _check_place(name, values, key)

    async def work(store: Store, _stop: Stop) -> int:
        if values is not None:
            number = await _forget_values(store, values, key)
            await note_change(store, "state.reset", values, {"key": key, "number": number})
            told = f"{values}: {count(number, 'value')} forgotten"
            return _tell(invocation, {"store": values, "key": key, "forgotten": number}, told)
        cursor = (name or "").removeprefix(_PREFIX)
        if not await store.state.reset(cursor):
            raise await _no_cursor(store, cursor)
        await note_change(store, "state.reset", cursor)
        return _tell(invocation, {"cursor": cursor, "forgotten": 1}, f"{cursor}: the next fetch begins at the start")

    return run_on_store(invocation, "admin", work)


@command.command(
    "export",
    epilog="""\b
Examples:
  connector state export > state.jsonl
  connector state export --store prices | wc -l
""",
)
@click.option("--store", "values", metavar="STORE", help="Only the values of this store, and no cursors.")
@shared_options
@click.pass_obj
def export_state(invocation: Invocation, values: str | None) -> int:
    """Print cursors and kept values as JSON lines, for `connector state import`."""
    import orjson

    async def work(store: Store, stop: Stop) -> int:
        exported = 0
        if values is None:
            for cursor in await store.state.cursors():
                line = {"cursor": cursor.name, "value": cursor.value, "pending": cursor.pending}
                invocation.screen.show_bytes(orjson.dumps(line) + b"\n")
                exported += 1
        async for one in store.state.stored(values):
            line = {"store": one.store, "key": one.key, "value": orjson.Fragment(one.value)}
            invocation.screen.show_bytes(orjson.dumps(line) + b"\n")
            exported += 1
            if stop.is_asked:
                break
        invocation.screen.tell(f"{count(exported, 'entry', 'entries')} exported")
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "import",
    epilog="""\b
Examples:
  connector state import < state.jsonl
""",
)
@shared_options
@click.pass_obj
def import_state(invocation: Invocation) -> int:
    """Keep what `connector state export` printed, from standard input; what is there under the same name goes.

    A line that cannot be used is told with its number, and the others go on; the exit code is then 3.
    """
    if sys.stdin is None:
        raise ArgumentError("standard input is closed", cure="send it the lines of connector state export, with <")

    from connector.cli.lines import RecordLines, read_chunks

    async def work(store: Store, stop: Stop) -> int:

        bad, acceptance = _BadLines(invocation), _Acceptance(invocation)
        lines = RecordLines(read_chunks(sys.stdin.fileno()), lambda line: bad.tell(line.number, line.reason))
        kept = index = 0
        async for batch in lines.batches():
            for place, reason in await _keep(store, batch, acceptance):
                bad.tell(lines.find_line(index + place), reason)
                kept -= 1
            kept += len(batch)
            index += len(batch)
            if stop.is_asked:
                break
        await note_change(store, "state.import", "", {"number": kept})
        told = f"{count(kept, 'entry', 'entries')} kept"
        invocation.screen.tell(f"{told}, {count(bad.number, 'line')} could not be used" if bad.number else told)
        return SOME_FAILED if bad.number else OK

    return run_on_store(invocation, "admin", work)


class _BadLines:
    """Tells lines that cannot be used, and counts them."""

    def __init__(self, invocation: Invocation) -> None:
        self.number = 0
        self._screen = invocation.screen

    def tell(self, line: int, reason: str) -> None:
        """Tell one."""
        self.number += 1
        self._screen.tell(f"line {line}: {reason}")


async def _keep(store: Store, entries: list[Record], acceptance: _Acceptance) -> list[tuple[int, str]]:
    """Keep entries, and return the place in the list of each that cannot be used, with the reason."""
    import orjson

    from connector.store.rows import StoredValue

    values: list[StoredValue] = []
    bad: list[tuple[int, str]] = []
    for place, entry in enumerate(entries):
        match entry:
            case {"cursor": str(name), "value": value, **rest} if name and rest.keys() <= {"pending"}:
                try:
                    await store.state.set_cursor(name, value, pending=rest.get("pending"), check=acceptance.of(name))
                except ArgumentError as error:
                    bad.append((place, error.message))
            case {"store": str(name), "key": str(key), "value": value, **rest} if name and not rest:
                values.append(StoredValue(name, key, orjson.dumps(value)))
            case _:
                bad.append((place, "no entry of state; accepted are cursor and value, or store, key and value"))
    await store.state.set_values(values)
    return bad


def _check_place(name: str | None, values: str | None, key: str | None) -> None:
    """Refuse what contradicts itself.

    Raises:
        ArgumentError: An incoming and a store are named, or a key without a store.
    """
    if name is not None and values is not None:
        raise ArgumentError("an incoming and a store are named", cure="name one of them")
    if key is not None and values is None:
        raise ArgumentError("--key goes with --store", cure="name the store that has the key")


async def _show_all(invocation: Invocation, store: Store) -> None:
    cursors, stores = await store.state.cursors(), await store.state.stores()
    screen = invocation.screen
    if invocation.is_json:
        kept = [{"store": name, "values": number} for name, number in stores.items()]
        screen.show_json({"cursors": [_describe(cursor) for cursor in cursors], "stores": kept})
        return
    if not cursors and not stores:
        screen.tell("nothing is kept: no incoming with a state has read anything, and no step has kept a value")
        return
    if cursors:
        screen.show_table(("incoming", "cursor", "pending", "moved"), [_to_cells(cursor) for cursor in cursors])
    if cursors and stores:
        screen.show()
    if stores:
        screen.show_table(("store", "values"), [(name, f"{number:,}") for name, number in stores.items()])


async def _show_cursor(invocation: Invocation, store: Store, name: str) -> None:
    cursor = await store.state.cursor(name)
    if cursor is None:
        raise await _no_cursor(store, name)
    if invocation.is_json:
        invocation.screen.show_json(_describe(cursor))
    else:
        invocation.screen.show_table(("incoming", "cursor", "pending", "moved"), [_to_cells(cursor)])


async def _show_values(invocation: Invocation, store: Store, values: str, key: str | None, stop: Stop) -> None:
    """Print the values of a store as JSON lines, or the one under a key."""
    from connector.record_codec import decode_value

    screen = invocation.screen
    if key is not None:
        found = (await store.state.values([(values, key)])).get((values, key))
        if found is None:
            raise ArgumentError(f'the store {values} has nothing under "{key}"')
        screen.show_json(decode_value(found))
        return
    is_empty = True
    async for one in store.state.stored(values):
        is_empty = False
        screen.show(_to_text({"key": one.key, "value": decode_value(one.value)}))
        if stop.is_asked:
            return
    if is_empty:
        screen.tell(f"the store {values} holds nothing")


async def _put(store: Store, values: str, key: str, value: Any) -> None:
    from connector.record_codec import encode_value
    from connector.store.rows import StoredValue

    await store.state.set_values([StoredValue(values, key, encode_value(value))])


async def _forget_values(store: Store, values: str, key: str | None) -> int:
    """Delete the values of a store, or the one under a key, and return how many there were."""
    from connector.store.rows import StoredValue

    if key is None:
        return await store.state.clear(values)
    found = await store.state.values([(values, key)])
    await store.state.set_values([StoredValue(values, key, b"")])
    return len(found)


async def _no_cursor(store: Store, name: str) -> ConnectorError:
    """Return the error for a name that no cursor has."""
    from connector.config.wording import did_you_mean, join_names
    from connector.errors import UnknownNameError

    known = [cursor.name for cursor in await store.state.cursors()]
    return UnknownNameError(
        f'no cursor is kept under "{name}", there are: {join_names(known) or "none"}', cure=did_you_mean(name, known)
    )


class _Acceptance:
    """What cursors may be, as the configuration has it; where it cannot be read, as none of them could be otherwise."""

    def __init__(self, invocation: Invocation) -> None:
        try:
            sources = invocation.load_project().sources
        except ConnectorError:
            sources = None
        self._plans = None if sources is None else {name: plan.state for name, plan in sources.items() if plan.state}

    def check_name(self, name: str) -> None:
        """Refuse to set a cursor that nothing would ever read; where the configuration cannot be read, anything goes.

        Raises:
            UnknownNameError: No incoming with a state has the name.
        """
        from connector.app.names import find_named

        if self._plans is not None:
            find_named("incoming with a state", name, self._plans)

    def of(self, name: str) -> Callable[[Any], None]:
        """Return what refuses a value from which the incoming could not go on.

        It raises an ArgumentError that says where the cursor is declared, and what it may be.
        """
        from connector.subscriber.cursor import check_cursor

        plan = (self._plans or {}).get(name)

        def check(value: Any) -> None:
            try:
                if plan is None:
                    check_cursor(value, where=f"incoming.{name}.state")
                else:
                    plan.check(value)
            except SubscriberError as error:
                raise ArgumentError(
                    error.message, cure=f"to begin anew instead: connector state reset {name}"
                ) from error

        return check


def _parse(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ArgumentError: It is none.
    """
    import orjson

    from connector.client.exact import load_json

    try:
        return load_json(text.encode("utf-8", "surrogateescape"))
    except orjson.JSONDecodeError as error:
        raise ArgumentError(
            f"the value is not JSON: {error.msg} at character {error.pos + 1}",
            cure="a text in JSON stands in double quotes; without --json the value is text as it is",
        ) from error


def _fit(text: str, present: Cursor | None) -> Any:
    """Return a typed text as a number where the present cursor is one, so that the remote system is asked as before."""
    if present is None or isinstance(present.value, bool | str) or not isinstance(present.value, int | float):
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _tell(invocation: Invocation, value: dict[str, Any], told: str) -> int:
    if invocation.is_json:
        invocation.screen.show_json(value)
    else:
        invocation.screen.show(told)
    return OK


def _to_cells(cursor: Cursor) -> tuple[str, ...]:
    from connector.desk.moment import show_local

    pending = "" if cursor.pending is None else _to_text(cursor.pending)
    return cursor.name, _to_text(cursor.value), pending, show_local(cursor.updated_at_ms)


def _describe(cursor: Cursor) -> dict[str, Any]:
    from connector.desk.moment import to_iso

    return {
        "incoming": cursor.name,
        "value": cursor.value,
        "pending": cursor.pending,
        "moved_at": to_iso(cursor.updated_at_ms),
    }


def _to_text(value: Any) -> str:
    from connector.desk.json_text import encode_json

    return value if isinstance(value, str) else encode_json(value).decode()
