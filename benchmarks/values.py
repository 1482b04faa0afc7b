"""What a frozen class costs to make, and one of its values: the standard decorator against `connector.frozen`.

    python benchmarks/values.py

Microseconds, the best of seven rounds in one process.
"""

from __future__ import annotations

import dataclasses
import timeit
from typing import TYPE_CHECKING, Any

from connector import frozen

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Print one line a decorator."""
    print(f"{'':<18} {'class':>8} {'value':>8} {'equality':>8}")
    for name, dataclass in (("standard", dataclasses.dataclass), ("connector.frozen", frozen.dataclass)):
        print(f"{name:<18}", *(f"{cost_us:>8.2f}" for cost_us in measure(dataclass)))


def measure(dataclass: Any) -> tuple[float, float, float]:
    """Return what a class, a value and a comparison cost, microseconds."""
    line = make_class(dataclass)
    one, other = line("A", "Apple"), line("A", "Apple")
    return (
        time(lambda: make_class(dataclass), 200),
        time(lambda: line("A", "Apple"), 50_000),
        time(lambda: one == other, 50_000),
    )


def make_class(dataclass: Any) -> Any:
    """Return a class of four fields."""

    @dataclass(frozen=True, slots=True)
    class Line:
        """A line."""

        sku: str
        title: str
        quantity: int = 1
        note: str | None = None

    return Line


def time(action: Callable[[], object], times: int) -> float:
    """Return what one run of an action costs, microseconds."""
    return min(timeit.repeat(action, number=times, repeat=7)) / times * 1e6


if __name__ == "__main__":
    main()
