"""The driver itself: it stops a process at the point and the passing that were asked for."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.installation import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_LAY = """
import asyncio, os, sys
from tests.faults.driver import Order, Watch
from tests.faults.points import Around, Commit, Statement

class Shelf:
    def put(self, what): print("put", what, flush=True)
    async def take(self, what):
        print("take", what, flush=True)
        return what > 1

def use():
    for number in (1, 2, 3):
        Shelf().put(number)
        asyncio.run(Shelf().take(what=number))

def store():
    import sqlalchemy
    engine = sqlalchemy.create_engine("sqlite:///shelf.db")
    for number in (1, 2, 3):
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS shelf(number)")
            connection.exec_driver_sql("INSERT INTO shelf VALUES (?)", (number,))
            print("wrote", number, flush=True)
        print("kept", number, flush=True)
"""


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script that has the little program above, and return what it came to."""
    return subprocess.run(
        [sys.executable, "-c", f"{_LAY}\n{text}"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("point", "last"),
    [
        ('Around("__main__:Shelf.put")', "take 1"),
        ('Around("__main__:Shelf.put", is_after=True)', "put 2"),
        ('Around("__main__:Shelf.take")', "put 2"),
        ('Around("__main__:Shelf.take", is_after=True)', "take 2"),
        ('Around("__main__:Shelf.take", counts=lambda given: given["what"] != 2)', "put 3"),
        ('Around("__main__:Shelf.take", is_after=True, counts=lambda given: given["return"])', "take 3"),
    ],
)
def test_process_is_killed_around_a_function(tmp_path: Path, point: str, last: str) -> None:
    """The process ends ahead of the function's body, or after it, at the passing that was asked for."""
    ran = run(tmp_path, f'{point}.lay(Watch(Order("", 2, "kill")).pass_by)\nuse()')

    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert ran.stdout.splitlines()[-1] == last


@pytest.mark.parametrize(
    ("point", "last"),
    [
        ("Commit()", "wrote 2"),
        ("Commit(is_after=True)", "wrote 2"),
        ('Statement(begins="INSERT")', "kept 1"),
        ('Statement(is_after=True, begins="INSERT")', "kept 1"),
    ],
)
def test_process_is_killed_around_the_database(tmp_path: Path, point: str, last: str) -> None:
    """The process ends around a statement, or around the end of a transaction."""
    ran = run(tmp_path, f'{point}.lay(Watch(Order("", 2, "kill")).pass_by)\nstore()')

    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert ran.stdout.splitlines()[-1] == last


def test_clock_is_set_back(tmp_path: Path) -> None:
    """The clock on the wall goes back, once, and the one that never goes back does not."""
    ran = run(
        tmp_path,
        "import time\nfrom tests.faults.driver import set_back\n"
        "wall, steady = time.time(), time.monotonic()\nset_back(3600, 0)\n"
        "print(round(time.time() - wall), round(time.monotonic() - steady), round(time.time_ns() / 1e9 - wall))",
    )

    assert ran.stdout == "-3600 0 -3600\n"


def test_command_runs_to_its_end(tmp_path: Path) -> None:
    """A command at which no point is passed runs as if nothing was laid."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.driver", "--at", "statement:1", "--", "catalog", "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "connector catalog" in ran.stdout
