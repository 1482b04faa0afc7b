"""Whole processes, measured by what the operating system accounts to them when they end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of CPU and of wall time, and its largest resident memory in MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def run(command: list[str], *, output: str = os.devnull) -> Cost:
    """Run a command to its end and return its cost. A failing command ends the benchmark."""
    started_s = time.perf_counter()
    with Path(output).open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.PIPE)
        assert process.stderr is not None
        errors = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} exited with {process.returncode}:\n{errors.decode()}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started_s, usage.ru_maxrss / 1024)


def alternate(runs: int, *commands: list[str], output: str = os.devnull) -> list[list[Cost]]:
    """Run the commands in turn, so that a machine that changes its speed changes it for all; one warm-up each."""
    for command in commands:
        run(command, output=output)
    return [
        list(row)
        for row in zip(*([run(command, output=output) for command in commands] for _ in range(runs)), strict=True)
    ]


def median(costs: list[Cost], field: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(cost, field) for cost in costs)
