"""Readings of an incoming over a subscriber that a test plays: what is handed on together, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.call.run import Page
from connector.errors import CallError
from connector.request import Answer, Effect, Verdict
from connector.subscriber.cursor import Position
from connector.subscriber.subscriber import Batch, Incoming
from connector.subscriber.walk import WalkPlan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

WALK = WalkPlan("incoming.rows.state.walk", start=1, gap=2, budget=100, overlap=0)


class Subscriber:
    """Gives a record for each id that is there; implements what a reading needs of `Subscriber`."""

    commits = False
    state_steps = frozenset({"row"})

    def __init__(self, answer: Callable[[int], Verdict]) -> None:
        self._answer = answer

    async def pages(self, *, observe: Any = None, state: Any = None) -> AsyncGenerator[Page, None]:
        """One page, or what an id is answered with instead."""
        verdict = self._answer(state["id"])
        answer = Answer(verdict)
        if not verdict.is_success:
            raise CallError("row", "row", Effect.READ, answer)
        yield Page(1, answer, [] if verdict is Verdict.EMPTY else [{"id": state["id"]}])


async def read(answer: Callable[[int], Verdict], **options: Any) -> list[Batch]:
    """All batches of a walk."""
    incoming = Incoming("rows", Subscriber(answer), None, state=WALK, **options)  # type: ignore[arg-type]
    return [batch async for batch in incoming.read().batches()]


async def test_a_slow_walk_is_handed_on_before_there_is_much():
    """After two seconds, what came so far is kept."""
    moments = iter(range(100))  # a second from one look at the clock to the next

    batches = await read(
        lambda number: Verdict.OK if number < 6 else Verdict.REJECTED, monotonic=lambda: float(next(moments))
    )

    assert [(len(batch.records), batch.position) for batch in batches] == [
        (2, Position(2)),
        (2, Position(4)),
        (1, Position(5)),  # and one that is missing
        (0, Position(5)),
    ]


@pytest.mark.parametrize("missing", [Verdict.REJECTED, Verdict.EMPTY])
async def test_a_refused_id_and_one_without_a_record_are_missing(missing: Verdict):
    """Remote systems say either of an id that is not there."""
    (batch,) = await read(lambda number: Verdict.OK if number in {1, 3} else missing)

    assert batch == Batch([{"id": 1}, {"id": 3}], Position(3))


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if not verdict.is_success])
async def test_what_came_is_handed_on_before_a_failure_is_raised(verdict: Verdict):
    """Nothing that was read is lost to what came after it; a refusal alone is no failure."""
    incoming = Incoming(
        "rows",
        Subscriber(lambda number: Verdict.OK if number < 3 else verdict),  # type: ignore[arg-type]
        None,
        state=WALK,
    )
    batches: list[Batch] = []

    async def collect() -> None:
        async for batch in incoming.read().batches():
            batches.append(batch)  # noqa: PERF401 - what came before an error is looked at

    if verdict is Verdict.REJECTED:
        await collect()
    else:
        with pytest.raises(CallError):
            await collect()

    assert batches == [Batch([{"id": 1}, {"id": 2}], Position(2))]
