"""Requests, their ids and their log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.server.observe.middleware import RequestIdMiddleware
from connector.server.observe.request_id import choose_request_id

if TYPE_CHECKING:
    from connector.server.observe.ring import LogLine, LogRing
    from tests.server.observe.conftest import House


def find_line(ring: LogRing, event: str = "http_request") -> LogLine:
    """Return the one line of an event."""
    (line,) = [line for line in ring.read().lines if line.event == event]
    return line


async def test_request_gets_an_id(house: House) -> None:
    """A request without an id gets one, the same for whoever answers it and in the answer's header."""
    answer = await house.ask("/id")
    other = await house.ask("/id")

    assert answer.text == answer.headers["x-request-id"]
    assert len(answer.text) == 16
    assert answer.text != other.text


async def test_id_of_the_caller_is_kept(house: House) -> None:
    """An id that the caller names is the request's."""
    answer = await house.ask("/id", headers={"X-Request-ID": "order-4711.retry=2"})

    assert (answer.text, answer.headers["x-request-id"]) == ("order-4711.retry=2",) * 2


@pytest.mark.parametrize("named", ["", " ", "a b", "a\nb", "x" * 129, "-a", "<script>", "ä", '"'])
def test_ids_that_are_none_are_not_kept(named: str) -> None:
    """What could be taken for more than an id, in a line of the log or on a page, is replaced."""
    chosen = choose_request_id(named)

    assert chosen != named
    assert chosen.isalnum()


async def test_each_request_has_one_line(house: House, lines: LogRing) -> None:
    """A request is told once, with what was asked, what came of it and how long it took, and without its query."""
    await house.ask("/things/hat?token=s3cr3t-query", headers={"X-Request-ID": "abc"})

    line = find_line(lines)
    facts = dict(line.facts)
    assert isinstance(facts.pop("duration_ms"), float)
    assert (line.level, facts) == (
        "info",
        {
            "method": "GET",
            "path": "/things/hat",
            "endpoint": "/things/{name}",
            "status": 200,
            "request_id": "abc",
        },
    )


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/static/abc/app.css"])
async def test_what_programs_ask_all_day_is_told_quietly(house: House, lines: LogRing, path: str) -> None:
    """Probes, metrics and files are told at the level `debug`."""
    await house.ask(path)

    assert find_line(lines).level == "debug"


async def test_line_names_the_tasks(house: House, lines: LogRing) -> None:
    """Whoever answers can have the line say more, so that a task is found by its request and the other way round."""
    await house.ask("/made", method="POST")

    assert find_line(lines).fact("tasks") == "[17,18]"


async def test_fault_is_answered_and_told_once(house: House, lines: LogRing) -> None:
    """A fault of this program is a problem with the request's id, and one line with its traceback."""
    answer = await house.ask("/broken", headers={"X-Request-ID": "abc"})

    fault = find_line(lines, "fault")
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "abc")
    assert "a part is missing" not in answer.text
    assert "a part is missing" in str(fault.fact("exception"))
    assert fault.fact("request_id") == "abc"
    assert find_line(lines).level == "warning"


async def test_fault_without_any_answer_is_a_problem(house: House, lines: LogRing) -> None:
    """Where nothing was answered before something broke, the answer is a problem that a program can read."""

    async def break_down(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("a part is missing")

    house.app = RequestIdMiddleware(break_down, house.context)

    answer = await house.ask("/anything", headers={"X-Request-ID": "abc"})

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["request_id"] == "abc"


async def test_what_the_doors_refuse_has_an_id_and_a_line(house: House, lines: LogRing) -> None:
    """What never gets to an endpoint is told like everything else."""
    answer = await house.ask("/things/hat", headers={"Host": "elsewhere.example"})

    assert answer.status_code == 421
    assert find_line(lines).fact("request_id") == answer.headers["x-request-id"]
