"""Records that are sent in become tasks: durable before whoever sent them is told so.

While one transaction is under way, what comes meanwhile waits, and goes into the next one together. So a lone
record is kept at once, and of a thousand at once many share a commit.

What waits is bounded, in tasks and in bytes, and beyond that it is refused and not lost: whoever sends is told when to
send again. Each source has a queue of its own and its turn, and none may fill more than half of the room, so that one
that floods does not shut the others out.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
from collections import deque
from dataclasses import dataclass as mutable
from dataclasses import field
from typing import TYPE_CHECKING, Final, TypeVar

from connector.errors import ConnectorError, IntakeError, OverloadedError, Recovery, StoreError
from connector.frozen import dataclass
from connector.store.rows import Accepted, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.record import Record
    from connector.store.rows import NewTask
    from connector.store.store import Store
    from connector.task.ingest import Ingest, Mill

T = TypeVar("T")

MOST_WAITING: Final = 20_000
"""Tasks that may wait to be kept."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of their records."""

PATIENCE_S: Final = 10.0
"""How long a delivery may wait to be kept, seconds: those who send give up about then."""

_MOST_AT_ONCE: Final = 1_000
"""Tasks of one transaction, unless a single delivery has more."""

_MOST_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
_SLICE: Final = 100
"""Records that are shaped in one go, before others have their turn on this thread."""

_LINGER_S: Final = 0.002
"""How long others are waited for, seconds, after a commit that several shared: they are most likely about to come. A
commit costs as much as a dozen deliveries in it, so that this takes a fifth less of the processor."""

_LONGEST_WAIT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery; it is durable.

    Attributes:
        ids: Of its tasks, in order; None where a record was left out, since its route knows the key.
        records: How many records it had; of a repeat, those of this one.
        left_out: Of how many of them a filter left nothing.
        failed: How many of its tasks hold a record that could not be shaped.
        duplicates: How many records were left out because a route knows their key.
        is_repeat: Whether it had come before: nothing was made, and the ids are those of the first time.
    """

    ids: tuple[int | None, ...]
    records: int
    left_out: int = 0
    failed: int = 0
    duplicates: int = 0
    is_repeat: bool = False

    @property
    def tasks(self) -> list[int]:
        """The ids of its tasks, each once."""
        return list(dict.fromkeys(task for task in self.ids if task is not None))


@mutable(slots=True)
class _Waiting:
    """A delivery on its way into the store."""

    delivery: Delivery
    size: int
    future: asyncio.Future[Accepted] = field(repr=False)

    @property
    def count(self) -> int:
        return max(1, len(self.delivery.tasks))


class _Room:
    """What waits: a queue for each source, and whose turn it is."""

    def __init__(self, most_waiting: int, most_bytes: int) -> None:
        self.count = self.size = 0
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._queues: dict[str, deque[_Waiting]] = {}
        self._held: dict[str, tuple[int, int]] = {}

    def is_full(self, source: str) -> bool:
        """Whether nothing more fits, of this source or at all."""
        count, size = self._held.get(source, (0, 0))
        return (
            self.count >= self._most_waiting
            or self.size >= self._most_bytes
            or count * 2 >= self._most_waiting
            or size * 2 >= self._most_bytes
        )

    def put(self, waiting: _Waiting) -> None:
        """Add one at the end of its source's queue."""
        source = waiting.delivery.source
        self._queues.setdefault(source, deque()).append(waiting)
        self._move(source, waiting.count, waiting.size)

    def take(self) -> list[_Waiting]:
        """Return the next ones, one of each source in turn, as many as fit into a transaction."""
        taken: list[_Waiting] = []
        dropped: list[_Waiting] = []
        count = size = 0
        while self._queues:
            source, queue = next(iter(self._queues.items()))
            first = queue[0]
            if first.future.done():  # whoever sent it waits no more, and was told of nothing
                dropped.append(queue.popleft())
                if not queue:
                    del self._queues[source]
                continue
            if taken and (count + first.count > _MOST_AT_ONCE or size + first.size > _MOST_BYTES_AT_ONCE):
                break
            queue.popleft()
            del self._queues[source]
            if queue:
                self._queues[source] = queue  # at the end: the others come first
            count += first.count
            size += first.size
            taken.append(first)
        self.leave(dropped)
        return taken

    def leave(self, taken: Sequence[_Waiting]) -> None:
        """Make room: these are settled."""
        for waiting in taken:
            self._move(waiting.delivery.source, -waiting.count, -waiting.size)

    def _move(self, source: str, count: int, size: int) -> None:
        held = self._held.pop(source, (0, 0))
        if held[0] + count:
            self._held[source] = held[0] + count, held[1] + size
        self.count += count
        self.size += size


class Acceptor:
    """Makes tasks of records that are sent in. One for a process, on one event loop."""

    def __init__(
        self,
        find_ingest: Callable[[], Ingest],
        store: Store,
        *,
        wake: Callable[[str], None],
        most_waiting: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Prepare; it begins to write with the first delivery.

        Args:
            find_ingest: Returns what shapes records; asked with every delivery, since a reload changes it.
            store: Where the tasks are kept.
            wake: Called with each route that has got tasks, once they are durable.
            most_waiting: Tasks that may wait to be kept.
            most_bytes: Bytes of their records that may.
            patience_s: How long a delivery may wait to be kept, seconds; the database may be away for longer.
        """
        self._find_ingest = find_ingest
        self._store = store
        self._wake = wake
        self._patience_s = patience_s
        self._room = _Room(most_waiting, most_bytes)
        self._writing: asyncio.Task[None] | None = None
        self._token = secrets.token_hex(16)  # with a number it is each delivery's own, for a tenth of the time
        self._numbers = itertools.count()
        self._is_closing = False
        self._shaping = 0
        self._is_shaped = asyncio.Event()
        self._is_shaped.set()
        self._pace = 1_000.0  # tasks a second, as it was lately

    @property
    def waiting(self) -> int:
        """How many tasks wait to be kept."""
        return self._room.count

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of records wait to be kept."""
        return self._room.size

    def check(self, source: str) -> None:
        """Do nothing where there is room. Whoever reads a body asks before that.

        Args:
            source: Who sends; that of the tasks.

        Raises:
            OverloadedError: There is none.
        """
        if self._is_closing:
            raise OverloadedError("this process is about to end", retry_after_s=1, is_closing=True)
        if self._room.is_full(source):
            wait_s = min(_LONGEST_WAIT_S, max(1, math.ceil(self._room.count / self._pace)))
            raise OverloadedError(
                f"{self._room.count:,} tasks wait to be kept, which is as many as may", retry_after_s=wait_s
            )

    async def accept(
        self,
        records: Sequence[Record],
        *,
        route: str | None = None,
        incoming: str | None = None,
        source: str | None = None,
        digest: bytes | None = None,
        window_ms: int = 0,
        content: bytes | None = None,
    ) -> Taken:
        """Keep what somebody sent at once: all of its records in one transaction, or none of them.

        Whoever waits for this may be cancelled: what was handed over is then kept as a whole, or not at all.

        Args:
            records: As they came.
            route: The one route they are for; its incoming is passed by. Or
            incoming: under which name the webhook is kept whose steps they go through, for all routes that name it.
            source: Within which the digest means something; `push/<route>` or `incoming.<name>` where left out.
            digest: What stands for the delivery, or None where each is new.
            window_ms: For how long it is known.
            content: Digest of what was sent, where a repeat has to have sent the same; None where that is no matter.

        Raises:
            OverloadedError: There is no room just now, or this process is about to end.
            UnknownNameError: There is no such route.
            IntakeError: The digest is known with other content (422).
            SubscriberError: No route takes the records, or one of them cannot be kept.
            StoreError: The database cannot be used; nothing was kept, as far as can be known. Sent again with its
                digest, it is kept once.
        """
        name = source or (f"push/{route}" if incoming is None else f"incoming.{incoming}")
        self.check(name)
        mill = self._find_ingest().mill(route=route, incoming=incoming)
        self._shaping += 1
        self._is_shaped.clear()
        try:
            tasks, left_out, failed = await _grind(mill, records)
            if not tasks and digest is None:
                return Taken((), len(records), left_out)
            token = f"{self._token}-{next(self._numbers)}"
            delivery = Delivery(tuple(tasks), token, name, digest, window_ms, content)
            waiting = _Waiting(
                delivery, sum(len(task.record) for task in tasks), asyncio.get_running_loop().create_future()
            )
            self._room.put(waiting)
        finally:
            self._shaping -= 1
            if not self._shaping:
                self._is_shaped.set()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="connector-acceptor")
        try:
            async with asyncio.timeout(self._patience_s):
                accepted = await waiting.future
        except TimeoutError as error:
            raise StoreError(
                f"what was sent was not kept within {self._patience_s:g} seconds: the database is away, or too busy",
                cure="send it again; with an id of its delivery it is kept once, whatever became of it",
            ) from error
        if accepted.is_other:
            raise IntakeError(
                "what tells deliveries apart came before, with other records", cure="give each its own", status=422
            )
        if accepted.is_repeat:
            return Taken(accepted.ids, len(records), duplicates=accepted.duplicates, is_repeat=True)
        return Taken(accepted.ids, len(records), left_out, failed, accepted.duplicates)

    async def aclose(self) -> None:
        """Take nothing more, and return when all that was taken is kept, or could not be. Safe to call twice."""
        self._is_closing = True
        await self._is_shaped.wait()
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        """Keep what waits, until nothing does."""
        loop = asyncio.get_running_loop()
        try:
            while taken := self._room.take():
                begun = loop.time()
                try:
                    await self._keep(taken)
                finally:
                    self._room.leave(taken)
                seconds = max(loop.time() - begun, 0.001)
                self._pace += 0.2 * (sum(waiting.count for waiting in taken) / seconds - self._pace)
                if len(taken) > 1 and not self._is_closing:
                    await asyncio.sleep(_LINGER_S)
        finally:
            self._writing = None

    async def _keep(self, taken: Sequence[_Waiting]) -> None:
        """Keep some deliveries in one transaction, and tell whoever waits for them.

        Where one of them cannot be kept for what it holds, the others are not to suffer: they are kept in halves.
        """
        try:
            results = await self._store.tasks.accept([waiting.delivery for waiting in taken])
        except Exception as error:  # noqa: BLE001 - it is raised where the delivery is awaited
            is_passing = isinstance(error, ConnectorError) and error.recovery is Recovery.RETRY
            if is_passing or len(taken) == 1:
                for waiting in taken:
                    if not waiting.future.done():
                        waiting.future.set_exception(error)
                return
            half = len(taken) // 2
            await self._keep(taken[:half])
            await self._keep(taken[half:])
            return
        for waiting, accepted in zip(taken, results, strict=True):
            if not waiting.future.done():
                waiting.future.set_result(accepted)
        for route in dict.fromkeys(
            task.route
            for waiting, accepted in zip(taken, results, strict=True)
            if not (accepted.is_repeat or accepted.is_other)
            for task in waiting.delivery.tasks
        ):
            self._wake(route)


async def _grind(mill: Mill, records: Sequence[Record]) -> tuple[list[NewTask], int, int]:
    """Return the tasks of some records, how many were left out and how many failed, a slice at a time."""
    if len(records) <= _SLICE:
        flour = mill.grind(records)
        return flour.tasks, flour.left_out, flour.failed
    tasks: list[NewTask] = []
    left_out = failed = position = 0
    for first in range(0, len(records), _SLICE):
        flour = mill.grind(records[first : first + _SLICE], first, position=position)
        tasks += flour.tasks
        left_out, failed, position = left_out + flour.left_out, failed + flour.failed, flour.end
        await asyncio.sleep(0)
    return tasks, left_out, failed
