"""Runs `connector` and stops it dead at a chosen point.

The program has no switches for its own failure. This script wraps methods of it from outside, counts how often a
point is passed, and acts at the passing that was asked for; then it runs the command as its own front door does.

```sh
python -m tests.faults.driver --at commit.before:3 -- run orders
python -m tests.faults.driver --at statement:40:stop --clock-back 3600@2 -- worker
python -m tests.faults.driver --set connector.task.worker:DEAD_S=2 -- worker
```
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.points import POINTS, find_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNALS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


@dataclass(frozen=True)
class Order:
    """What to do, and when.

    Attributes:
        point: Name of a point.
        passing: Which passing of it, from 1.
        action: `kill`; `stop`, until somebody lets it go on; `term`, as an operator asks it to end.
    """

    point: str
    passing: int
    action: str


class Watch:
    """Counts the passings of a point."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._passed = 0
        self._lock = threading.Lock()  # the store's threads pass points too

    def pass_by(self) -> None:
        """Count one passing, and act where it is the one."""
        with self._lock:
            self._passed += 1
            is_it = self._passed == self._order.passing
        if is_it:
            os.kill(os.getpid(), _SIGNALS[self._order.action])


def set_back(seconds: float, after_s: float) -> None:
    """Let the clock on the wall be set back once, as an administrator or a time server does.

    Args:
        seconds: By how much.
        after_s: How long after the start, seconds.
    """
    began_s, tell, tell_ns = time.monotonic(), time.time, time.time_ns

    def shift_s() -> float:
        return seconds if time.monotonic() - began_s >= after_s else 0.0

    time.time = lambda: tell() - shift_s()
    time.time_ns = lambda: tell_ns() - int(shift_s() * 1_000_000_000)


def read_order(text: str) -> Order:
    """Return an order from `POINT:PASSING` or `POINT:PASSING:ACTION`.

    Raises:
        argparse.ArgumentTypeError: There is no such point or action.
    """
    point, passing, *rest = text.split(":")
    order = Order(point, int(passing), *(rest or ["kill"]))
    if order.point not in POINTS or order.action not in _SIGNALS:
        raise argparse.ArgumentTypeError(f"{text}: there are {', '.join(POINTS)}; {', '.join(_SIGNALS)}")
    return order


def main(arguments: Sequence[str]) -> int:
    """Prepare what was asked for, run the command, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", action="append", type=read_order, default=[], metavar="POINT:N[:ACTION]")
    parser.add_argument("--clock-back", metavar="SECONDS@AFTER")
    parser.add_argument("--set", action="append", default=[], metavar="MODULE:NAME=JSON")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args(arguments)
    if asked.clock_back:
        seconds, _, after_s = asked.clock_back.partition("@")
        set_back(float(seconds), float(after_s or 0))
    for setting in asked.set:
        path, _, value = setting.partition("=")
        owner, name = find_owner(path)
        getattr(owner, name)  # a name that is there no more would change nothing, and say so nowhere
        setattr(owner, name, json.loads(value))
    for order in asked.at:
        POINTS[order.point].lay(Watch(order).pass_by)
    from connector.cli.main import run_command  # noqa: PLC0415 - after the clock was changed

    return run_command(asked.command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
