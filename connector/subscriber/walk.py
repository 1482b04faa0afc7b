"""A walk: id after id, where a remote system cannot list what it has. Decides only; nothing is asked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.config.wording import describe
from connector.errors import SubscriberError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from connector.subscriber.options import WalkOptions


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """A walk as it was declared.

    Attributes:
        where: Its place in the configuration.
        start: The first id of all.
        gap: How many ids in a row may be missing before it is the end.
        budget: Most ids of one run.
        overlap: How many of the last ids are asked for once more.
        into: Field of each record that takes the id, or None.
    """

    where: str
    start: int
    gap: int
    budget: int
    overlap: int
    into: str | None = None

    @classmethod
    def from_options(cls, options: WalkOptions, where: str) -> WalkPlan:
        """Return the walk that a user declared."""
        return cls(where, options.start, options.gap, options.budget, options.overlap, options.into)

    def begin(self, stored: Any) -> WalkRun:
        """Return how a run begins.

        Args:
            stored: The last id that was found, as it was kept, or None.

        Raises:
            SubscriberError: What was kept is no id.
        """
        if isinstance(stored, str) and stored.isascii() and stored.isdigit():
            stored = int(stored)  # as a person may have set it
        if stored is not None and (not isinstance(stored, int) or isinstance(stored, bool)):
            raise SubscriberError(
                f"{self.where}: the last id is {describe(stored)}, accepted is a whole number",
                cure="set it with connector state set, or begin again with connector state reset",
            )
        return WalkRun(self, stored)

    def check(self, value: Any) -> None:
        """Refuse a value that a person wants to be the last id and that is none.

        Raises:
            SubscriberError: It is no whole number.
        """
        if value is None:
            raise SubscriberError(f"{self.where}: the last id is {describe(value)}, accepted is a whole number")
        self.begin(value)


class WalkRun:
    """One run of a walk. Ask for `id`, say with `note` what came of it, until `is_over`."""

    def __init__(self, plan: WalkPlan, stored: int | None) -> None:
        """Begin; see `WalkPlan.begin`."""
        self._plan = plan
        self._stored = stored
        self._asked = 0
        self._missing = 0
        self.into = plan.into
        self.last_found = stored
        self.id = plan.start if stored is None else max(plan.start, stored + 1 - plan.overlap)

    @property
    def values(self) -> dict[str, Any]:
        """What templates find under `state`."""
        return {"id": self.id}

    @property
    def is_over(self) -> bool:
        """Whether nothing more is asked in this run."""
        return self.is_complete or self._asked >= self._plan.budget

    @property
    def is_complete(self) -> bool:
        """Whether the end was found: a gap as long as the remote system is known never to have."""
        return self._missing >= self._plan.gap

    def note(self, *, is_found: bool) -> None:
        """Take note of what came of `id`, and go on to the next.

        Args:
            is_found: Whether there was a record. One that is missing among the ids of the overlap is one that was
                deleted, and no sign of the end.
        """
        self._asked += 1
        if is_found:
            self._missing = 0
            self.last_found = self.id if self.last_found is None else max(self.last_found, self.id)
        elif self._stored is None or self.id > self._stored:
            self._missing += 1
        self.id += 1
