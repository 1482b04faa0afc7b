"""Work that goes on until somebody asks it to stop, with helpers beside it, brought to its end within a bound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from connector import log

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from connector.task.journal import Journal

GRACE_S: Final = 25.0
"""How long tasks in hand may take once the process was asked to stop, seconds; then they are broken off. Whoever stops
processes kills them after 30 s (Kubernetes) or 90 s (systemd)."""

HURRY_S: Final = 3.0
"""How long a store that is away, or does not answer, is waited for once the process was asked to stop, seconds."""

_LAST_S: Final = 1.0
"""How long what was broken off may take to end once its connections are cut, seconds."""

logger = log.get_logger()


async def supervise(
    work: Coroutine[Any, Any, None],
    helpers: Iterable[Coroutine[Any, Any, None]],
    *,
    stop: asyncio.Event,
    close: Callable[[], None],
    journal: Journal,
    grace_s: float = GRACE_S,
    hurry: asyncio.Event | None = None,
    cut: Callable[[], None] | None = None,
) -> bool:
    """Wait for work; asked to stop, or where a helper fails, bring it to its end within the grace.

    Args:
        work: What is waited for. It ends by itself, or soon after it was closed.
        helpers: Go on beside it, and are broken off when it has ended. One may end earlier.
        stop: Set by whoever wants it to end.
        close: Tells the work to begin nothing new. Called once, also where it has ended.
        journal: Waits less long for a store from then on.
        grace_s: How long the work may take to end; then it is broken off.
        hurry: Set when the grace begins, where `stop` alone lets the work take its time; None: it begins with `stop`.
        cut: Called where what was broken off does not end, since the database does not answer: ends further connections
            to it than the store's.

    Returns:
        Whether it came to its end by itself; False where it was broken off.

    Raises:
        Exception: What the work raised, or else a helper.
    """
    working = asyncio.ensure_future(work)
    helping = [asyncio.ensure_future(helper) for helper in helpers]
    stopping = asyncio.ensure_future(stop.wait())
    everything: set[asyncio.Future[Any]] = {working, stopping, *helping}
    try:
        waiting = set(everything)
        while True:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if working in done or stopping in done or any(map(_has_failed, done)):
                break
        close()
        if hurry is not None and stop.is_set() and not any(map(_has_failed, helping)):
            await wait_until(hurry, working, *waiting)
        if not working.done():
            journal.hurry(HURRY_S)
            await asyncio.wait({working}, timeout=grace_s)
        is_whole = working.done()
        if not is_whole:
            logger.error(log.BROKEN_OFF, grace_s=grace_s)
    finally:
        await _break_off(everything, journal, cut, is_ending=(hurry or stop).is_set())
    for task in (working, *helping):
        if _has_failed(task):
            task.result()
    return is_whole


async def wait_until(hurry: asyncio.Event, work: asyncio.Future[Any], *helping: asyncio.Future[Any]) -> None:
    """Return when work has ended, or there is no time left to take, or a helper has failed."""
    hurrying = asyncio.ensure_future(hurry.wait())
    waiting: set[asyncio.Future[Any]] = {work, hurrying, *helping}
    try:
        while not work.done() and not hurrying.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if any(map(_has_failed, done)):
                return
    finally:
        hurrying.cancel()


async def _break_off(
    tasks: set[asyncio.Future[Any]], journal: Journal, cut: Callable[[], None] | None, *, is_ending: bool
) -> None:
    """Cancel tasks and return when they have ended; where the process is to end, also if the database does not answer.

    What they do last, such as giving back what was claimed, waits for the database. One that is there and says nothing
    would keep this process alive for good, so that its connections are cut in the end, from this side. Whatever still
    goes on then is left behind.
    """
    for task in tasks:
        task.cancel()
    if not is_ending:
        await asyncio.wait(tasks)
        return
    _, left = await asyncio.wait(tasks, timeout=HURRY_S)
    if left:
        journal.cut(HURRY_S)
        if cut is not None:
            cut()
        _, left = await asyncio.wait(left, timeout=_LAST_S)
    if left:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_LAST_S)


async def first_of(
    *events: asyncio.Event, tasks: Iterable[asyncio.Task[Any]] = (), within_s: float | None = None
) -> None:
    """Return when one of the events is set, one of the tasks has ended, or the time is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait([*waiting, *tasks], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def _has_failed(task: asyncio.Future[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
