"""Which tasks a page shows: the fields of its address, as a filter and back again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from connector.config.quantity import parse_duration
from connector.frozen import dataclass
from connector.store.rows import TaskFilter, TaskStatus

if TYPE_CHECKING:
    from starlette.datastructures import ImmutableMultiDict

MOST_IDS: Final = 1_000
"""Tasks that can be named one by one in a request."""

LARGEST: Final = 2**63 - 2
"""The highest id that a database holds, less one: a list asks for one more than it shows."""

_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TaskSelection:
    """What the address of a page says of the tasks that are meant.

    Attributes:
        ids: Those that were selected one by one; where there are some, nothing else counts.
        route: Of this route; empty: of any. Likewise the others.
        statuses: In any of these.
        key: With this key, or, with `*` at its end, one that begins so.
        text: With this text in record, key or reason.
        newer: Made since so long, such as `2h`.
        older: Made longer ago than this.
        faults: Fields that could not be read, each with what is accepted; such a field is left out.
    """

    ids: tuple[int, ...] = ()
    route: str = ""
    statuses: tuple[TaskStatus, ...] = ()
    key: str = ""
    text: str = ""
    newer: str = ""
    older: str = ""
    faults: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether no more than route and statuses are given: how many there are is then known without counting."""
        return not (self.ids or self.key or self.text or self.newer or self.older)

    @property
    def is_everything(self) -> bool:
        """Whether every task is meant."""
        return self.is_free and not self.route and not self.statuses

    def to_filter(self) -> TaskFilter:
        """Return the filter for the store."""
        if self.ids:
            return TaskFilter(ids=self.ids)
        is_prefix = self.key.endswith("*")
        return TaskFilter(
            route=self.route or None,
            statuses=self.statuses,
            key=self.key if self.key and not is_prefix else None,
            keys_starting=self.key[:-1] if is_prefix and len(self.key) > 1 else None,
            text=self.text or None,
            newer_than_ms=_to_ms(self.newer),
            older_than_ms=_to_ms(self.older),
        )

    def to_fields(self) -> list[tuple[str, str]]:
        """Return the fields of an address or a form that say the same."""
        if self.ids:
            return [("id", str(task)) for task in self.ids]
        fields = [("route", self.route), *(("status", status.value) for status in self.statuses)]
        fields += [("key", self.key), ("text", self.text), ("newer", self.newer), ("older", self.older)]
        return [(name, value) for name, value in fields if value]

    def to_query(self) -> str:
        """Return the query of an address that says the same, without the question mark."""
        return urlencode(self.to_fields())

    def to_words(self) -> str:
        """Return what is meant, as people say it."""
        if self.ids:
            return f"task {self.ids[0]}" if len(self.ids) == 1 else f"{len(self.ids):,} selected tasks"
        words = [
            f"tasks of {self.route}" if self.route else "tasks of every route",
            f"that are {' or '.join(self.statuses)}" if self.statuses else "",
            f"with a key like {self.key}" if self.key else "",
            f"with “{self.text}” in them" if self.text else "",
            f"made in the last {self.newer}" if self.newer else "",
            f"made more than {self.older} ago" if self.older else "",
        ]
        return ", ".join(word for word in words if word)


def read_selection(fields: ImmutableMultiDict[str, str]) -> TaskSelection:
    """Return what the fields of an address or a form say; a field that cannot be read is told in `faults`."""
    faults: list[str] = []
    statuses = []
    for text in dict.fromkeys(fields.getlist("status")):
        if text in set(TaskStatus):
            statuses.append(TaskStatus(text))
        elif text:
            faults.append(f"{text!r} is no status; there are {', '.join(TaskStatus)}")
    ages = {}
    for name in ("newer", "older"):
        text = fields.get(name, "").strip()
        if text and _to_ms(text) is None:
            faults.append(f"{text!r} is no length of time; accepted are such as 30m, 2h and 7d")
        else:
            ages[name] = text
    faults += [f"{text[:100]!r} is no id of a task" for text in dict.fromkeys(fields.getlist("id")) if not is_id(text)]
    ids = tuple(dict.fromkeys(int(text) for text in fields.getlist("id") if is_id(text)))
    if len(ids) > MOST_IDS:
        faults.append(f"of {len(ids):,} selected tasks the first {MOST_IDS:,} are meant")
    return TaskSelection(
        ids[:MOST_IDS],
        fields.get("route", ""),
        tuple(statuses),
        fields.get("key", "").strip(),
        fields.get("text", "").strip(),
        ages.get("newer", ""),
        ages.get("older", ""),
        tuple(faults),
    )


def is_id(text: str) -> bool:
    """Return whether a text is the id of a task, as far as can be told without looking."""
    return text.isascii() and text.isdigit() and 0 < len(text) < 20 and 0 < int(text) <= LARGEST


def _to_ms(text: str) -> int | None:
    duration = parse_duration(text) if text else None
    return None if duration is None else duration // _MILLISECOND
