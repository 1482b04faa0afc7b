"""Records of one call, page by page."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from connector.call.run import CallRun, Page
    from connector.record import Record
    from connector.request import Exchange
    from connector.transform.transformer import Transformer


class Subscriber:
    """Asks a remote system for records."""

    def __init__(self, run: CallRun) -> None:
        self._run = run

    @property
    def commits(self) -> bool:
        """Whether asking changes business data, such as marking what was given as handed over."""
        return self._run.commits

    async def pages(self, *, observe: Callable[[Exchange], None] | None = None) -> AsyncGenerator[Page, None]:
        """Yield pages as they come; one page at a time is held in memory. Raises what `CallRun.pages` raises."""
        async with aclosing(self._run.pages(observe=observe)) as pages:
            async for page in pages:
                yield page


class Incoming:
    """A subscriber, and the steps on each of its records. One instance may be read several times."""

    def __init__(self, name: str, subscriber: Subscriber, transformer: Transformer | None) -> None:
        self.name = name
        self.subscriber = subscriber
        self._transformer = transformer

    async def pages(self, *, observe: Callable[[Exchange], None] | None = None) -> AsyncGenerator[list[Record], None]:
        """Yield the shaped records of each page; an empty list where a filter left all of them out.

        Raises:
            ConnectorError: As `Subscriber.pages`; a record that cannot be shaped ends the iteration. Callers that
                want to go on with the others use `raw_pages` and `shape`.
        """
        async with aclosing(self.raw_pages(observe=observe)) as pages:
            async for records in pages:
                yield [shaped for record in records for shaped in self.shape(record)]

    async def raw_pages(
        self, *, observe: Callable[[Exchange], None] | None = None
    ) -> AsyncGenerator[list[Record], None]:
        """Yield the records of each page as the remote system gave them."""
        async with aclosing(self.subscriber.pages(observe=observe)) as pages:
            async for page in pages:
                yield page.records

    async def records(self, *, observe: Callable[[Exchange], None] | None = None) -> AsyncGenerator[Record, None]:
        """Yield the shaped records one by one. Raises as `pages`."""
        async with aclosing(self.pages(observe=observe)) as pages:
            async for records in pages:
                for record in records:
                    yield record

    def shape(self, record: Record) -> list[Record]:
        """Return the records that the steps make of one: none where filtered, several where split.

        Raises:
            TransformError: A step failed.
        """
        return [record] if self._transformer is None else self._transformer.apply(record)
