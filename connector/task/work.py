"""What a process knows of a route whose tasks it delivers."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from connector.publisher.publisher import Publisher
    from connector.retry import RetryPolicy
    from connector.route.shape import Shaping
    from connector.store.rows import Claimed, NewTask, TaskStatus
    from connector.task.tally import RouteTally

PRIORITY: Final = 5
"""Of a route that says nothing else."""

MOST_CRASHES: Final = 3
"""How often a worker may end with a record in its hands, beyond the tries of the route, before the record is failed."""


@dataclass(frozen=True, slots=True)
class RouteWork:
    """One route, ready to be delivered.

    Attributes:
        name: Its name in the configuration.
        shaping: Its steps.
        publisher: Where its parcels go.
        retry: When a task is tried again.
        concurrency: How many tasks are on their way at once, over all workers.
        priority: Who is first where places are scarce, 0 to 9; higher comes first.
        exchanges: Of which attempts the exchanges are kept.
        retention: How long settled tasks are kept, by status; None, or no entry, for good.
        reshape: Returns what a task is replaced by that holds its record as it came; None where there is none such.
        tally: Counts what became of attempts; None where nobody wants to know.
    """

    name: str
    shaping: Shaping
    publisher: Publisher
    retry: RetryPolicy
    concurrency: int = 4
    priority: int = PRIORITY
    exchanges: Literal["all", "failed", "none"] = "all"
    retention: Mapping[TaskStatus, timedelta | None] = field(default_factory=dict)
    reshape: Callable[[Claimed], tuple[NewTask, ...]] | None = None
    tally: RouteTally | None = None

    @property
    def longest_wait_ms(self) -> int:
        """The longest a task can have to wait for its next try, milliseconds."""
        return round(self.retry.longest_delay.total_seconds() * 1000)

    @property
    def older_ms(self) -> dict[TaskStatus, int]:
        """After how many milliseconds settled tasks are deleted, by status; those without an entry are kept."""
        return {status: round(age.total_seconds() * 1000) for status, age in self.retention.items() if age is not None}

    @property
    def most_attempts(self) -> int:
        """How many attempts a task may have whose worker died again and again: more, and the record is to blame."""
        return self.retry.attempts + MOST_CRASHES
