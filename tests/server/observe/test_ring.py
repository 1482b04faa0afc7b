"""The last log lines."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from connector import log
from connector.server.observe.ring import LogRing

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def ring() -> LogRing:
    """A ring that keeps five lines."""
    return LogRing(5)


@pytest.fixture
def write(ring: LogRing) -> Callable[..., None]:
    """Return what writes a line."""

    def write_line(event: str = "retry", level: str = "info", **facts: Any) -> None:
        ring(None, level, {"event": event, "level": level, "timestamp": "2026-11-22T10:00:00Z", **facts})

    return write_line


def test_newest_come_first_and_the_oldest_go(ring: LogRing, write: Callable[..., None]) -> None:
    """Of seven lines the last five are kept, the newest first."""
    for number in range(7):
        write(number=number)

    page = ring.read()

    assert [line.fact("number") for line in page.lines] == [6, 5, 4, 3, 2]
    assert (page.next_before, page.newest) == (None, 7)


def test_pages_follow_one_another(ring: LogRing, write: Callable[..., None]) -> None:
    """Page by page, every line comes once, also when new ones come in between."""
    for number in range(4):
        write(number=number)

    first = ring.read(limit=2)
    write(number=4)
    second = ring.read(limit=2, before=first.next_before)

    assert [line.fact("number") for line in first.lines + second.lines] == [3, 2, 1, 0]
    assert second.next_before is None


def test_what_came_since_is_asked_for(ring: LogRing, write: Callable[..., None]) -> None:
    """Whoever has read up to a line gets what came after it."""
    write(number=0)
    newest = ring.read().newest
    write(number=1)

    assert [line.fact("number") for line in ring.read(after=newest).lines] == [1]


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ({"level": "warning"}, ["broken", "slow"]),
        ({"level": "debug"}, ["broken", "slow", "detail", "plain"]),
        ({"route": "orders"}, ["broken", "plain"]),
        ({"request_id": "abc"}, ["slow"]),
        ({"text": "NO ANSWER"}, ["broken"]),
        ({"text": "slow"}, ["slow"]),
        ({"text": "route=orders", "level": "error"}, ["broken"]),
        ({"text": "nothing of the kind"}, []),
    ],
)
def test_lines_are_sought(ring: LogRing, write: Callable[..., None], sought: dict[str, Any], found: list[str]) -> None:
    """Lines are found by level, route, request and text, letter case aside."""
    write("plain", route="orders")
    write("detail", "debug", route="stock")
    write("slow", "warning", request_id="abc")
    write("broken", "error", route="orders", reason="no answer")

    assert [line.event for line in ring.read(**sought).lines] == found


def test_nothing_more_on_a_full_page_is_no_page(ring: LogRing, write: Callable[..., None]) -> None:
    """A page that ends with the last line there is has none after it."""
    write()
    write()

    assert ring.read(limit=2).next_before is None


def test_facts_are_values_of_a_size(ring: LogRing, write: Callable[..., None]) -> None:
    """What is nested becomes JSON, what is long is cut, and what can be changed later is not kept as it is."""
    nested = {"a": [1, 2**80]}
    write(long="x" * 5000, nested=nested, truth=True, nothing=None, number=1.5)
    nested["a"].append(3)

    line = ring.read().lines[0]

    assert len(str(line.fact("long"))) == 2001
    assert "3" not in str(line.fact("nested")).replace(str(2**80), "")
    assert (line.fact("truth"), line.fact("nothing"), line.fact("number")) == (True, None, 1.5)


def test_threads_write_side_by_side(write: Callable[..., None], ring: LogRing) -> None:
    """No two lines have the same number, whoever writes them."""
    threads = [threading.Thread(target=lambda: [write() for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = [line.number for line in ring.read().lines]

    assert numbers == [800, 799, 798, 797, 796]


def test_lines_are_masked_already(lines: LogRing) -> None:
    """What comes into the ring has passed the redactor, like what is written."""
    log.get_logger().warning(log.RETRY, route="orders", reason="the key s3cr3t-key is refused")

    (line,) = lines.read().lines
    assert line.fact("reason") == "the key *** is refused"
