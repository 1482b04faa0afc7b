"""The points at which a process can be stopped: a name for each, and what of the program it stands at."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

PassBy = Callable[[], None]


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
        counts: Told the function's arguments by name; says whether this call counts. All do without it.
    """

    path: str
    is_after: bool = False
    counts: Callable[[Mapping[str, Any]], bool] | None = None

    def lay(self, pass_by: PassBy) -> None:
        """Wrap the function where its owner has it."""
        owner, name = find_owner(self.path)
        setattr(owner, name, self._wrap(getattr(owner, name), pass_by))

    def _wrap(self, function: Callable[..., Any], pass_by: PassBy) -> Callable[..., Any]:
        signature = inspect.signature(function)

        def mark(is_after: bool, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
            if is_after is self.is_after:
                bound = signature.bind(*arguments, **named)
                if self.counts is None or self.counts(bound.arguments):
                    pass_by()

        if inspect.iscoroutinefunction(function):

            async def wait(*arguments: Any, **named: Any) -> Any:
                mark(False, arguments, named)
                result = await function(*arguments, **named)
                mark(True, arguments, named)
                return result

            return wait

        def call(*arguments: Any, **named: Any) -> Any:
            mark(False, arguments, named)
            result = function(*arguments, **named)
            mark(True, arguments, named)
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


def find_owner(path: str) -> tuple[Any, str]:
    """Return what holds an attribute and the attribute's name, for `module:name` or `module:Class.name`."""
    module, _, names = path.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = names.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, name


POINTS: Final[dict[str, Point]] = {
    "statement": Statement(),
    "commit.before": Commit(),
    "commit.after": Commit(is_after=True),
    "send.before": Around("connector.client.http:HttpConnection.exchange"),
    "send.sent": Around(
        "connector.client.http:_Progress.follow",
        counts=lambda given: given["event"].endswith(".send_request_body.complete"),
    ),
    "send.answered": Around("connector.client.http:HttpConnection.exchange", is_after=True),
}
"""Every point by its name."""
