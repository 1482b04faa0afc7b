"""`connector worker`: processes that deliver and fetch until they are asked to stop."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from connector.store.rows import NewTask
from connector.store.store import open_store
from connector.testing.server import Reply
from tests.acceptance.conftest import ROOT, Command, ServerThread
from tests.postgres import postgres

__all__ = ["postgres"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connector.testing.server import Received

CONFIG = """
clients:
  remote: {connector: http, base_url: "${URL}", sessions: 8}
incoming:
  feed:
    subscriber: {client: remote, route: feed, effect: read, records: "$.records[*]"}
    schedule: {every: 1s}
routes:
  sales: {incoming: feed, outgoing: {publisher: {client: remote, route: sales}}, key: "{{ record.id }}"}
  stock: {outgoing: {publisher: {client: remote, route: stock}}, key: "{{ record.id }}"}
"""

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
SOON = ("--set", "connector.store.lanes:DEAD_AFTER_MS=2000", "--set", "connector.task.worker:BEAT_S=0.4")
"""A silent worker is taken for dead after 2 s in place of 30 s."""


class Remote:
    """Gives records, takes records, and keeps what it was told to keep waiting."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.delays: dict[str, float] = {}
        self.times: list[float] = []
        self.server: ServerThread = ServerThread(self.answer)

    def answer(self, request: Received) -> Reply:
        """Answer one request."""
        if request.path == "/feed":
            return Reply(json={"records": self.records})
        self.times.append(time.monotonic())
        return Reply(json={}, delay_s=self.delays.get(request.json["id"], self.delays.get("*", 0.0)))

    @property
    def taken(self) -> list[str]:
        """Ids of the records that arrived, in order."""
        return [request.json["id"] for request in self.server.requests if request.path != "/feed"]

    @property
    def fetches(self) -> int:
        """How often the feed was asked for."""
        return sum(request.path == "/feed" for request in self.server.requests)

    def give(self, count: int) -> list[str]:
        """Have so many records in the feed, and return their ids."""
        self.records = [{"id": f"R{number}"} for number in range(count)]
        return [record["id"] for record in self.records]


@pytest.fixture
def remote() -> Iterator[Remote]:
    """What the routes talk to."""
    made = Remote()
    with made.server:
        yield made


@pytest.fixture
def prepare(command: Command, remote: Remote, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return what writes the configuration, and returns the database of a kind."""

    def write(kind: str) -> str:
        database = str(command.folder / "connector.db")
        if kind == "postgres":
            database = request.getfixturevalue("postgres").make_database()
        command.write("connector.yaml", CONFIG)
        command.environment |= {
            "CONNECTOR_CONFIG": "connector.yaml",
            "CONNECTOR_DATABASE": database,
            "URL": remote.server.url,
        }
        return database

    return write


class Process:
    """A worker at work."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen
        self.stdout = self.stderr = ""

    def send(self, signum: int) -> None:
        """Send a signal."""
        self.popen.send_signal(signum)

    def end(self, signum: int | None = signal.SIGTERM, *, within_s: float = 20.0) -> int:
        """Ask it to stop, and return its exit code."""
        if signum is not None and self.popen.poll() is None:
            self.popen.send_signal(signum)
        self.stdout, self.stderr = self.popen.communicate(timeout=within_s)
        return self.popen.returncode

    @property
    def events(self) -> Counter[str]:
        """How often each event is in the log."""
        return Counter(json.loads(line)["event"] for line in self.stderr.splitlines() if line.startswith("{"))


@contextmanager
def start(command: Command, *arguments: str, options: tuple[str, ...] = ()) -> Iterator[Process]:
    """Start a worker, and kill it at the end where it still runs."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.driver", *options, "--", "worker", *arguments],
        cwd=command.folder,
        env=command.environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Process(popen)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.communicate()


def until(holds: Callable[[], Any], *, within_s: float = 20.0) -> None:
    """Return when something holds."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, "it never came to that"
        time.sleep(0.02)


def make(database: str, *ids: str, route: str = "stock") -> None:
    """Make tasks, as an earlier run left them."""

    async def write() -> None:
        tasks = [
            NewTask(route, json.dumps({"id": name}).encode(), key=name, position=position)
            for position, name in enumerate(ids)
        ]
        async with open_store(database) as store:
            await store.tasks.ingest(tasks, token=secrets.token_hex(8))

    asyncio.run(write())


def count(database: str) -> dict[str, int]:
    """Return how many tasks there are of each status."""

    async def read() -> dict[str, int]:
        async with open_store(database, purpose="read") as store:
            counts = await store.tasks.counts()
        return dict(sum((Counter({status.value: n for status, n in of.items()}) for of in counts.values()), Counter()))

    return asyncio.run(read())


@pytest.mark.parametrize("kind", KINDS)
def test_it_fetches_when_something_is_due_and_delivers_it(prepare, command, remote, kind):
    """Records that come up in fetch after fetch are delivered once each, new ones among them soon."""
    database = prepare(kind)
    first = remote.give(5)
    with start(command) as worker:
        until(lambda: len(remote.taken) == 5)
        every = remote.give(12)
        until(lambda: len(remote.taken) == 12)
        time.sleep(1.2)

        code = worker.end()

    assert code == 143
    assert sorted(remote.taken[:5]) == sorted(first)
    assert sorted(remote.taken) == sorted(every)
    assert count(database) == {"finished": 12}
    assert worker.events["worker_started"] == worker.events["worker_stopped"] == 1
    assert worker.events["schedule_fired"] >= 2


@pytest.mark.postgres
def test_workers_fetch_once_between_them(prepare, command, remote):
    """However many are there, what is due is asked for once."""
    prepare("postgres")
    with start(command) as one, start(command) as other, start(command) as third:
        until(lambda: remote.fetches >= 1)
        begun = remote.fetches
        time.sleep(5)
        fetched = remote.fetches - begun
        codes = [worker.end() for worker in (one, other, third)]

    assert 3 <= fetched <= 6
    assert codes == [143] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_is_going_to_do(prepare, command, remote, kind):
    """Which routes, which schedules, and where tasks are kept; a password is nobody's business."""
    database = prepare(kind).replace("tests@", "tests:geheim@")
    command.environment["CONNECTOR_DATABASE"] = database
    with start(command) as worker:
        until(lambda: remote.fetches)
        worker.end()

    told = [line for line in worker.stderr.splitlines() if not line.startswith("{")]
    kept = database.replace("geheim", "***")
    assert told[0] == f"delivering 2 routes: sales, stock; tasks are kept in {kept}"
    assert told[1].startswith("fetching feed: every 1s, next at 20")
    assert "geheim" not in worker.stderr


def test_it_counts_what_it_did(prepare, command, remote):
    """At the end, programs read JSON on standard output."""
    make(prepare("sqlite"), "A", "B", "C")
    with start(command, "stock", "--output", "json") as worker:
        until(lambda: len(remote.taken) == 3)
        time.sleep(0.5)
        worker.end()

    assert json.loads(worker.stdout) == {"stock": {"finished": 3}}
    assert remote.fetches == 0  # what feeds other routes is for other workers


@pytest.mark.parametrize("kind", KINDS)
def test_asked_to_stop_it_finishes_what_is_in_hand(prepare, command, remote, kind):
    """Requests that were sent are waited for, the rest is left; the exit code names the signal."""
    database = prepare(kind)
    remote.delays["*"] = 1.0
    make(database, *(f"R{number}" for number in range(10)))
    with start(command, "stock") as worker:
        until(lambda: len(remote.taken) == 4)

        code = worker.end(signal.SIGINT)

    assert code == 130
    assert count(database) == {"finished": 4, "new": 6}


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_signal_breaks_off(prepare, command, remote, kind):
    """It ends at once, and what may have arrived is unknown."""
    database = prepare(kind)
    remote.delays["*"] = 20.0
    make(database, *(f"R{number}" for number in range(6)))
    with start(command, "stock") as worker:
        until(lambda: len(remote.taken) == 4)
        worker.send(signal.SIGTERM)
        time.sleep(0.5)
        still_there = worker.popen.poll() is None

        code = worker.end(within_s=6)

    assert still_there
    assert code == 143
    assert count(database) == {"unknown": 4, "new": 2}


@pytest.mark.parametrize("kind", KINDS)
def test_the_grace_is_bounded(prepare, command, remote, kind):
    """What takes longer than it was granted is broken off without a further signal."""
    database = prepare(kind)
    remote.delays["*"] = 20.0
    make(database, "A")
    with start(command, "stock", "--grace", "500ms") as worker:
        until(lambda: remote.taken)

        code = worker.end(within_s=6)

    assert code == 143
    assert count(database) == {"unknown": 1}
    assert worker.events["broken_off"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_records_are_on_their_way_than_it_was_told(prepare, command, remote, kind):
    """`--concurrency` holds over all routes of the process."""
    database = prepare(kind)
    remote.delays["*"] = 0.6
    make(database, *(f"R{number}" for number in range(4)))
    make(database, *(f"S{number}" for number in range(4)), route="sales")
    with start(command, "sales", "stock", "--concurrency", "2") as worker:
        until(lambda: remote.taken)
        time.sleep(0.4)
        begun = len(remote.taken)
        worker.end()

    assert begun == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_pause_is_heard(prepare, command, remote, kind):
    """Within two seconds of `routes pause` nothing is begun any more; `routes resume` lets it go on."""
    database = prepare(kind)
    remote.delays["*"] = 0.1
    make(database, *(f"R{number}" for number in range(200)))
    with start(command, "stock") as worker:
        until(lambda: len(remote.taken) >= 4)
        assert command("routes", "pause", "stock").code == 0
        time.sleep(2)
        begun = len(remote.taken)
        time.sleep(0.5)
        still = len(remote.taken)
        assert command("routes", "resume", "stock").code == 0
        until(lambda: len(remote.taken) > still, within_s=5)
        worker.end()

    assert begun == still < 200


@pytest.mark.postgres
def test_a_push_is_delivered_with_the_help_of_workers(prepare, command, remote):
    """Whoever is quicker sends a record; it arrives once, and the push tells the whole."""
    database = prepare("postgres")
    remote.delays["*"] = 0.05
    lines = "".join(json.dumps({"id": f"R{number}"}) + "\n" for number in range(100))
    with start(command, "stock") as worker:
        time.sleep(2)

        ran = command("push", "stock", "--output", "json", stdin=lines)

        worker.end()
    assert ran.code == 0, ran.stderr
    assert ran.json["statuses"]["finished"] == 100
    assert sorted(Counter(remote.taken).values()) == [1] * 100
    assert count(database) == {"finished": 100}


@pytest.mark.postgres
def test_a_rate_limit_holds_over_workers(prepare, command, remote):
    """Two of them together send what one alone may, evenly, and no less than that."""
    database = prepare("postgres")
    command.write("connector.yaml", CONFIG.replace("sessions: 8", "sessions: 8, rate_limit: 20/s"))
    with start(command, "stock") as one, start(command, "stock") as other:
        time.sleep(3)
        make(database, *(f"R{number}" for number in range(100)))
        until(lambda: len(remote.taken) == 100, within_s=30)
        workers = [one, other]
        assert [worker.end() for worker in workers] == [143, 143]

    shares = [worker.stderr.count('"event":"route_delivered"') for worker in workers]
    busiest = max(sum(begun <= at < begun + 1 for at in remote.times) for begun in remote.times)
    assert all(shares)
    assert 4.7 <= remote.times[-1] - remote.times[0] <= 8
    assert busiest <= 23


@pytest.mark.postgres
def test_a_worker_that_was_asleep_goes_on_as_a_new_one(prepare, command, remote):
    """Taken for dead and awake again, it sends nothing of what others took over, and takes its part of what comes.

    What it had sent was unknown meanwhile; the answers it finds when it wakes up settle that.
    """
    database = prepare("postgres")
    remote.delays["*"] = 0.5
    make(database, *(f"R{number}" for number in range(8)))
    with start(command, "stock", options=SOON) as sleeper:
        until(lambda: len(remote.taken) == 4)
        sleeper.send(signal.SIGSTOP)
        with start(command, "stock", options=SOON) as heir:
            until(lambda: len(remote.taken) == 8, within_s=30)
            until(lambda: count(database).get("finished") == 4)
            sleeper.send(signal.SIGCONT)
            time.sleep(2)
            heir.end()
            remote.delays.clear()
            make(database, "late")
            until(lambda: "late" in remote.taken)
            time.sleep(0.5)
            sleeper.end()

    assert sorted(Counter(remote.taken).values()) == [1] * 9
    counts = count(database)
    assert sum(counts.values()) == 9
    assert counts.keys() <= {"unknown", "finished"}
    assert counts["finished"] >= 5
    assert sleeper.events["worker_late"] == 1
    assert sleeper.events["fenced"] >= 4
    assert heir.events["worker_died"] == 1


@pytest.mark.postgres
def test_a_worker_that_is_killed_in_mid_publish_is_replaced(prepare, command, remote):
    """What had left is unknown, the rest is delivered by the other one, nothing twice."""
    database = prepare("postgres")
    remote.delays = {f"R{number}": 30.0 for number in range(4)}
    make(database, *(f"R{number}" for number in range(20)))
    with start(command, "stock", options=SOON) as victim:
        until(lambda: len(remote.taken) == 4)
        with start(command, "stock", options=SOON) as heir:
            time.sleep(1.5)
            os.kill(victim.popen.pid, signal.SIGKILL)
            until(lambda: count(database) == {"unknown": 4, "finished": 16}, within_s=30)
            code = heir.end()

    assert code == 143
    assert sorted(Counter(remote.taken).values()) == [1] * 20


@pytest.mark.postgres
def test_a_database_that_restarts_ends_no_worker(prepare, command, remote, postgres):
    """It says that the database was away and is back, and every record arrives once."""
    database = prepare("postgres")
    remote.delays["*"] = 0.1
    make(database, *(f"R{number}" for number in range(150)))
    with start(command, "stock") as worker:
        until(lambda: len(remote.taken) >= 20)
        postgres.stop()
        time.sleep(1)
        postgres.start()
        until(lambda: len(remote.taken) == 150, within_s=60)
        until(lambda: count(database) == {"finished": 150})
        code = worker.end()

    assert code == 143
    assert sorted(Counter(remote.taken).values()) == [1] * 150
    assert worker.events["dispatch_lost"] == worker.events["dispatch_back"] == 1
    assert "Traceback" not in worker.stderr


def test_a_second_worker_on_a_file_is_refused(prepare, command, remote):
    """The message says who has it, and what else there is."""
    database = prepare("sqlite")
    with start(command) as first:
        until(lambda: remote.fetches)

        ran = command("worker")

        pid = first.popen.pid
        first.end()
    assert ran.code == 1
    assert ran.messages[0].startswith(f"error: {database} is in use by `connector worker` (pid {pid}, since ")
    assert "PostgreSQL" in ran.messages[1]


def test_an_unknown_route_is_a_slip_of_the_pen(prepare, command):
    """The closest name is proposed."""
    prepare("sqlite")

    ran = command("worker", "stok")

    assert ran.code == 2
    assert 'no route is called "stok"' in ran.messages[0]
    assert 'did you mean "stock"?' in ran.messages[1]


def test_a_configuration_without_routes_has_nothing_to_do(command):
    """That is told, instead of waiting for ever."""
    command.write("connector.yaml", "clients: {}\n")

    ran = command("worker", "--config", "connector.yaml")

    assert ran.code == 2
    assert ran.messages[0] == "error: the configuration has no routes"


@pytest.mark.postgres
def test_without_the_packages_for_postgresql_it_says_which(prepare, command):
    """The extra is named, as it is typed."""
    prepare("postgres")
    command.write("procrastinate.py", "raise ModuleNotFoundError(\"No module named 'procrastinate'\", name=__name__)\n")

    ran = command("worker", PYTHONPATH=f"{command.folder}:{ROOT}")

    assert ran.code == 1
    assert ran.messages[-2:] == [
        "error: work on PostgreSQL is shared by a package that is not installed: procrastinate",
        " cure: in the folder of the sources: python -m pip install '.[postgres]'",
    ]
