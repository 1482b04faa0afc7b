"""What is sent in becomes tasks: together, in turns, bounded, and never half."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import OverloadedError, Recovery, StoreError
from connector.store.rows import Accepted
from connector.task.accept import Acceptor
from connector.task.ingest import Feed, Ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.store.rows import Delivery

SOURCES = ("a", "b", "c")


class Shelf:
    """A store that keeps deliveries in memory, one transaction after another, when a test lets it.

    Attributes:
        batches: The deliveries of each transaction that was carried out, by what they hold.
        gate: While it is not set, a transaction waits.
        entered: Set when one has begun.
    """

    def __init__(self) -> None:
        self.batches: list[list[list[bytes]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.fails: Callable[[Sequence[Delivery]], Exception | None] = lambda _: None
        self.at_once = 0
        self.tasks = SimpleNamespace(accept=self.accept)
        self._count = 0

    async def accept(self, batches: Sequence[Delivery]) -> list[Accepted]:
        """Keep deliveries."""
        self.at_once += 1
        assert self.at_once == 1, "two transactions at once"
        self.entered.set()
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
            failure = self.fails(batches)
            if failure is not None:
                raise failure
            self.batches.append([[task.record for task in delivery.tasks] for delivery in batches])
            return [Accepted(tuple(self._take() for _ in delivery.tasks)) for delivery in batches]
        finally:
            self.at_once -= 1

    @property
    def kept(self) -> list[bytes]:
        """All records, in order."""
        return [record for batch in self.batches for delivery in batch for record in delivery]

    def _take(self) -> int:
        self._count += 1
        return self._count


def make(shelf: Shelf, **limits: Any) -> tuple[Acceptor, list[str]]:
    """Return an acceptor for the routes a, b and c, and the routes it has woken so far."""
    woken: list[str] = []
    ingest = Ingest(shelf, [Feed(source) for source in SOURCES], lambda _: None)  # type: ignore[arg-type, return-value]
    return Acceptor(lambda: ingest, shelf, wake=woken.append, **limits), woken  # type: ignore[arg-type]


def push(acceptor: Acceptor, route: str, *numbers: int, text: str = "") -> asyncio.Task[Any]:
    """Send records for a route."""
    records = [{"n": number, **({"text": text} if text else {})} for number in numbers]
    return asyncio.create_task(acceptor.accept(records, route=route))


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_lone_delivery_is_kept_at_once() -> None:
    """It waits for no others."""
    shelf = Shelf()
    acceptor, woken = make(shelf)

    taken = await push(acceptor, "a", 1, 2)

    assert (taken.tasks, taken.records, woken) == ([1, 2], 2, ["a"])


async def test_what_comes_meanwhile_shares_a_transaction() -> None:
    """While one is under way, the others wait for the next, together."""
    shelf = Shelf()
    acceptor, woken = make(shelf)
    shelf.gate.clear()
    first = push(acceptor, "a", 0)
    await shelf.entered.wait()
    others = [push(acceptor, "a", number) for number in range(1, 20)]
    await settle()

    shelf.gate.set()
    await asyncio.gather(first, *others)

    assert [len(batch) for batch in shelf.batches] == [1, 19]
    assert woken == ["a", "a"]


async def test_each_source_has_its_turn() -> None:
    """One that sends much does not make the others wait for all of it."""
    shelf = Shelf()
    acceptor, _ = make(shelf)
    shelf.gate.clear()
    first = push(acceptor, "a", 0)
    await shelf.entered.wait()
    flood = [push(acceptor, "a", *range(400)) for _ in range(10)]
    await settle()
    lone = push(acceptor, "b", 1)
    await settle()

    shelf.gate.set()
    await asyncio.gather(first, lone, *flood)

    assert [1] in [[len(delivery) for delivery in batch if len(delivery) == 1] for batch in shelf.batches[1:2]]
    assert max(sum(map(len, batch)) for batch in shelf.batches) <= 1_000


async def test_a_source_fills_half_of_the_room_at_most() -> None:
    """The other half is for the others."""
    shelf = Shelf()
    acceptor, _ = make(shelf, most_waiting=10)
    shelf.gate.clear()
    pushing = [push(acceptor, "a", 1) for _ in range(5)]
    await settle()

    with pytest.raises(OverloadedError) as refused:
        await push(acceptor, "a", 2)
    pushing += [push(acceptor, "b", 3)]
    await settle()
    shelf.gate.set()
    await asyncio.gather(*pushing)

    assert refused.value.retry_after_s >= 1
    assert len(shelf.kept) == 6
    assert (acceptor.waiting, acceptor.waiting_bytes) == (0, 0)


async def test_bytes_are_bounded_too() -> None:
    """Few records can be large."""
    shelf = Shelf()
    acceptor, _ = make(shelf, most_bytes=1_000)
    shelf.gate.clear()
    large = push(acceptor, "a", 1, text="x" * 900)
    await settle()

    with pytest.raises(OverloadedError):
        await push(acceptor, "a", 2)

    shelf.gate.set()
    await large


async def test_whoever_gives_up_before_it_is_begun_leaves_nothing() -> None:
    """And takes no room any more; the others are kept."""
    shelf = Shelf()
    acceptor, _ = make(shelf)
    shelf.gate.clear()
    first = push(acceptor, "a", 0)
    await shelf.entered.wait()
    second, third = (push(acceptor, "a", number) for number in (1, 2))
    await settle()
    second.cancel()

    shelf.gate.set()
    await asyncio.wait([first, second, third])

    assert shelf.kept == [b'{"n":0}', b'{"n":2}']
    assert (first.result().tasks, third.result().tasks) == ([1], [2])
    assert acceptor.waiting == 0


async def test_whoever_gives_up_in_the_midst_hurts_nobody() -> None:
    """What was begun is kept whole, and the others are told of theirs."""
    shelf = Shelf()
    acceptor, _ = make(shelf)
    shelf.gate.clear()
    blocker = push(acceptor, "a", 0)
    await shelf.entered.wait()
    shelf.entered.clear()
    pair = [push(acceptor, "a", number) for number in (1, 2)]
    await settle()
    shelf.gate.set()
    await blocker
    shelf.gate.clear()
    await shelf.entered.wait()
    pair[0].cancel()
    await settle()
    shelf.gate.set()
    await asyncio.wait(pair)

    assert shelf.kept == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    assert pair[1].result().tasks == [3]


async def test_one_that_cannot_be_kept_does_not_take_the_others_along() -> None:
    """It alone is told so."""
    shelf = Shelf()
    acceptor, _ = make(shelf)

    def refuse(batches: Sequence[Delivery]) -> Exception | None:
        is_bad = any(task.record == b'{"n":5}' for delivery in batches for task in delivery.tasks)
        return StoreError("no such text", recovery=Recovery.ABORT) if is_bad else None

    shelf.fails = refuse
    shelf.gate.clear()
    pushing = [push(acceptor, "a", number) for number in range(12)]
    await settle()
    shelf.gate.set()
    results = await asyncio.gather(*pushing, return_exceptions=True)

    assert [number for number, result in enumerate(results) if isinstance(result, StoreError)] == [5]
    assert len(shelf.kept) == 11


async def test_a_store_that_is_away_is_told_to_all_at_once() -> None:
    """Asking for each by itself would help nobody."""
    shelf = Shelf()
    acceptor, woken = make(shelf)
    asked = 0

    def fail(_batches: Sequence[Delivery]) -> Exception | None:
        nonlocal asked
        asked += 1
        return StoreError("away")

    shelf.fails = fail
    shelf.gate.clear()
    pushing = [push(acceptor, "a", number) for number in range(8)]
    await settle()
    shelf.gate.set()
    results = await asyncio.gather(*pushing, return_exceptions=True)

    assert all(isinstance(result, StoreError) for result in results)
    assert (asked, woken, acceptor.waiting) == (1, [], 0)


async def test_whoever_waits_too_long_is_told_so() -> None:
    """The database may be away for longer than anybody who sends waits."""
    shelf = Shelf()
    acceptor, _ = make(shelf, patience_s=0.05)
    shelf.gate.clear()

    with pytest.raises(StoreError, match="not kept within") as refused:
        await push(acceptor, "a", 1)

    shelf.gate.set()
    assert refused.value.recovery is Recovery.RETRY


async def test_a_close_keeps_what_was_taken() -> None:
    """And nothing more is taken."""
    shelf = Shelf()
    acceptor, _ = make(shelf)
    shelf.gate.clear()
    pushing = [push(acceptor, "a", number) for number in range(5)]
    await settle()
    closing = asyncio.create_task(acceptor.aclose())
    await settle()

    with pytest.raises(OverloadedError) as refused:
        await push(acceptor, "a", 9)
    shelf.gate.set()
    await closing

    assert refused.value.is_closing
    assert len(shelf.kept) == 5
    assert [one.result().tasks for one in pushing] == [[1], [2], [3], [4], [5]]


async def test_a_close_waits_for_what_is_being_shaped() -> None:
    """A long delivery takes a while before it waits to be kept."""
    shelf = Shelf()
    acceptor, _ = make(shelf)
    long = push(acceptor, "a", *range(2_500))
    await asyncio.sleep(0)

    await acceptor.aclose()

    assert len(shelf.kept) == 2_500
    assert len((await long).tasks) == 2_500


async def test_nothing_to_keep_is_no_transaction() -> None:
    """An empty list is answered at once."""
    shelf = Shelf()
    acceptor, _ = make(shelf)

    taken = await acceptor.accept([], route="a")

    assert (taken.tasks, shelf.batches) == ([], [])


async def test_a_long_delivery_is_one_transaction() -> None:
    """However long, and positions count through."""
    shelf = Shelf()
    acceptor, _ = make(shelf)

    taken = await push(acceptor, "a", *range(2_500))

    assert [len(delivery) for (delivery,) in shelf.batches] == [2_500]
    assert taken.tasks == list(range(1, 2_501))


@given(
    st.lists(
        st.tuples(st.sampled_from(SOURCES), st.integers(1, 4), st.booleans(), st.booleans()), min_size=1, max_size=30
    )
)
async def test_every_delivery_is_kept_once_or_told_of(steps: list[tuple[str, int, bool, bool]]) -> None:
    """Whoever was answered has tasks with those records; whoever was refused or gave up in time has none."""
    shelf = Shelf()
    acceptor, _ = make(shelf, most_waiting=24)
    pushing: list[asyncio.Task[Any]] = []
    sent: list[list[bytes]] = []
    number = 0
    for route, count, is_cancelled, is_open in steps:
        numbers = range(number, number + count)
        number += count
        (shelf.gate.set if is_open else shelf.gate.clear)()
        pushing.append(push(acceptor, route, *numbers))
        sent.append([b'{"n":%d}' % one for one in numbers])
        for _ in range(3):
            await asyncio.sleep(0)
        if is_cancelled:
            pushing[len(pushing) // 2].cancel()
    shelf.gate.set()
    await asyncio.wait(pushing)
    await acceptor.aclose()

    kept = shelf.kept
    assert len(kept) == len(set(kept))
    for task, records in zip(pushing, sent, strict=True):
        found = [record in kept for record in records]
        assert len(set(found)) == 1, "a delivery is kept as a whole, or not at all"
        if task.cancelled():
            continue
        if task.exception() is None:
            assert found[0]
            assert [kept[id_ - 1] for id_ in task.result().tasks] == records
        else:
            assert isinstance(task.exception(), OverloadedError)
            assert not found[0]
    assert (acceptor.waiting, acceptor.waiting_bytes) == (0, 0)
