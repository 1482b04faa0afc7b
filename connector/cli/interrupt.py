"""Stopping: the first signal lets what is in hand come to its end, the second breaks it off."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Final

from connector.cli import garbage
from connector.cli.exits import exit_for_signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connector.cli.screen import Screen

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked to stop, and who wants to know."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.signum: int | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_asked(self) -> bool:
        """Whether a signal came."""
        return self.signum is not None

    def on_ask(self, listener: Callable[[], None]) -> None:
        """Call this when the first signal comes, or now if it came already."""
        self._listeners.append(listener)
        if self.is_asked:
            listener()

    def ask(self, signum: int) -> None:
        """Ask to stop."""
        self.signum = signum
        self.event.set()
        for listener in self._listeners:
            listener()


def run_stoppable(work: Callable[[Stop], Awaitable[int]], screen: Screen, *, in_hand: str) -> int:
    """Run a command's work to its end and return its exit code: its own, or that of the signal that ended it.

    Args:
        work: Told by its `Stop` when it should take nothing new; cancelled by a second signal.
        screen: Where to say what is going on.
        in_hand: What the first signal waits for, such as `the call in hand`.
    """
    garbage.resume()
    return asyncio.run(_run(work, screen, in_hand))


async def _run(work: Callable[[Stop], Awaitable[int]], screen: Screen, in_hand: str) -> int:
    stop = Stop()
    task = asyncio.ensure_future(work(stop))
    loop = asyncio.get_running_loop()

    def take(signum: int) -> None:
        if stop.is_asked:
            task.cancel()
            return
        screen.tell(f"stopping after {in_hand}; once more breaks it off")
        stop.ask(signum)

    for signum in _SIGNALS:
        loop.add_signal_handler(signum, take, signum)
    try:
        code = await task
    except asyncio.CancelledError:
        if stop.signum is None:
            raise
        screen.tell("broken off")
        return exit_for_signal(stop.signum)
    finally:
        for signum in _SIGNALS:
            loop.remove_signal_handler(signum)
    return code if stop.signum is None else exit_for_signal(stop.signum)
