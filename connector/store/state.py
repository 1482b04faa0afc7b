"""`Store.state`: how far each incoming has read, and values kept by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.store.rows import CursorMove

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from connector.store.cursors import Cursors
    from connector.store.database import Database
    from connector.store.rows import Cursor, StoredValue
    from connector.store.values import Values

_BITE: Final = 500


class State:
    """Cursors and values. Every method is one transaction, unless it says otherwise."""

    def __init__(self, database: Database, cursors: Cursors, values: Values) -> None:
        self._database = database
        self._cursors = cursors
        self._values = values

    async def cursor(self, name: str) -> Cursor | None:
        """Return how far an incoming has read, or None where it has read nothing."""
        return (await self.locate(name))[0]

    async def locate(self, name: str) -> tuple[Cursor | None, int]:
        """Return how far an incoming has read, and the version from which a fetch moves the cursor on.

        The version is 0 where the cursor was never set. No version ever comes twice, also where a cursor is forgotten
        and set anew: a fetch that began before moves nothing.
        """
        return await self._database.read(lambda transaction: self._cursors.find(transaction, name))

    async def cursors(self) -> list[Cursor]:
        """Return all cursors by name."""
        return await self._database.read(self._cursors.list_all)

    async def set_cursor(
        self, name: str, value: Any, *, pending: Any = None, check: Callable[[Any], None] | None = None
    ) -> None:
        """Set a cursor: the next fetch starts there.

        Args:
            name: Of the incoming.
            value: JSON value.
            pending: JSON value that becomes effective with a later move, or None.
            check: Called with the value, and with the pending one where there is one, before anything is kept: raises
                where the incoming could not go on from it. What a cursor may be, only whoever knows the incoming knows.
        """
        if check is not None:
            for one in (value,) if pending is None else (value, pending):
                check(one)
        await self._database.write(
            lambda transaction: self._cursors.move(transaction, CursorMove(name, value, pending))
        )

    async def reset(self, name: str) -> bool:
        """Forget a cursor, so that the next fetch starts anew; return whether there was one."""
        return await self._database.write(lambda transaction: self._cursors.forget(transaction, name))

    async def values(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Return JSON of what is kept, by store and key; a place that holds nothing is not in the result."""
        asked = list(places)
        return await self._database.read(lambda transaction: self._values.find(transaction, asked))

    async def set_values(self, values: Sequence[StoredValue]) -> None:
        """Keep values; `b""` deletes. Of several under one key the last counts."""
        if values:
            await self._database.write(lambda transaction: self._values.write(transaction, values))

    async def stored(self, store: str | None = None) -> AsyncIterator[StoredValue]:
        """Give all values of a store, or of every store, by store and key; read in bites, one transaction for each."""
        after = ("", "")
        while True:
            found = await self._database.read(
                lambda transaction, after=after: self._values.list_after(transaction, store, after, _BITE)  # type: ignore[misc]
            )
            for value in found:
                yield value
            if len(found) < _BITE:
                return
            after = (found[-1].store, found[-1].key)

    async def stores(self) -> dict[str, int]:
        """Return how many values each store holds, by name."""
        return await self._database.read(self._values.count)

    async def clear(self, store: str) -> int:
        """Delete all values of a store, and return how many there were."""
        return await self._database.write(lambda transaction: self._values.clear(transaction, store))
