"""What each single step makes of a record: before and after, side by side, and the error at the step where it fails.

The steps are those of the configuration, run by the engine that runs them when records are sent. Nothing is sent, and
nothing is kept: what a step would put into the value store is told, and stays out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from connector.desk.yaml_text import write_yaml
from connector.errors import TransformError
from connector.frozen import dataclass
from connector.transform.ledger import Shaped
from connector.transform.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from connector.config.place import Place
    from connector.record import Record
    from connector.redaction import Redactor
    from connector.transform.ledger import Asking, Pair
    from connector.transform.transformer import Transformer

Owner: TypeAlias = Literal["incoming", "route", "outgoing", "try-out"]
"""Whose steps they are."""

State: TypeAlias = Literal["done", "failed", "not reached"]
"""What became of a step: `not reached` where an earlier one failed, or filtered the record out."""

_LONGEST_TEXT: Final = 4_000


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands in the configuration, or in a text that is tried out.

    Attributes:
        file: The file as the user named it.
        line: From 1; 0 where there are no lines.
        column: From 1; 0 where there are no lines.
    """

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step could not be carried out.

    Attributes:
        reason: What is wrong, one sentence.
        cure: What to do about it, or None.
        where: The part of the step that failed, such as `routes.orders.transform[1].set.total`.
        spot: Where that stands.
    """

    reason: str
    cure: str | None
    where: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and what it made of the records that came to it.

    Attributes:
        owner: Whose it is.
        number: Its place among its owner's steps, from 1.
        kind: What it is, such as `set`.
        where: Its place in the configuration, such as `routes.orders.transform[1]`.
        spot: The same as file, line and column.
        text: The step as YAML, secrets masked.
        state: What became of it.
        before: The records that came to it.
        after: The records that it made of them: none where it left them out, several where it split one.
        failure: Why it failed, or None.
    """

    owner: Owner
    number: int
    kind: str
    where: str
    spot: Spot
    text: str
    state: State
    before: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """A record taken through steps.

    Attributes:
        steps: Every step, in order.
        shaped: What came out, each with what would be kept in the value store; empty where it was left out, or a step
            failed.
        failure: That of the step that failed, or None.
    """

    steps: tuple[Step, ...] = ()
    shaped: tuple[Shaped, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some steps on the way, and where they are written.

    Attributes:
        owner: Whose they are.
        transformer: The steps.
        place: Where the list of them stands.
    """

    owner: Owner
    transformer: Transformer
    place: Place


class Walk:
    """Takes one record through steps, and writes down what each makes of it."""

    def __init__(self, stretches: Sequence[Stretch], redactor: Redactor) -> None:
        """Prepare.

        Args:
            stretches: The steps, in order.
            redactor: Masks secrets in what is written of them.
        """
        self._stretches = tuple(stretches)
        self._redactor = redactor
        self._trace = Trace()

    def ask(self, record: Record) -> Asking:
        """Return the conversation with the value store that shapes a record, as `Transformer.ask` does.

        Args:
            record: A JSON object; it is not changed.
        """
        whole: Transformer | None = None
        for stretch in self._stretches:
            whole = stretch.transformer if whole is None else whole.then(stretch.transformer)
        return _pass(record) if whole is None else whole.ask(record, trace=self._trace)

    def finish(self, shaped: tuple[Shaped, ...] = (), error: TransformError | None = None) -> Walked:
        """Return what there is to tell, once the conversation has ended.

        Args:
            shaped: What came out.
            error: What ended it, or None.
        """
        failure = None if error is None else self._describe(error)
        steps = tuple(self._tell(failure))
        return Walked(steps, () if failure is not None else shaped, failure)

    def _tell(self, failure: Failure | None) -> Iterator[Step]:
        index = 0
        trace, mask = self._trace, self._redactor.mask_text
        for stretch in self._stretches:
            written = list(stretch.place.children())
            for number in range(len(stretch.transformer)):
                place = written[number]
                before = tuple(trace.before[index]) if trace.before else ()
                after = tuple(trace.after[index]) if trace.after else ()
                is_failed = failure is not None and index == (trace.last or 0)
                yield Step(
                    owner=stretch.owner,
                    number=number + 1,
                    kind=next(iter(place.value), ""),
                    where=place.where,
                    spot=_find_spot(place),
                    text=mask("\n".join(write_yaml([place.value])))[:_LONGEST_TEXT],
                    state="failed" if is_failed else "done" if before else "not reached",
                    before=before,
                    after=() if is_failed else after,
                    failure=failure if is_failed else None,
                )
                index += 1

    def _describe(self, error: TransformError) -> Failure:
        place = find_place((stretch.place for stretch in self._stretches), error.step)
        mask = self._redactor.mask_text
        cure = None if error.cure is None else mask(error.cure)
        return Failure(mask(error.message), cure, error.step, Spot() if place is None else _find_spot(place))


def describe_step(step: Step) -> dict[str, Any]:
    """Return a step as JSON; the records in it are as they are, and may hold what JSON cannot say."""
    return {
        "owner": step.owner,
        "number": step.number,
        "kind": step.kind,
        "where": step.where,
        "file": step.spot.file,
        "line": step.spot.line,
        "column": step.spot.column,
        "text": step.text,
        "state": step.state,
        "before": list(step.before),
        "after": list(step.after),
        "failure": None if step.failure is None else describe_failure(step.failure),
    }


def describe_failure(failure: Failure) -> dict[str, Any]:
    """Return why a step failed, as JSON."""
    return {
        "reason": failure.reason,
        "cure": failure.cure,
        "where": failure.where,
        "file": failure.spot.file,
        "line": failure.spot.line,
        "column": failure.spot.column,
    }


async def walk(stretches: Sequence[Stretch], record: Record, *, source: Any, redactor: Redactor) -> Walked:
    """Take a record through steps, and return what each made of it.

    Args:
        stretches: The steps, in order.
        record: A JSON object; it is not changed.
        source: Where stored values are fetched: the `state` of a store. They are only read.
        redactor: Masks secrets in what is written of the steps; records are returned as they are.

    Raises:
        StoreError: A stored value cannot be fetched.
    """
    way = Walk(stretches, redactor)
    asking = way.ask(record)
    known: dict[Pair, bytes | None] = {}
    try:
        needed = next(asking)
        while True:
            found: Mapping[Pair, bytes | None] = await source.values(tuple(needed))
            known.update((pair, found.get(pair)) for pair in needed)
            needed = asking.send({pair: known[pair] for pair in needed})
    except StopIteration as end:
        return way.finish(end.value)
    except TransformError as error:
        return way.finish(error=error)


def find_place(places: Iterable[Place], where: str) -> Place | None:
    """Return the place that is called so, or the nearest one above it that is written; None where there is neither."""
    found: Place | None = None
    for place in places:
        found = _find_below(place, where) or found
    return found


def _find_below(place: Place, where: str) -> Place | None:
    own = place.where
    if own and where != own and not where.startswith((f"{own}.", f"{own}[")):
        return None
    if where == own:
        return place
    for child in place.children():
        found = _find_below(child, where)
        if found is not None:
            return found
    return place


def _find_spot(place: Place) -> Spot:
    return Spot(place.file, place.line, place.column)


def _pass(record: Record) -> Asking:
    yield from ()
    return (Shaped(record),)
