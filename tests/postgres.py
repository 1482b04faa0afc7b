"""A PostgreSQL server of the tests' own: on a private port, as a user without rights, gone when they are over.

    from tests.postgres import postgres  # noqa: F401 - a fixture

    def test_something(postgres: Postgres) -> None:
        url = postgres.make_database()

Where the machine has no server, tests that ask for one are skipped; with CONNECTOR_TESTS_REQUIRE_ALL they fail.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

_DEBIAN: Final = Path("/usr/lib/postgresql")
_USERS: Final = ("postgres", "nobody")  # the server refuses to run as root
_TIMEOUT_S: Final = 60.0
_OPTIONS: Final = {
    "fsync": "off",  # the machine is not switched off here, the server alone is: what it wrote stays
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


def find_server() -> Path | None:
    """Return the folder of the server's programs, the newest release first, or None where there is none."""
    found = shutil.which("initdb")
    if found is not None and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    folders = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgres:
    """A server on a free port of loopback, open for the length of a `with` block.

    Attributes:
        port: Where it listens, also after it was stopped and started again.
    """

    def __init__(self, programs: Path, *, options: Mapping[str, str] | None = None) -> None:
        """Prepare.

        Args:
            programs: Folder with `initdb` and `pg_ctl`.
            options: Settings of the server that are not to be the tests' own, such as `fsync`.
        """
        self._programs = programs
        self._options = {**_OPTIONS, **(options or {})}
        self._user = next((name for name in _USERS if _has_user(name)), None) if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="connector-postgres-"))
        self._databases = 0
        self.port = _find_port()

    def __enter__(self) -> Self:
        self._folder.chmod(0o755)
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "--pgdata", str(self._folder / "data"), "--auth=trust", "--username=tests", "--no-sync",
                  "--encoding=UTF8", "--locale=C.UTF-8")  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        options = {**self._options, "port": str(self.port), "listen_addresses": "127.0.0.1",
                   "unix_socket_directories": str(self._folder)}  # fmt: skip
        text = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._control("start", "--options", text, "--log", str(self._folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """Stop it.

        Args:
            mode: `fast` ends sessions and writes everything down; `immediate` breaks off, as a crash would.
        """
        self._control("stop", "--mode", mode)

    def make_database(self, *, template: str | None = None) -> str:
        """Return the address of a new database.

        Args:
            template: Address of one to copy, to which nobody is connected; None for an empty one.
        """
        self._databases += 1
        name = f"test_{self._databases}"
        copied = "" if template is None else f" TEMPLATE {template.rpartition('/')[2]}"
        self.execute(f"CREATE DATABASE {name}{copied}")
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"

    def drop_database(self, database: str) -> None:
        """Delete a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {database.rpartition('/')[2]} WITH (FORCE)")

    def cut(self, database: str) -> int:
        """End every session of a database, as an administrator does; return how many there were."""
        name = database.rpartition("/")[2]
        with self._connect() as connection:
            cut = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", [name]
            ).fetchone()
        assert cut is not None
        return int(str(cut[0]))

    def execute(self, sql: str) -> None:
        """Run a statement as the administrator."""
        with self._connect() as connection:
            connection.execute(sql.encode())

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        import psycopg  # noqa: PLC0415 - most test processes never need it

        return psycopg.connect(f"postgresql://tests@127.0.0.1:{self.port}/postgres", autocommit=True)

    def _control(self, verb: str, *arguments: str) -> None:
        self._run("pg_ctl", verb, "--pgdata", str(self._folder / "data"), "--wait", "--silent", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd=self._folder,
            check=True,
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of a process."""
    programs = find_server()
    if programs is None:
        reason = "there is no PostgreSQL server here; Debian has it as `postgresql`"
        if os.environ.get("CONNECTOR_TESTS_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Postgres(programs) as server:
        yield server


def _has_user(name: str) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _find_port() -> int:
    """Return a free port below those that clients are given: none of them takes it while the server starts again."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
