"""Records on their way in: batch by batch, and no further once a run is stopped."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable

    from connector.record import Record

T = TypeVar("T")

_BREATH: Final = 100
"""Records after which others get their turn: where all of a large batch are filtered, nothing else would run."""


async def pull(
    batches: AsyncIterator[list[Record]], stop: asyncio.Event, *, limit: int | None = None, may_cut: bool = True
) -> AsyncGenerator[Record, None]:
    """Yield records until there are no more, there were enough, or the run is stopped; close the batches then.

    Args:
        batches: Where they come from; the next batch is asked for when all of the last one were taken.
        stop: Ends it, also while a batch is awaited.
        limit: The most records; None for all.
        may_cut: Whether asking for a batch can be broken off. Where asking changes something on the other side, the
            batch in hand is waited for, and its records are yielded: they count as handed over.
    """
    taken = 0
    async with AsyncExitStack() as closing:
        close = getattr(batches, "aclose", None)  # a generator's; other iterators hold nothing
        if close is not None:
            closing.push_async_callback(close)
        while not stop.is_set() and taken != limit:
            batch = await (race(anext(batches, None), stop) if may_cut else anext(batches, None))
            if batch is None:
                return
            for record in batch:
                if taken == limit or (may_cut and stop.is_set()):
                    return
                taken += 1
                yield record
                if taken % _BREATH == 0:
                    await asyncio.sleep(0)


async def race(awaitable: Awaitable[T], stop: asyncio.Event) -> T | None:
    """Return the result, or None where the stop came first; the awaitable is broken off then, and gone."""
    working = asyncio.ensure_future(awaitable)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.wait({working, stopped})
        if not working.cancelled():
            working.exception()  # what broke while being broken off interests nobody
