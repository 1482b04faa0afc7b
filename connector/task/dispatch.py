"""How the work on a route is cut up among workers, and which of them yields: decisions without clocks or a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.frozen import dataclass
from connector.store.rows import LANES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_UNEVEN: Final = 1.25
"""How much longer than with an even split the slowest group may take for its share of a backlog."""


@dataclass(frozen=True, slots=True)
class Group:
    """Lanes of a route that are worked on together, and how many of their tasks at once.

    Attributes:
        lanes: Ascending; never empty.
        width: At least 1. The widths of a route's groups add up to its concurrency, which so holds over all workers.
    """

    lanes: tuple[int, ...]
    width: int


def split_lanes(concurrency: int) -> tuple[Group, ...]:
    """Return the groups of a route: as many as can be without one of them lagging far behind the others.

    Every worker computes them for itself, so they depend on nothing else.

    Args:
        concurrency: How many tasks of the route are on their way at once, over all workers; at least 1.
    """
    even = LANES / concurrency
    for count in range(min(concurrency, LANES), 1, -1):
        lanes, widths = _share(LANES, count), _share(concurrency, count)
        if max(map(_divide, lanes, widths)) <= even * _MOST_UNEVEN:
            break
    else:
        lanes, widths = [LANES], [concurrency]
    starts = [sum(lanes[:index]) for index in range(len(lanes))]
    return tuple(
        Group(tuple(range(start, start + length)), width)
        for start, length, width in zip(starts, lanes, widths, strict=True)
    )


def _share(total: int, count: int) -> list[int]:
    """Return a whole number in parts as equal as can be, the larger ones first."""
    quotient, rest = divmod(total, count)
    return [quotient + (index < rest) for index in range(count)]


def _divide(lanes: int, width: int) -> float:
    return lanes / width


class Balance:
    """How much each worker has to do, as this worker believes.

    It is told the truth now and then (`learn`), and keeps count in between: several of its shifts whose turns end at
    once do not all go to the same neighbour. A load is how many tasks may be on their way at once.
    """

    def __init__(self, worker: str) -> None:
        """Prepare.

        Args:
            worker: This worker's id.
        """
        self._worker = worker
        self._loads: dict[str, float] = {}
        self._routes: dict[str, frozenset[str]] = {}

    def learn(self, neighbours: Mapping[str, Iterable[str]], loads: Mapping[str, float]) -> None:
        """Take in what the database says.

        Args:
            neighbours: The routes of every worker that is alive, by its id; this one may be among them. No routes
                stand for all of them.
            loads: The load of each worker that has one.
        """
        self._routes = {worker: frozenset(routes) for worker, routes in neighbours.items() if worker != self._worker}
        self._loads = {worker: loads.get(worker, 0.0) for worker in self._routes}

    @property
    def is_alone(self) -> bool:
        """Whether no other worker is alive."""
        return not self._routes

    def share(self, route: str, groups: int) -> int:
        """Return how many groups of a route one worker takes, where all that deliver it take equally many.

        Args:
            route: The route; this worker delivers it.
            groups: How many it has.
        """
        return -(-groups // (1 + len(self._find_able(route))))

    def yields(self, route: str, load: float, width: float) -> bool:
        """Return whether a shift whose turn has ended goes to a neighbour, and count it there if so.

        It does where that neighbour still has no more to do than this worker has left; so two workers never pass a
        shift to and fro.

        Args:
            route: Of the shift.
            load: Of this worker, the shift included.
            width: Of the shift.
        """
        idlest = min(self._find_able(route), key=self._loads.__getitem__, default=None)
        if idlest is None or load - self._loads[idlest] < 2 * width:
            return False
        self._loads[idlest] += width
        return True

    def is_ahead(self, load: float) -> bool:
        """Return whether a neighbour has less to do than this worker: it should have the next shift."""
        return any(other < load for other in self._loads.values())

    def _find_able(self, route: str) -> list[str]:
        """Return the neighbours that deliver a route."""
        return [worker for worker, routes in self._routes.items() if not routes or route in routes]
