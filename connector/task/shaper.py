"""Stored records made into what is sent, with the stored values that their steps ask for.

Values are fetched for a whole batch of claimed tasks at once, and once more only where a task asks for another one when
its turn comes. In between, what this process itself keeps is taken in, so that a task sees what those before it in
its batch have kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from connector.errors import TransformError
from connector.record_codec import decode_record
from connector.transform.ledger import Shaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connector.route.shape import Shaping
    from connector.store.rows import StoredValue
    from connector.transform.ledger import Asking, Pair

_MOST_KNOWN: Final = 20_000
"""Values that are remembered. They are fetched anew with every batch that asks for them."""


class ValueSource(Protocol):
    """Where stored values are fetched: the `state` of a store."""

    async def values(self, pairs: Iterable[Pair]) -> Mapping[Pair, bytes | None]:
        """Return the values under these names and keys; no entry, or None, where there is none."""
        ...


class Shaper:
    """Shapes the records of one route. Everything is called from one event loop."""

    def __init__(self, shaping: Shaping, source: ValueSource) -> None:
        """Prepare.

        Args:
            shaping: The route's steps.
            source: Where stored values are fetched.
        """
        self._shaping = shaping
        self._source = source
        self._known: dict[Pair, bytes | None] = {}
        self._ahead: dict[Pair, bytes] = {}  # what is about to be kept, and is newer than what is known
        self._settled: list[StoredValue] = []
        self._fetches = 0
        self.uses_store: Final = shaping.uses_store

    def shape(self, record: bytes) -> Sequence[Shaped]:
        """Return the parcels of a record whose steps use no stored values.

        Args:
            record: As `record_codec` wrote it.

        Raises:
            TransformError: A step failed.
        """
        return [Shaped(parcel) for parcel in self._shaping.parcels(decode_record(record))]

    async def parcels(self, record: bytes) -> Sequence[Shaped]:
        """Return the parcels of a record, whatever its steps use. Raises as `ask`."""
        return await self.ask(record) if self.uses_store else self.shape(record)

    async def ask(self, record: bytes) -> Sequence[Shaped]:
        """Return the parcels of a record whose steps may use stored values.

        Args:
            record: As `shape`.

        Raises:
            TransformError: A step failed.
            StoreError: A value cannot be fetched.
        """
        asking = self._shaping.ask(decode_record(record))
        try:
            needed = next(asking)
            while True:
                while missing := needed - self._known.keys() - self._ahead.keys():
                    await self._fetch(missing)
                needed = asking.send(self._read(needed))
        except StopIteration as end:
            shaped: Sequence[Shaped] = end.value
            return shaped

    async def prepare(self, records: Iterable[bytes]) -> None:
        """Fetch what the steps of many records will ask for, in as few turns as the steps of one take.

        A record that cannot be shaped is passed over: it says so when it is shaped.

        Raises:
            StoreError: The values cannot be fetched.
        """
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        fresh: set[Pair] = set()
        asking: list[tuple[Asking, frozenset[Pair]]] = []
        for record in records:
            try:
                conversation = self._shaping.ask(decode_record(record))
            except ValueError:
                continue
            self._go_on(conversation, None, asking)
        while asking:
            needed = {pair for _, pairs in asking for pair in pairs}
            if needed - fresh:
                await self._fetch(needed - fresh)
                fresh |= needed
            going, asking = asking, []
            for conversation, pairs in going:
                if pairs <= self._known.keys() | self._ahead.keys():  # else it asks again when its turn comes
                    self._go_on(conversation, self._read(pairs), asking)

    def keep(self, values: Iterable[StoredValue]) -> None:
        """Take in what is about to be kept, so that nobody works with what was there before."""
        self._ahead.update(((value.store, value.key), value.value) for value in values)

    def drop(self, values: Iterable[StoredValue]) -> None:
        """Take note that what was taken in is kept by now, or never will be; whoever asks finds it in the store."""
        self._settled += values
        if not self._fetches:
            self._clear()

    def _clear(self) -> None:
        for value in self._settled:
            place = value.store, value.key
            if self._ahead.get(place) is value.value:  # else a later one is on its way
                del self._ahead[place]
            self._known.pop(place, None)
        self._settled.clear()

    def _read(self, pairs: Iterable[Pair]) -> dict[Pair, bytes | None]:
        return {pair: self._ahead[pair] or None if pair in self._ahead else self._known[pair] for pair in pairs}

    @staticmethod
    def _go_on(
        conversation: Asking,
        found: Mapping[Pair, bytes | None] | None,
        asking: list[tuple[Asking, frozenset[Pair]]],
    ) -> None:
        try:
            pairs = next(conversation) if found is None else conversation.send(found)
        except (StopIteration, TransformError):
            return
        asking.append((conversation, pairs))

    async def _fetch(self, pairs: Iterable[Pair]) -> None:
        """Fetch values; what is kept while they are on their way is newer, and stands until they are there."""
        asked = tuple(pairs)
        self._fetches += 1
        try:
            found = await self._source.values(asked)
        finally:
            self._fetches -= 1
        self._known.update((pair, found.get(pair)) for pair in asked)
        if not self._fetches:
            self._clear()
