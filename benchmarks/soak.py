"""Two workers on PostgreSQL, for as long as it is told, with everything going wrong; at the end every count balances.

    python benchmarks/soak.py [--minutes N] [--seed N]

A shop gives out new records all the time and takes them back as orders, under two routes: one with a key of its own for
each record, one that keeps the records of each customer in order. By chance the shop is slow, hangs up before or after
it has taken an order, answers garbage, half an answer, a web page, 429 in both forms of `Retry-After`, 503, and once
503 for a minute. Workers are killed with SIGKILL and started again, stopped with SIGSTOP until another has taken over
their work, and let go on; the database is stopped, broken off, and loses its sessions. Somebody settles unknown
outcomes by looking into the shop.

In the end nothing is wrong any more, the workers finish what there is, and the tables, read with a plain driver, are
held against what the shop has taken: every record has one task, which is finished and was taken once, or is settled
otherwise and was not taken; no record of a customer overtook an earlier one or was under way beside it. The exit code
is 1 where anything does not balance.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from setting import ROOT, SAFE, open_setting, wait_until

sys.path.insert(0, str(ROOT))

from tests.faults.balance import SETTLED, find_faults, read_tasks
from tests.faults.shop import (
    GARBAGE,
    HALF,
    IGNORE,
    LOSE,
    LOSE_HARD,
    NO_HTTP,
    PART,
    RESET,
    SILENT,
    TAKE,
    UNAVAILABLE,
    WEB_PAGE,
    Act,
    Shop,
    slow,
    too_many,
    too_many_until,
)
from tests.postgres import Postgres, find_server

if TYPE_CHECKING:
    from setting import Running, Setting

CHANCES = {
    TAKE: 0.894,
    slow(1.5): 0.02,
    too_many(1): 0.02,
    too_many_until(1): 0.02,
    UNAVAILABLE: 0.005,
    LOSE: 0.005,
    LOSE_HARD: 0.005,
    HALF: 0.005,
    RESET: 0.005,
    PART: 0.005,
    GARBAGE: 0.005,
    NO_HTTP: 0.005,
    WEB_PAGE: 0.005,
    SILENT: 0.003,
    IGNORE: 0.003,
}
OUTAGE_S = 60.0
RECORDS_A_SECOND = 25
CUSTOMERS = 60
SETTLED_AFTER_S = 12.0
"""How long somebody waits before looking into the shop for an outcome nobody knows; longer than any request lasts."""

PATIENCE_S = 300.0
"""How long the workers may take to finish what is left when nothing is wrong any more."""

CONFIG = """\
clients:
  source: {connector: http, base_url: "%(url)s", sessions: 1, timeout: {connect: 5s, total: 5s}}
  shop: {connector: http, base_url: "%(url)s", sessions: 10, timeout: {connect: 2s, total: 8s}}
incoming:
  single: &incoming
    subscriber:
      client: source
      route: records
      effect: read
      data: {since: "{{ state.cursor }}"}
      pagination: {page: {in: json, name: $.page}, total_pages: $.pages}
      records: $.records[*]
    transform: [{filter: "{{ record.number %% 2 == 1 }}"}]
    state: {cursor: $.changed_at, start: "2026-01-01T00:00:00Z", order: ascending}
    schedule: {every: 3s}
  of-customers:
    <<: *incoming
    transform: [{filter: "{{ record.number %% 2 == 0 }}"}]
outgoing:
  sell: {publisher: {client: shop, route: orders}}
routes:
  single-orders:
    incoming: single
    outgoing: sell
    key: "{{ record.reference }}"
    concurrency: 10
    retry: &retry {attempts: 50, backoff: 200ms..5s}
  orders-of-customers:
    incoming: of-customers
    outgoing: sell
    key: "{{ record.customer }}"
    on_duplicate: new
    concurrency: 10
    retry: *retry
"""


class CountingShop(Shop):
    """A shop that knows what it has done to whom asked.

    Attributes:
        played: How often each act was played.
    """

    def __init__(self) -> None:
        super().__init__()
        self.played: Counter[str] = Counter()

    def _choose(self) -> Act:
        act = super()._choose()
        self.played[act.name] += 1
        return act


class Feed:
    """Gives the shop new records to give out, at a steady rate, from a thread."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name="feed")
        self._begin = datetime(2026, 3, 1, tzinfo=UTC)
        self._thread.start()

    def stop(self) -> None:
        """Give no more."""
        self._done.set()
        self._thread.join()

    def _work(self) -> None:
        number = 0
        while not self._done.wait(1 / RECORDS_A_SECOND):
            number += 1
            self._shop.source.records.append(
                {
                    "number": number,
                    "reference": f"R-{number:06}",
                    "customer": f"C-{number % CUSTOMERS:02}" if number % 2 == 0 else f"S-{number:06}",
                    "changed_at": (self._begin + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            )


class Crew:
    """The two workers, and what happens to them."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._workers: list[Running] = []
        self.peak_mb = 0.0
        self.codes: Counter[int] = Counter()
        for _ in range(2):
            self._workers.append(setting.start("worker"))

    def kill(self, which: int) -> None:
        """End one as a power cut would, and start another."""
        worker = self._workers[which]
        self.peak_mb = max(self.peak_mb, worker.resident_mb)
        worker.process.kill()
        worker.process.wait()
        self._workers[which] = self._setting.start("worker")

    def freeze(self, which: int, seconds: float) -> None:
        """Stop one for so long that another takes its work over, and let it go on."""
        process = self._workers[which].process
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def check(self) -> None:
        """Start anew what has ended by itself, which counts."""
        for which, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                print(f"a worker ended with {worker.process.returncode}: {worker.read_errors()[-600:]}")
                for bug in self._setting.folder.rglob("bug-*.txt"):  # the traceback of a fault of the program
                    print(bug.read_text())
                    bug.unlink()
                self.codes[worker.process.returncode] += 1
                self._workers[which] = self._setting.start("worker")
            else:
                self.peak_mb = max(self.peak_mb, worker.resident_mb)

    def stop(self) -> list[int]:
        """Ask both to end, and return their exit codes."""
        for worker in self._workers:
            self.peak_mb = max(self.peak_mb, worker.stop().peak_mb)
        return [worker.process.returncode for worker in self._workers]

    def close(self) -> None:
        """End what still runs."""
        for worker in self._workers:
            worker.__exit__()


class Person:
    """Looks into the shop for every outcome that nobody knows, and says what is there."""

    def __init__(self, setting: Setting, shop: Shop) -> None:
        self._setting = setting
        self._shop = shop
        self._seen_s: dict[int, float] = {}
        self.said: Counter[str] = Counter()

    def settle(self) -> None:
        """Say of each outcome that has been unknown for a while whether the shop has the record."""
        now_s = time.monotonic()
        unknown = [task for task in read_tasks(self._setting.database) if task.status == "unknown"]
        self._seen_s = {task.id: self._seen_s.get(task.id, now_s) for task in unknown}
        counts = self._shop.counts
        found: dict[str, list[str]] = {}
        for task in unknown:
            if now_s - self._seen_s[task.id] >= SETTLED_AFTER_S:
                found.setdefault("done" if counts[task.reference] else "retry", []).append(str(task.id))
        for outcome, ids in found.items():
            self._setting.run("tasks", "resolve", *ids, "--as", outcome)
            self.said[outcome] += len(ids)
            for number in ids:
                del self._seen_s[int(number)]


def trouble(chance: random.Random, crew: Crew, server: Postgres, database: str, done: Counter[str]) -> None:
    """Do one thing that an operator would not like."""
    what = chance.choices(["kill", "kill both", "freeze", "restart", "break off", "cut"], weights=[8, 2, 2, 3, 3, 3])[0]
    done[what] += 1
    match what:
        case "kill":
            crew.kill(chance.randrange(2))
        case "kill both":
            crew.kill(0)
            crew.kill(1)
        case "freeze":
            crew.freeze(chance.randrange(2), 40)
        case "cut":
            server.cut(database)
        case _:
            server.stop("fast" if what == "restart" else "immediate")
            time.sleep(chance.uniform(0, 10))
            server.start()


def soak(minutes: float, seed: int, setting: Setting, shop: CountingShop, server: Postgres) -> list[str]:
    """Let everything go wrong for so long; return what does not balance in the end."""
    chance = random.Random(seed)
    setting.configure(CONFIG % {"url": shop.url})
    setting.run("db", "upgrade")
    shop.leave_to_chance(CHANCES, seed=seed)
    crew, person, done = Crew(setting), Person(setting, shop), Counter[str]()
    feed = Feed(shop)
    begun_s = time.monotonic()
    outage_s = begun_s + minutes * 30
    try:
        while time.monotonic() < begun_s + minutes * 60:
            time.sleep(chance.uniform(3, 20))
            crew.check()
            person.settle()
            trouble(chance, crew, server, setting.database, done)
            if time.monotonic() > outage_s and not done["503 for a minute"]:
                done["503 for a minute"] += 1
                shop.leave_to_chance({UNAVAILABLE: 1})
                time.sleep(OUTAGE_S)
                shop.leave_to_chance(CHANCES, seed=seed)
            tell(begun_s, setting, shop, done)
        feed.stop()
        shop.leave_to_chance({})
        wait_until(lambda: is_through(setting, shop, crew, person), "everything is settled", patience_s=PATIENCE_S)
        codes = crew.stop()
    finally:
        feed.stop()
        crew.close()
    shop.settle()
    tasks = read_tasks(setting.database)
    faults = find_faults(
        tasks, shop.arrivals, expected=[record["reference"] for record in shop.source.records], still=SETTLED
    )
    faults += [f"{reference} was sent while another of its customer was on its way" for reference in shop.overlaps]
    faults += [f"a worker ended with {code}, asked to stop" for code in codes if code != 128 + signal.SIGTERM]
    report(setting, shop, crew, person, done, time.monotonic() - begun_s)
    return faults


def is_through(setting: Setting, shop: Shop, crew: Crew, person: Person) -> bool:
    """Whether every record has a task, and every task is settled."""
    time.sleep(2)
    crew.check()
    person.settle()
    statuses = count_statuses(setting)
    return sum(statuses.values()) == len(shop.source.records) and set(statuses) <= SETTLED


def count_statuses(setting: Setting) -> dict[str, int]:
    """Return how many tasks stand how."""
    return dict(setting.query("SELECT status, count(*) FROM tasks GROUP BY status ORDER BY status"))


def tell(begun_s: float, setting: Setting, shop: Shop, done: Counter[str]) -> None:
    """Print where it stands."""
    at = timedelta(seconds=round(time.monotonic() - begun_s))
    print(f"{at}  {len(shop.source.records):,} records  {show(count_statuses(setting))}  {show(done)}", flush=True)


def report(setting: Setting, shop: CountingShop, crew: Crew, person: Person, done: Counter[str], took_s: float) -> None:
    """Print the figures."""
    attempts, notes = setting.query("SELECT count(*), count(commit_at) FROM attempts")[0]
    print(f"{took_s / 60:.1f} minutes, {len(shop.source.records):,} records, {len(shop.taken):,} taken by the shop")
    print(f"tasks               {show(count_statuses(setting))}")
    print(f"attempts            {attempts:,}, of which {notes:,} had a commit note")
    print(f"the shop            {show(shop.played)}")
    print(f"workers, database   {show(done)}")
    print(f"unknown outcomes    {show(person.said)}, said by somebody who looked")
    print(f"ended by themselves {show(crew.codes) or 'none'}")
    print(f"largest worker      {crew.peak_mb:.0f} MB")


def show(counts: dict[Any, int]) -> str:
    """Return counts as a line."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=str))


def main() -> int:
    """Run it, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, metavar="N")
    parser.add_argument("--seed", type=int, default=None, metavar="N")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    programs = find_server()
    if programs is None:
        sys.exit("there is no PostgreSQL server here; Debian has it as postgresql")
    print(f"seed {seed}")
    with (
        Postgres(programs, options=SAFE) as server,
        CountingShop() as shop,
        open_setting(server.make_database) as setting,
    ):
        faults = soak(options.minutes, seed, setting, shop, server)
    for fault in faults[:50]:
        print(f"DOES NOT BALANCE: {fault}")
    print(f"{len(faults)} faults" if faults else "everything balances")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
