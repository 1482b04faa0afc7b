"""What Prometheus is told."""

from __future__ import annotations

import asyncio
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from connector.errors import StoreError
from connector.request import Verdict
from connector.server.doors.tokens import hash_token, make_token
from connector.server.observe.families import FAMILIES
from connector.server.observe.metrics import Metrics, judge_intake
from connector.store.rows import TaskStatus
from connector.task.outcome import PAUSED, SKIPPED, Outcome
from connector.task.tally import RouteTally
from tests.store.stage import ingest, report, settle, take

if TYPE_CHECKING:
    from tests.server.observe.conftest import House

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


async def scrape(house: House, **asked: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample by name and labels."""
    answer = await house.ask("/metrics", **asked)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def at(name: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return under which a sample is found."""
    return name, frozenset(labels.items())


async def test_names_follow_the_conventions(house: House) -> None:
    """Every metric has a help text and a type, base units, and a name that begins as all of ours do."""
    await house.ask("/things/hat")
    answer = await house.ask("/metrics")

    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    ours = {name: family for name, family in families.items() if name.startswith("connector_")}
    assert {family.name.removesuffix("_total") for family in FAMILIES} == set(ours)
    for name, family in ours.items():
        assert re.fullmatch(r"connector_[a-z_]+[a-z]", name)
        assert family.documentation.endswith(".")
        assert not re.search(r"_(ms|milliseconds|minutes|kb|percent)\b", name)
    assert all(family.name.endswith("_total") == (family.kind == "counter") for family in FAMILIES)
    assert answer.text.count("# HELP connector_tasks ") == 1
    assert "process_resident_memory_bytes" in families


async def test_openmetrics_is_spoken_where_it_is_asked_for(house: House) -> None:
    """A scraper that asks for OpenMetrics gets it, whole and with its end."""
    house.context.metrics.tally.of("orders").add(Outcome(TaskStatus.FINISHED, verdict=Verdict.OK), 20)
    await house.ask("/things/hat")

    answer = await house.ask("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(answer.text)}
    assert {"connector_tasks", "connector_results", "connector_attempt_duration_seconds"} <= names


async def test_tasks_are_counted_by_route_and_status(house: House) -> None:
    """Tasks are told by route and status, also those of which there are none."""
    store = house.context.store
    await ingest(store, "a", "b", "c")
    first, second, _third = await take(store)
    await report(store, settle(first, TaskStatus.FINISHED), settle(second, TaskStatus.UNKNOWN))

    told = await scrape(house)

    assert told[at("connector_tasks", route="orders", status="finished")] == 1
    assert told[at("connector_tasks", route="orders", status="unknown")] == 1
    assert told[at("connector_tasks", route="stock", status="failed")] == 0
    assert told[at("connector_alarms", kind="unknown_outcome")] == 1
    assert told[at("connector_queue_age_seconds", route="stock")] == 0
    assert told[at("connector_queue_age_seconds", route="orders")] >= 0


async def test_state_of_routes_is_told(house: House) -> None:
    """A route that has stopped itself is told as such."""
    await house.context.store.routes.stop("orders", "the key is refused")

    told = await scrape(house)

    assert told[at("connector_route_state", route="orders", state="stopped")] == 1
    assert told[at("connector_route_state", route="orders", state="active")] == 0
    assert told[at("connector_route_state", route="stock", state="active")] == 1


async def test_schedules_are_told(house: House) -> None:
    """How late a fetch is, when the last one began and whether it failed."""
    store = house.context.store
    now_ms = store.now_ms()
    await store.schedules.declare("feed", "every 1h", next_at_ms=now_ms - 90_000)
    await store.schedules.fire("feed", now_ms - 3_600_000)
    await store.schedules.note_result("feed", "failed: no answer", next_at_ms=now_ms - 90_000)

    told = await scrape(house)

    assert told[at("connector_schedule_lag_seconds", incoming="feed")] >= 90
    assert told[at("connector_schedule_last_failed", incoming="feed")] == 1
    assert told[at("connector_schedule_last_start_timestamp_seconds", incoming="feed")] >= now_ms / 1000


async def test_attempts_are_told(house: House) -> None:
    """Results by route, status and verdict; retries; and how long attempts took, in seconds."""
    tally = house.context.metrics.tally.of("orders")
    tally.add(Outcome(TaskStatus.FINISHED, verdict=Verdict.OK), 20)
    tally.add(Outcome(TaskStatus.FAILED, verdict=Verdict.REJECTED), 700)
    tally.add(Outcome(TaskStatus.RETRY, verdict=Verdict.BUSY, wait_ms=5), 300_000)

    told = await scrape(house)

    assert told[at("connector_results_total", route="orders", status="finished", verdict="ok")] == 1
    assert told[at("connector_results_total", route="orders", status="failed", verdict="rejected")] == 1
    assert told[at("connector_retries_total", route="orders")] == 1
    assert told[at("connector_attempt_duration_seconds_bucket", route="orders", le="0.01")] == 0
    assert told[at("connector_attempt_duration_seconds_bucket", route="orders", le="0.025")] == 1
    assert told[at("connector_attempt_duration_seconds_bucket", route="orders", le="120.0")] == 2
    assert told[at("connector_attempt_duration_seconds_count", route="orders")] == 3
    assert told[at("connector_attempt_duration_seconds_sum", route="orders")] == pytest.approx(300.72)


async def test_requests_are_told_by_their_template(house: House) -> None:
    """Requests are counted by the template of their path, so that ids make no metric of their own."""
    for name in ("hat", "shoe"):
        await house.ask(f"/things/{name}")
    await house.ask("/nothing/of/ours")
    await house.ask("/hooks/whatever")
    await house.ask("/api/v1/routes/whatever/push", method="POST")

    told = await scrape(house)

    requests = {labels: value for (name, labels), value in told.items() if name == "connector_http_requests_total"}
    assert requests == {
        at("", endpoint="/things/{name}", method="GET", status="200")[1]: 2,
        at("", endpoint="other", method="GET", status="404")[1]: 1,
        at("", endpoint="/hooks/{path}", method="GET", status="404")[1]: 1,
        at("", endpoint="/api/v1/routes/{route}/push", method="POST", status="404")[1]: 1,
    }
    assert told[at("connector_http_request_duration_seconds_count", endpoint="/things/{name}", method="GET")] == 2


async def test_labels_are_bounded(house: House) -> None:
    """Whatever strangers ask for in whatever way, there is one line for all of it."""
    for number in range(20):
        await house.ask(f"/{secrets.token_hex(4)}", method=f"METHOD{number}")

    told = await scrape(house)

    requests = [labels for name, labels in told if name == "connector_http_requests_total"]
    assert requests == [at("", endpoint="other", method="other", status="405")[1]]


async def test_sessions_are_told(house: House) -> None:
    """How many sessions a client may have, has, and how many wait for one."""
    client = house.context.service.runtime.client("erp")
    async with client.lease(is_stateful=False), client.lease(is_stateful=False), client.lease(is_stateful=False):
        waiting = asyncio.ensure_future(_lease(client))
        await asyncio.sleep(0)
        told = await scrape(house)
    await waiting

    assert told[at("connector_sessions_limit", client="erp")] == 3
    assert told[at("connector_sessions_in_use", client="erp")] == 3
    assert told[at("connector_session_waiters", client="erp")] == 1
    assert told[at("connector_sessions_open", client="erp")] == 0
    assert client.usage.in_use == 0


async def _lease(client: Any) -> None:
    async with client.lease(is_stateful=False):
        pass


async def test_what_is_sent_in_is_told_by_outcome(house: House) -> None:
    """Pushes and deliveries are counted by door, name and outcome."""
    house.context.metrics.count_intake("push", "orders", "accepted")
    house.context.metrics.count_intake("webhook", "market", judge_intake(401))

    told = await scrape(house)

    assert told[at("connector_intake_total", door="push", name="orders", outcome="accepted")] == 1
    assert told[at("connector_intake_total", door="webhook", name="market", outcome="refused")] == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, "invalid"), (401, "refused"), (403, "refused"), (413, "invalid"), (429, "overloaded"), (503, "failed")],
)
def test_refusals_are_told_apart(status: int, outcome: str) -> None:
    """Who may not, what cannot be read, what there is no room for, and what is our own fault."""
    assert judge_intake(status) == outcome


async def test_database_that_is_away_hides_its_figures(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its database a process still tells what it knows by itself, and nothing that it cannot know."""

    async def refuse() -> NoReturn:
        raise StoreError("the database is away")

    monkeypatch.setattr(house.context.store.routes, "states", refuse)

    told = await scrape(house)

    assert told[at("connector_store_up")] == 0
    assert told[at("connector_ready")] == 1
    assert not any(name == "connector_tasks" for name, _ in told)


async def test_slow_count_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where counting takes long, the figures of before are told, with their age, and the count goes on."""
    await scrape(house)
    going_on = asyncio.Event()

    async def count_for_ever() -> NoReturn:
        going_on.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(house.context.store.routes, "states", count_for_ever)
    monkeypatch.setattr("connector.server.observe.snapshot.FRESH_S", 0.0)

    told = await scrape(house)

    assert going_on.is_set()
    assert told[at("connector_tasks", route="orders", status="new")] == 0
    assert told[at("connector_store_figures_age_seconds")] > 0


async def test_strangers_are_not_told(house: House) -> None:
    """From another machine, and through a proxy, nobody is told without a token that may look."""
    answers = [
        await house.ask("/metrics", peer="203.0.113.9"),
        await house.ask("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}),
        await house.ask("/metrics", headers={"Authorization": "Bearer wrong"}, peer="203.0.113.9"),
    ]

    assert {answer.status_code for answer in answers} == {401}


async def test_token_that_may_look_is_told(house: House) -> None:
    """A token with the role `read` is told from anywhere; one that may only push is not."""
    answers = []
    for name, role in (("prometheus", "read"), ("shop", "push:*")):
        token = make_token()
        await house.context.store.accounts.add_token(name, hash=hash_token(token), roles=[role], created_by="ann")
        bearer = {"Authorization": f"Bearer {token}"}
        answers.append(await house.ask("/metrics", peer="203.0.113.9", headers=bearer))

    assert [answer.status_code for answer in answers] == [200, 403]


def test_attempt_that_was_broken_off_is_none() -> None:
    """A stop in between is no attempt that ended; a filter's is one without a verdict."""
    tally = RouteTally()

    tally.add(PAUSED, 5)
    tally.add(SKIPPED, 5)

    assert dict(tally.results) == {("skipped", "none"): 1}
    assert sum(tally.durations) == 1


@pytest.mark.parametrize(
    ("done", "verdict"), [((), "not_sent"), (("order",), "half_done")], ids=["nothing sent", "half done"]
)
def test_failure_without_an_answer_says_how_far_it_came(done: tuple[str, ...], verdict: str) -> None:
    """Where no answer is to blame, the verdict says whether something was committed before."""
    tally = RouteTally()

    tally.add(Outcome(TaskStatus.FAILED, done=done), 5)

    assert dict(tally.results) == {("failed", verdict): 1}


def test_counts_of_a_process_are_one(house: House) -> None:
    """Counts begin at zero with the process, and nowhere else."""
    first, second = Metrics(), Metrics()

    first.count_request("/", "GET", 200, 0.004)

    assert (first.requests["/", "GET", 200], second.requests["/", "GET", 200]) == (1, 0)
    assert first.request_durations["/", "GET"].counts[2] == 1


def test_every_metric_is_documented() -> None:
    """The page lists every metric with its labels and what it says, and no other."""
    rows = {
        match[1]: (match[2], match[3], match[4])
        for match in re.finditer(
            r"^\| `(connector_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|", DOCS.read_text(), re.MULTILINE
        )
    }

    assert rows == {
        family.name: (
            family.kind,
            ", ".join(f"`{label}`" for label in family.labels),
            f"{family.help}.".replace("|", "\\|"),
        )
        for family in FAMILIES
    }
