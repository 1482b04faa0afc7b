"""Who is told what, when."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.alert.judge import Conditions, FailureRate
from connector.alert.options import AlertOptions
from connector.alert.plan import AlertPlan
from connector.alert.watch import Watch
from connector.errors import AlertError, StoreError
from connector.redaction import Redactor
from connector.store.rows import TaskStatus
from connector.store.store import open_store, upgrade_store
from tests.postgres import postgres  # noqa: F401 - a fixture
from tests.store.stage import FakeClock, ingest, report, settle, take

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connector.alert.message import Message
    from connector.store.store import Store
    from tests.postgres import Postgres

MINUTE_MS = 60_000
OPTIONS = AlertOptions.model_validate({"url": "https://chat.example/"})
EVERYTHING = Conditions(route_stopped=True, unknown_outcome=True, fetch_failed=True, queue_age_ms=30 * MINUTE_MS)


class Receiver:
    """Takes messages, or refuses them.

    Attributes:
        told: What came, as JSON.
        is_away: Whether nothing can be taken.
    """

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.is_away = False
        self.arrived = asyncio.Event()

    async def send(self, message: Message) -> int:
        """Take a message."""
        if self.is_away:
            raise AlertError("chat", "it is away", may_pass=True)
        self.told.append(orjson.loads(message.body))
        self.arrived.set()
        return 200

    def take(self) -> list[tuple[str, str, str]]:
        """Return what came since the last time: status, kind and subject of each alarm."""
        alarms = [alarm for told in self.told for alarm in told["alarms"]]
        self.told.clear()
        return [(alarm["status"], alarm["kind"], alarm["subject"]) for alarm in alarms]


class Stage:
    """A store, a receiver, and who tells it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.receiver = Receiver()
        self.watch = self.make_watch()

    def make_watch(self, *plans: AlertPlan, every_s: float = 15.0, store: Store | None = None) -> Watch:
        """Return a watch with these receivers; one that is told of everything where none is given."""
        chosen = plans or (AlertPlan("chat", OPTIONS, "https://chat.example/", None, EVERYTHING),)
        return Watch(
            store or self.store,
            {plan.name: plan for plan in chosen},
            routes=["orders"],
            fetches={"marketplace": ("orders",)},
            redactor=Redactor(["s3cr3t-key"]),
            make_sender=lambda _plan: self.receiver,  # type: ignore[arg-type, return-value]
            every_s=every_s,
        )


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An empty store of SQLite, with a clock that a test sets."""
    clock = FakeClock()
    async with open_store(tmp_path / "connector.db", clock=clock) as store:
        yield Stage(store, clock)


async def test_is_told_once(stage: Stage) -> None:
    """What is wrong is told when it begins, and not again as long as it lasts."""
    await stage.store.routes.stop("orders", "the key s3cr3t-key is refused")

    await stage.watch.look()
    await stage.watch.look()
    stage.clock.advance(600 * MINUTE_MS)
    await stage.watch.look()

    assert stage.receiver.told[0]["alarms"][0]["text"] == "orders has stopped itself: the key *** is refused"
    assert stage.receiver.take() == [("began", "route_stopped", "orders")]


async def test_is_told_when_it_is_over(stage: Stage) -> None:
    """When a person has put it right, that is told once."""
    await stage.store.routes.stop("orders", "the key is refused")
    await stage.watch.look()
    await stage.store.routes.resume("orders", by="ann")

    await stage.watch.look()
    await stage.watch.look()

    assert stage.receiver.take() == [("began", "route_stopped", "orders"), ("over", "route_stopped", "orders")]


async def test_comes_back_as_new(stage: Stage) -> None:
    """What was over and is wrong again is told again."""
    for _ in range(2):
        await stage.store.routes.stop("orders", "the key is refused")
        await stage.watch.look()
        await stage.store.routes.resume("orders", by="ann")
        await stage.watch.look()

    assert [status for status, *_ in stage.receiver.take()] == ["began", "over", "began", "over"]


async def test_is_repeated_where_that_is_wanted(stage: Stage) -> None:
    """With `repeat`, what lasts is told again after that time, and not before."""
    watch = stage.make_watch(
        AlertPlan("chat", OPTIONS, "https://chat.example/", None, EVERYTHING, repeat_ms=60 * MINUTE_MS)
    )
    await stage.store.routes.stop("orders", "the key is refused")

    told = []
    for minutes in (0, 59, 2, 1):
        stage.clock.advance(minutes * MINUTE_MS)
        await watch.look()
        told.append([status for status, *_ in stage.receiver.take()])

    assert told == [["began"], [], ["lasts"], []]


async def test_receiver_that_is_away_is_told_later(stage: Stage) -> None:
    """What could not be told is told when the receiver is back, and hurts nothing meanwhile."""
    await stage.store.routes.stop("orders", "the key is refused")
    stage.receiver.is_away = True
    await stage.watch.look()
    stage.receiver.is_away = False

    await stage.watch.look()
    too_early = stage.receiver.take()
    stage.clock.advance(2 * MINUTE_MS)
    await stage.watch.look()

    assert too_early == []
    assert stage.receiver.take() == [("began", "route_stopped", "orders")]


async def test_every_kind_is_found_in_the_store(stage: Stage) -> None:
    """Unknown outcomes, old tasks, failures and fetches that failed are read from the store."""
    await ingest(stage.store, *map(str, range(4)))
    first, second, third, _ = await take(stage.store)
    await report(
        stage.store,
        settle(first, TaskStatus.UNKNOWN),
        settle(second, TaskStatus.FAILED),
        settle(third, TaskStatus.FINISHED),
    )
    await stage.store.schedules.fire("marketplace", stage.clock.now_ms)
    await stage.store.schedules.note_result("marketplace", "failed: no answer")
    stage.clock.advance(31 * MINUTE_MS)

    await stage.watch.look()

    assert sorted(stage.receiver.take()) == [
        ("began", "fetch_failed", "marketplace"),
        ("began", "queue_age", "orders"),
        ("began", "unknown_outcome", "orders"),
    ]


async def test_failures_are_counted_within_their_window(stage: Stage) -> None:
    """Too many failures lately are told, and are over when they are long ago."""
    rate = FailureRate(above=0.5, within_ms=10 * MINUTE_MS, at_least=3)
    watch = stage.make_watch(AlertPlan("chat", OPTIONS, "https://chat.example/", None, Conditions(failures=rate)))
    await ingest(stage.store, "a", "b", "c")
    await report(stage.store, *(settle(task, TaskStatus.FAILED) for task in await take(stage.store)))

    await watch.look()
    began = stage.receiver.take()
    stage.clock.advance(12 * MINUTE_MS)
    await watch.look()

    assert began == [("began", "failures", "orders")]
    assert stage.receiver.take() == [("over", "failures", "orders")]


async def test_receivers_do_not_hinder_each_other(stage: Stage) -> None:
    """Each receiver is told of what it wants to be told of, under its own name."""
    one = AlertPlan("chat", OPTIONS, "https://chat.example/", None, Conditions(route_stopped=True))
    other = AlertPlan("pager", OPTIONS, "https://pager.example/", None, Conditions(unknown_outcome=True))
    await stage.store.routes.stop("orders", "the key is refused")
    await ingest(stage.store, "a")
    await report(stage.store, *(settle(task, TaskStatus.UNKNOWN) for task in await take(stage.store)))

    await stage.make_watch(one, other).look()

    told = {told["alert"]: [alarm["kind"] for alarm in told["alarms"]] for told in stage.receiver.told}
    assert told == {"chat": ["route_stopped"], "pager": ["unknown_outcome"]}


async def test_alarm_of_a_receiver_that_is_gone_is_forgotten(stage: Stage) -> None:
    """What was told to a receiver that the configuration has no more is told to nobody."""
    gone = AlertPlan("old-chat", OPTIONS, "https://chat.example/", None, EVERYTHING)
    await stage.store.routes.stop("orders", "the key is refused")
    await stage.make_watch(gone).look()
    stage.receiver.take()

    await stage.watch.look()

    assert {told["alert"] for told in stage.receiver.told} == {"chat"}
    assert [row.subject for row in await stage.store.alarms.open()] == ["chat/orders"]


async def test_database_that_is_away_ends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away nobody is told, and afterwards everything is."""
    failures = iter([StoreError("the database is away")] * 2)
    states = stage.store.routes.states

    async def be_away_for_a_while() -> Any:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return await states()

    monkeypatch.setattr(stage.store.routes, "states", be_away_for_a_while)
    await stage.store.routes.stop("orders", "the key is refused")

    running = asyncio.ensure_future(stage.make_watch(every_s=0.01).run())
    try:
        await stage.receiver.arrived.wait()
    finally:
        running.cancel()
        await asyncio.wait({running})

    assert ("began", "route_stopped", "orders") in stage.receiver.take()


@pytest.mark.postgres
async def test_one_process_among_many_tells(postgres: Postgres) -> None:  # noqa: F811
    """Two processes on one database tell each thing once between them, and take turns at looking."""
    url = postgres.make_database()
    await upgrade_store(url)
    async with open_store(url) as store, open_store(url) as beside:
        stage = Stage(store, FakeClock())
        await store.routes.stop("orders", "the key is refused")
        looks = {"one": 0, "other": 0}
        watches = {"one": stage.make_watch(every_s=0.02), "other": stage.make_watch(every_s=0.02, store=beside)}

        looked = asyncio.Event()
        async with _running(watches, looks, looked):
            while min(looks.values()) < 3:
                looked.clear()
                await looked.wait()

    assert stage.receiver.take() == [("began", "route_stopped", "orders")]


@asynccontextmanager
async def _running(watches: dict[str, Watch], looks: dict[str, int], looked: asyncio.Event) -> AsyncIterator[None]:
    """Have watches run for the length of a block, count how often each looks, and say when one did."""

    def count(name: str, look: Callable[[], Any]) -> Callable[[], Any]:
        async def look_and_count() -> None:
            await look()
            looks[name] += 1
            looked.set()

        return look_and_count

    for name, watch in watches.items():
        watch.look = count(name, watch.look)  # type: ignore[method-assign]
    running = [asyncio.ensure_future(watch.run()) for watch in watches.values()]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
