"""What the benchmarks of durable routes run in: a folder with a configuration, a database, and commands run there.

The database is a SQLite file, or PostgreSQL: one that `--database` names, or a server of their own, set up to lose
nothing, as its owner would have it. It runs as another user, since it refuses root, and goes when they are over.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from measure import Cost

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # tests/postgres.py starts the server

CONNECTOR = str(Path(sys.executable).parent / "connector")
SAFE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "128MB"}
_TICKS = os.sysconf("SC_CLK_TCK")


class Running:
    """A command that runs in the background; killed when its block ends, unless it was stopped before."""

    def __init__(self, command: list[str], **options: Any) -> None:
        self._started_s = time.perf_counter()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the command runs
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors, **options
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self._errors.close()

    @property
    def cpu_s(self) -> float:
        """CPU taken so far, seconds."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICKS

    @property
    def resident_mb(self) -> float:
        """Memory it holds now, MB."""
        return self._read_mb("VmRSS")

    @property
    def peak_mb(self) -> float:
        """The most memory it has held so far, MB."""
        return self._read_mb("VmHWM")

    def _read_mb(self, field: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 1024

    def check(self) -> None:
        """End the benchmark where the command has ended by itself."""
        if self.process.poll() is not None:
            sys.exit(f"it ended with {self.process.returncode}:\n{self.read_errors()}")

    def settle_down(self) -> None:
        """Return when it has started and takes next to no CPU any more."""
        while True:
            before_s = self.cpu_s
            time.sleep(1.0)
            self.check()
            if before_s > 0.1 and self.cpu_s - before_s < 0.05:
                return

    def read_errors(self) -> str:
        """Return what it has said so far."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-4000:]

    def stop(self) -> Cost:
        """Ask it to end as an operator does, and return what it cost."""
        self.process.send_signal(signal.SIGTERM)
        _pid, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - self._started_s, usage.ru_maxrss / 1024)


class Setting:
    """A folder with a configuration and a database."""

    def __init__(self, folder: Path, database: str | None) -> None:
        """Prepare.

        Args:
            folder: Where the configuration goes, and the file of SQLite.
            database: A `postgresql://` address, or None for SQLite.
        """
        self.folder = folder
        self.is_postgres = database is not None
        self.database = database or str(folder / "connector.db")
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "CONNECTOR_DATA_DIR": str(folder),
            "CONNECTOR_DATABASE": self.database,
            "CONNECTOR_LOG_LEVEL": "error",
        }

    @property
    def name(self) -> str:
        """The kind of database, for what is printed."""
        return "PostgreSQL" if self.is_postgres else "SQLite"

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.folder / "bench.yaml").write_text(text)

    def command(self, *words: str) -> list[str]:
        """Return a command as it is started."""
        return [CONNECTOR, "--config", str(self.folder / "bench.yaml"), *words]

    def run(self, *words: str, stdin: bytes = b"", code: int = 0) -> Cost:
        """Run a command to its end; one that does not end with this exit code ends the benchmark."""
        started_s = time.perf_counter()
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(
                self.command(*words), stdin=given, stdout=said, stderr=subprocess.STDOUT, **self._surroundings
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != code:
                said.seek(0)
                sys.exit(
                    f"connector {' '.join(words)} ended with {process.returncode}:\n{said.read().decode()[-4000:]}"
                )
        return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started_s, usage.ru_maxrss / 1024)

    def start(self, *words: str) -> Running:
        """Start a command in the background."""
        return Running(self.command(*words), **self._surroundings)

    @property
    def _surroundings(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": self.environment}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query gives, by a plain driver."""
        if not self.is_postgres:
            with closing(sqlite3.connect(self.database, timeout=60)) as connection:
                return connection.execute(sql).fetchall()
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()

    def execute(self, *statements: str) -> None:
        """Carry statements out, by a plain driver."""
        if not self.is_postgres:
            with closing(sqlite3.connect(self.database, timeout=60)) as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.commit()
            return
        with psycopg.connect(self.database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def count(self, status: str) -> int:
        """Return how many tasks stand so."""
        return int(self.query(f"SELECT count(*) FROM tasks WHERE status = '{status}'")[0][0])


def add_database(parser: argparse.ArgumentParser) -> None:
    """Give a benchmark the option that names a database."""
    parser.add_argument(
        "--database",
        metavar="URL",
        help="an empty PostgreSQL database to use, instead of a server of the benchmark's own",
    )


@contextmanager
def open_databases(database: str | None) -> Iterator[Callable[[], str] | None]:
    """Give a function that returns the address of an empty database, or None where there is no PostgreSQL.

    Args:
        database: The one that `--database` names: it is emptied each time.
    """
    if database is not None:

        def empty() -> str:
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
            return database

        yield empty
        return
    from tests.postgres import Postgres, find_server  # noqa: PLC0415 - the folder is on the path by now

    programs = find_server()
    if programs is None:
        print("no PostgreSQL server here: SQLite alone (--database names one elsewhere)")
        yield None
        return
    with Postgres(programs, options=SAFE) as server:
        yield server.make_database


@contextmanager
def open_setting(make_database: Callable[[], str] | None = None) -> Iterator[Setting]:
    """Give a setting in a folder of its own, on SQLite unless a database is made for it."""
    with tempfile.TemporaryDirectory(prefix="connector-bench-") as folder:
        yield Setting(Path(folder), make_database() if make_database is not None else None)


def wait_until(holds: Callable[[], bool], what: str, *, patience_s: float = 120.0, pause_s: float = 0.05) -> None:
    """Return when something holds; end the benchmark where it does not come to that in time."""
    deadline_s = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline_s:
            sys.exit(f"it never came to that: {what}")
        time.sleep(pause_s)
