"""The points at which a process can be stopped: a name for each, and what of the program it stands at."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol

PassBy = Callable[[], None]

_TASKS: Final = "connector.store.tasks:Tasks"
_JOURNAL: Final = "connector.task.journal:Journal"
_CONNECTION: Final = "connector.client.http:HttpConnection"


class Point(Protocol):
    """Somewhere a process can be stopped."""

    def lay(self, pass_by: PassBy) -> None:
        """See to it that this is called at every passing. Called once, before the command runs."""


@dataclass(frozen=True)
class Around:
    """Ahead of a function's body, or after it.

    Attributes:
        path: `module:name` or `module:Class.name`.
        is_after: Whether it is passed when the function returned, else when it is called.
        counts: Told the function's arguments by name, and under `return` what it returned; says whether this call
            counts. All do without it.
    """

    path: str
    is_after: bool = False
    counts: Callable[[Mapping[str, Any]], Any] | None = None

    def lay(self, pass_by: PassBy) -> None:
        """Wrap the function where its owner has it."""
        owner, name = find_owner(self.path)
        setattr(owner, name, self._wrap(getattr(owner, name), pass_by))

    def _wrap(self, function: Callable[..., Any], pass_by: PassBy) -> Callable[..., Any]:
        signature = inspect.signature(function)

        def mark(is_after: bool, arguments: tuple[Any, ...], named: Mapping[str, Any], result: Any = None) -> None:
            if is_after is self.is_after:
                bound = signature.bind(*arguments, **named)
                if self.counts is None or self.counts({**bound.arguments, "return": result}):
                    pass_by()

        if inspect.iscoroutinefunction(function):

            async def wait(*arguments: Any, **named: Any) -> Any:
                mark(False, arguments, named)
                result = await function(*arguments, **named)
                mark(True, arguments, named, result)
                return result

            return wait

        def call(*arguments: Any, **named: Any) -> Any:
            mark(False, arguments, named)
            result = function(*arguments, **named)
            mark(True, arguments, named, result)
            return result

        return call


@dataclass(frozen=True)
class Statement:
    """Ahead of a statement of SQL, or after it, in whichever thread it is run.

    Attributes:
        is_after: As `Around`.
        begins: How the statement begins; any without it.
    """

    is_after: bool = False
    begins: str = ""

    def lay(self, pass_by: PassBy) -> None:
        """Listen to every engine."""
        from sqlalchemy import Engine, event  # noqa: PLC0415 - where it is asked for

        def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.lstrip().upper().startswith(self.begins):
                pass_by()

        event.listen(Engine, "after_cursor_execute" if self.is_after else "before_cursor_execute", hear)


@dataclass(frozen=True)
class Commit:
    """Ahead of the end of a transaction that wrote, or after it.

    Attributes:
        is_after: As `Around`.
    """

    is_after: bool = False

    def lay(self, pass_by: PassBy) -> None:
        """Wrap what every dialect commits with."""
        Around("sqlalchemy.engine.default:DefaultDialect.do_commit", is_after=self.is_after).lay(pass_by)


@dataclass(frozen=True)
class Departure:
    """After the last byte of an order has left: what goes out is written by aiohttp, which knows no orders."""

    def lay(self, pass_by: PassBy) -> None:
        """Follow each order from our own code into aiohttp's, by the context that its tasks inherit."""
        is_order: ContextVar[bool] = ContextVar("is_order", default=False)

        def remember(given: Mapping[str, Any]) -> bool:
            is_order.set(_is_order(given))
            return False

        Around(f"{_CONNECTION}.exchange", counts=remember).lay(pass_by)
        Around("aiohttp.http_writer:StreamWriter.write_eof", is_after=True, counts=lambda _: is_order.get()).lay(
            pass_by
        )


def find_owner(path: str) -> tuple[Any, str]:
    """Return what holds an attribute and the attribute's name, for `module:name` or `module:Class.name`."""
    module, _, names = path.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = names.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, name


def _is_order(given: Mapping[str, Any]) -> bool:
    """Whether a request is an order, to the judge or to the practice shop, and not a step ahead of one."""
    request = given["request"]
    return request.url.endswith("/orders") or "api/order/add" in f"{request.url}{request.query}"


INGEST: Final[dict[str, Point]] = {
    "ingest.fetched": Around(f"{_TASKS}.ingest"),
    "ingest.written": Around("connector.store.ingest:Ingest.write", is_after=True),
    "ingest.kept": Around(f"{_TASKS}.ingest", is_after=True),
}
"""Of each page: it was read; its transaction is about to be committed; it was committed."""

DELIVERY: Final[dict[str, Point]] = {
    "delivery.claiming": Around(f"{_TASKS}.claim"),
    "delivery.claimed": Around(f"{_TASKS}.claim", is_after=True, counts=lambda given: given["return"]),
    "delivery.noting": Around(f"{_JOURNAL}.note"),
    "delivery.noted": Around(f"{_JOURNAL}.note", is_after=True),
    "delivery.sending": Around(f"{_CONNECTION}.exchange", counts=_is_order),
    "delivery.sent": Departure(),
    "delivery.answered": Around(f"{_CONNECTION}.exchange", is_after=True, counts=_is_order),
    "delivery.settling": Around(f"{_JOURNAL}.settle"),
    "delivery.settled": Around(f"{_TASKS}.write", is_after=True, counts=lambda given: given["settlements"]),
}
"""Of each task, but for the first two, which are of each batch."""

PARCELS: Final[dict[str, Point]] = {
    "parcel.sent": Around(f"{_JOURNAL}.checkpoint"),
    "parcel.kept": Around(f"{_JOURNAL}.checkpoint", is_after=True),
}
"""Of each parcel of a task but the last one."""

LIFE: Final[dict[str, Point]] = {
    "recovery.begun": Around("connector.store.lanes:Lanes._recover"),
    "recovery.written": Around("connector.store.lanes:Lanes._recover", is_after=True),
    "prune.written": Around("connector.store.prune:Prune.delete", is_after=True),
    "table.making": Statement(begins="CREATE"),
}
"""Of what happens around the work."""

DATABASE: Final[dict[str, Point]] = {
    "statement": Statement(),
    "commit.before": Commit(),
    "commit.after": Commit(is_after=True),
}
"""Anywhere: by number."""

POINTS: Final[dict[str, Point]] = {**INGEST, **DELIVERY, **PARCELS, **LIFE, **DATABASE}
"""Every point by its name."""
