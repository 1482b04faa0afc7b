"""Which tasks are meant: the filters that all commands about tasks share."""

from __future__ import annotations

import functools
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

import click

from connector.config.quantity import DURATION, format_duration, parse_duration
from connector.frozen import dataclass
from connector.store.rows import TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_MILLISECOND: Final = timedelta(milliseconds=1)

_LARGEST: Final = 2**63 - 2
"""One less than a database holds: a list asks for one more than it shows."""


class Duration(click.ParamType[int]):
    """A length of time such as `2h` or `30d`, as milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the milliseconds; the context fails for a text that is no duration."""
        if isinstance(value, int):
            return value
        duration = parse_duration(str(value))
        if duration is None:
            number = str(value).strip()
            hint = f"; say of what, such as {number}d or {number}s" if number.isdecimal() else ""
            self.fail(f"{value!r} is not {DURATION}{hint}", param, ctx)
        return duration // _MILLISECOND


class Number(click.IntRange):
    """A whole number from 1, such as an id or how many, which a database can hold."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; the context fails for a text that is none, or one that no database holds."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is no whole number", param, ctx)
        if number > _LARGEST:
            self.fail(f"{number} is too large", param, ctx)
        return int(super().convert(number, param, ctx))


@dataclass(frozen=True, slots=True)
class Selection:
    """What was typed to say which tasks are meant.

    Attributes:
        ids: Those named one by one.
        route: Of this route.
        statuses: In any of these.
        key: With this key.
        text: With this text somewhere.
        older_ms: Made longer ago.
        newer_ms: Made since.
    """

    ids: tuple[int, ...] = ()
    route: str | None = None
    statuses: tuple[TaskStatus, ...] = ()
    key: str | None = None
    text: str | None = None
    older_ms: int | None = None
    newer_ms: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed, so that every task is meant."""
        return self == Selection()

    def to_filter(self, statuses: tuple[TaskStatus, ...] | None = None) -> TaskFilter:
        """Return the filter for the store.

        Args:
            statuses: In place of those that were typed.
        """
        return TaskFilter(
            ids=self.ids,
            route=self.route,
            statuses=self.statuses if statuses is None else statuses,
            key=self.key,
            text=self.text,
            older_than_ms=self.older_ms,
            newer_than_ms=self.newer_ms,
        )

    def to_arguments(self) -> str:
        """Return the selection as it can be typed again, with a blank in front; empty for none."""
        words = [*map(str, self.ids)]
        for option, value in (("--route", self.route), *(("--status", status.value) for status in self.statuses)):
            words += [option, value] if value is not None else []
        for option, value in (("--key", self.key), ("--text", self.text)):
            words += [option, value] if value is not None else []
        for option, length_ms in (("--older", self.older_ms), ("--newer", self.newer_ms)):
            words += [option, format_duration(length_ms * _MILLISECOND)] if length_ms is not None else []
        return f" {shlex.join(words)}" if words else ""


def selecting(command: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Give a command the ids and filters that say which tasks are meant; it gets them as `selection`."""

    @functools.wraps(command)
    def gather(*args: Any, **options: Any) -> T:
        selection = Selection(
            ids=tuple(dict.fromkeys(options.pop("ids"))),
            route=options.pop("route"),
            statuses=tuple(TaskStatus(status) for status in dict.fromkeys(options.pop("status"))),
            key=options.pop("key"),
            text=options.pop("text"),
            older_ms=options.pop("older"),
            newer_ms=options.pop("newer"),
        )
        return command(*args, selection=selection, **options)  # type: ignore[arg-type]  # the names are those above

    decorators = (
        click.argument("ids", nargs=-1, type=Number(), metavar="[ID]..."),
        click.option("--route", metavar="NAME", help="Only tasks of this route."),
        click.option(
            "--status",
            multiple=True,
            type=click.Choice([status.value for status in TaskStatus]),
            help="Only tasks that stand so; may be given several times.",
        ),
        click.option("--key", metavar="TEXT", help="Only tasks with this very key."),
        click.option(
            "--text", metavar="TEXT", help="Only tasks with this text in record, key or reason, letter case aside."
        ),
        click.option("--older", type=Duration(), metavar="TIME", help="Only tasks made longer ago, such as 30d."),
        click.option("--newer", type=Duration(), metavar="TIME", help="Only tasks made since, such as 2h."),
    )
    for decorate in reversed(decorators):
        gather = decorate(gather)
    return gather
