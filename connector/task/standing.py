"""Where a route stands, as a process knows it that delivers it: active, paused by a person, or stopped by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from connector.errors import UnknownNameError
from connector.frozen import dataclass
from connector.store.rows import RouteState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connector.errors import ConnectorError
    from connector.store.rows import RouteRow
    from connector.store.store import Store
    from connector.task.journal import Journal
    from connector.task.work import RouteWork

S = TypeVar("S", bound="Standing")


@dataclass(frozen=True, slots=True)
class Drained:
    """How draining a route ended.

    Attributes:
        state: Where the route stands; nothing is delivered of one that is paused or stopped.
        reason: Why it is paused or stopped; empty for an active one.
        stopped: What stopped it, where it stopped itself just now, in this process.
        next_due_ms: When the next try is due, ms since the epoch; None where none waits for its time.
        is_cut: Whether it was asked to stop before it was through.
    """

    state: RouteState
    reason: str = ""
    stopped: ConnectorError | None = None
    next_due_ms: int | None = None
    is_cut: bool = False


class Standing:
    """Where one route stands.

    Attributes:
        work: What is delivered.
        row: Its state in the store, as it was last read; None where it was never changed.
        stopped: Why it stopped itself, in this run.
    """

    def __init__(self, work: RouteWork) -> None:
        self.work = work
        self.row: RouteRow | None = None
        self.stopped: ConnectorError | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.work.name

    @property
    def state(self) -> RouteState:
        """Where it stands in the store."""
        return RouteState.ACTIVE if self.row is None else self.row.state

    @property
    def is_active(self) -> bool:
        """Whether its tasks may be claimed."""
        return self.state is RouteState.ACTIVE

    def end(self, *, next_due_ms: int | None, is_cut: bool) -> Drained:
        """Return how draining it ended."""
        reason = "" if self.row is None else self.row.reason
        return Drained(self.state, reason, self.stopped, next_due_ms, is_cut)


def choose(routes: Mapping[str, S], names: Iterable[str] | None) -> list[S]:
    """Return the routes of some names; all of them for None.

    Raises:
        UnknownNameError: There is none of a name.
    """
    chosen = []
    for name in routes if names is None else names:
        if name not in routes:
            raise UnknownNameError(f"there is no route called {name}")
        chosen.append(routes[name])
    return chosen


async def take_up(routes: Sequence[Standing], store: Store, journal: Journal) -> None:
    """Read where routes stand, and have those active that had stopped themselves.

    Raises:
        StoreError: The store was away for too long.
    """
    rows = await journal.bear(store.routes.states)
    for route in routes:
        route.stopped, route.row = None, rows.get(route.name)
        if route.state is RouteState.STOPPED:
            await journal.bear(partial(store.routes.resume_stopped, route.name, by="connector"))
            route.row = None
