"""What delivery writes down, many tasks in one transaction: notes of commits, checkpoints, settlements.

There is no timer. Whatever was handed in while one transaction was under way goes into the next one, so that one task
alone waits for nothing but the disk, and a hundred side by side share a transaction.

While the store is away, what was handed in stays in memory and is tried again; nobody who waits for a note goes on, so
nothing leaves without one.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from connector import log
from connector.errors import Recovery, StoreError
from connector.store.rows import Checkpoint, CommitNote, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")

MOST_AT_ONCE: Final = 500
"""Entries in one transaction. More would keep the first of them waiting for the last."""

PATIENCE_S: Final = 120.0
"""How long a store that is away is waited for, seconds; then the journal gives up, and whoever uses it ends."""

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0

logger = log.get_logger()


class FencedError(Exception):
    """Somebody else has taken the task over: what this worker wants to write no longer holds. Nothing may leave."""


class WithdrawnError(Exception):
    """What was to be written cannot be, so that the request it is about must not leave."""


class Fate(enum.Enum):
    """What became of a settlement."""

    WRITTEN = enum.auto()
    FENCED = enum.auto()  # the task is somebody else's by now; what was seen is kept with the attempt
    LOST = enum.auto()  # the store was away for too long; the outcome is in the log


class TaskWriter(Protocol):
    """What the journal asks of a store."""

    def hurry(self, patience_s: float) -> None:
        """Wait no longer than this for a server that is away, seconds."""
        ...

    def cut(self, after_s: float) -> None:
        """Give up a server that has not answered for so long, seconds, and begin nothing more on it."""
        ...

    async def write(
        self, notes: Sequence[CommitNote], checkpoints: Sequence[Checkpoint], settlements: Sequence[Settlement]
    ) -> frozenset[tuple[int, int]]:
        """Write all of it in one transaction, and return task and attempt of what was fenced off.

        Raises:
            StoreError: It is not known to be written; writing the same again is harmless.
        """
        ...


class _Entry:
    """One thing to be written, and whom to tell: who waits for it, or a function that is called."""

    __slots__ = ("tell", "waiting", "written")

    def __init__(
        self,
        written: CommitNote | Checkpoint | Settlement,
        waiting: asyncio.Future[None] | None = None,
        tell: Callable[[Fate], None] | None = None,
    ) -> None:
        self.written = written
        self.waiting = waiting
        self.tell = tell


class Journal:
    """Writes for all deliveries of a process. Everything is called from one event loop."""

    def __init__(
        self,
        tasks: TaskWriter,
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing runs as long as there is nothing to write.

        Args:
            tasks: Where to write.
            patience_s: How long a store that is away is waited for.
            sleep: Waits between tries; seconds.
            clock: Seconds that only go forward.
        """
        self._tasks = tasks
        self._patience_s = patience_s
        self._sleep = sleep
        self._clock = clock
        self._queue: deque[_Entry] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._held_up = 0  # acts that have failed, and are tried again
        self._away_since_s: float | None = None

    async def note(self, note: CommitNote) -> None:
        """Return when the note is durable; then the request may leave.

        Raises:
            FencedError: The task is somebody else's by now.
            WithdrawnError: The store was away for too long.
        """
        await self._put(note)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Return when the checkpoint is durable; then the next parcel may be begun. Raises as `note`."""
        await self._put(checkpoint)

    def settle(self, settlement: Settlement, on_settled: Callable[[Fate], None]) -> None:
        """Hand in the end of an attempt.

        Args:
            settlement: What to write.
            on_settled: Called once, when it is durable or was given up; it must not raise.
        """
        self._add(_Entry(settlement, tell=on_settled))

    async def flush(self) -> None:
        """Return when everything that was handed in so far is durable, or was given up."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def bear(self, act: Callable[[], Awaitable[T]]) -> T:
        """Return what an act upon the store gives; it is repeated while the store is away.

        Raises:
            StoreError: It was away for too long, or it can never work.
        """
        wait_s, is_held_up = _FIRST_WAIT_S, False
        try:
            while True:
                self.check()
                try:
                    result = await act()
                except StoreError as error:
                    self._held_up += not is_held_up
                    is_held_up = True
                    await self._wait(error, wait_s)
                    wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
                else:
                    break
        finally:
            self._held_up -= is_held_up
        # Not while another act is held up: on a full disk, what only reads succeeds as ever.
        if self._away_since_s is not None and not self._held_up and self._failure is None:
            logger.warning(log.STORE_BACK, away_s=round(self._clock() - self._away_since_s, 1))
            self._away_since_s = None
        return result

    def hurry(self, patience_s: float) -> None:
        """Wait no longer than this for a store that is away, since whoever uses the journal wants to end. Seconds."""
        self._patience_s = min(self._patience_s, patience_s)
        self._tasks.hurry(patience_s)

    def cut(self, after_s: float) -> None:
        """Give up a server that has not answered for so long, seconds; what was to be written is told in the log."""
        self._tasks.cut(after_s)

    def check(self) -> None:
        """Do nothing as long as the journal can be written to.

        Raises:
            StoreError: It has given up.
        """
        if self._failure is not None:
            raise self._failure

    async def _put(self, written: CommitNote | Checkpoint) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(_Entry(written, waiting))
        await waiting

    def _add(self, entry: _Entry) -> None:
        if self._failure is not None:
            self._give_up([entry])
            return
        self._queue.append(entry)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        """Write what is in the queue, transaction by transaction, until there is nothing."""
        queue, entries = self._queue, list[_Entry]()
        try:
            while queue:
                entries = [queue.popleft() for _ in range(min(len(queue), MOST_AT_ONCE))]
                self._tell(entries, await self._write(entries))
        except Exception as error:  # noqa: BLE001 - raised by `check`, for whoever uses the journal
            self._failure = error
            self._give_up([*entries, *queue])
            queue.clear()
        finally:
            self._writer = None

    async def _write(self, entries: list[_Entry]) -> frozenset[tuple[int, int]]:
        """Write entries in one transaction, and return what was fenced off."""
        notes: list[CommitNote] = []
        checkpoints: list[Checkpoint] = []
        settlements: list[Settlement] = []
        for entry in entries:
            written = entry.written
            if isinstance(written, Settlement):
                settlements.append(written)
            elif isinstance(written, Checkpoint):
                checkpoints.append(written)
            elif not (entry.waiting is not None and entry.waiting.done()):  # done: broken off, and nothing will leave
                notes.append(written)
        return await self.bear(lambda: self._tasks.write(notes, checkpoints, settlements))

    def _tell(self, entries: list[_Entry], fenced: frozenset[tuple[int, int]]) -> None:
        for entry in entries:
            written = entry.written
            is_fenced = bool(fenced) and (written.task, written.attempt) in fenced
            if entry.tell is not None:
                entry.tell(Fate.FENCED if is_fenced else Fate.WRITTEN)
            elif entry.waiting is not None and not entry.waiting.done():
                if is_fenced:
                    entry.waiting.set_exception(FencedError())
                else:
                    entry.waiting.set_result(None)

    async def _wait(self, error: StoreError, wait_s: float) -> None:
        """Wait before the next try, or raise the error where there is none."""
        if error.recovery is not Recovery.RETRY:
            raise error
        now_s = self._clock()
        if self._away_since_s is None:
            self._away_since_s = now_s
            logger.error(log.STORE_AWAY, reason=error.message, cure=error.cure, patience_s=self._patience_s)
        left_s = self._away_since_s + self._patience_s - now_s
        if left_s <= 0:
            raise error
        await self._sleep(min(wait_s, left_s))

    def _give_up(self, entries: list[_Entry]) -> None:
        """Tell what was not written: outcomes to the log, whoever waits by an error."""
        for entry in entries:
            written = entry.written
            if isinstance(written, Settlement):
                logger.error(
                    log.OUTCOME_UNWRITTEN,
                    task_id=written.task,
                    attempt=written.attempt,
                    status=written.status.value,
                    verdict=written.verdict,
                    reason=written.reason,
                )
                if entry.tell is not None:
                    entry.tell(Fate.LOST)
            elif entry.waiting is not None and not entry.waiting.done():
                entry.waiting.set_exception(WithdrawnError())
