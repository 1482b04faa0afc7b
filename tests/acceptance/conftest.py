"""The command as its users have it: a process of its own, against a practice shop in another one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from connector.testing.server import ScriptedServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from connector.testing.server import Received, Reply

ROOT = Path(__file__).parent.parent.parent
CONFIGS = ROOT / "configs"
SAMPLES = CONFIGS / "samples"

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def messages(self) -> list[str]:
        """The lines of standard error, log lines left out."""
        return [line for line in self.stderr.splitlines() if not line.startswith("{")]

    @property
    def logged(self) -> list[dict[str, Any]]:
        """The log lines."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]


class Command:
    """Runs the command in a folder of its own, with a fresh home and nothing of the caller's environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def __call__(self, *arguments: str | Path, stdin: str | bytes | Path = b"", **environment: str) -> Ran:
        """Run it to its end; further keywords are environment variables."""
        given: dict[str, Any] = {}
        if isinstance(stdin, Path):
            given["stdin"] = stdin.open("rb")
        else:
            given["input"] = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self._build(arguments),
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            **given,
        )
        if "stdin" in given:
            given["stdin"].close()
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start it, with pipes to all of its streams."""
        return subprocess.Popen(
            self._build(arguments),
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder and return its name, relative to it."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return Path(name)

    @staticmethod
    def _build(arguments: Sequence[str | Path]) -> list[str]:
        return [sys.executable, "-m", "connector", *map(str, arguments)]


@dataclass(frozen=True)
class PracticeShop:
    """The shop's door for customers, and the one behind the counter."""

    base_url: str
    key: str
    controls: str

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        """Change or read the shop behind the API's back."""
        request = urllib.request.Request(f"{self.controls}{name}", data=json.dumps(fields).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    @property
    def orders(self) -> list[dict[str, Any]]:
        """All orders, the oldest first."""
        orders: list[dict[str, Any]] = self.control("orders")["orders"]
        return orders

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead `configs/` to this shop."""
        return {"SHOP_URL": f"{self.base_url}/", "SHOP_KEY": self.key}


@pytest.fixture(scope="session")
def shop_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeShop]:
    """One practice shop for all tests of a process, started by its own command."""
    command = Command(tmp_path_factory.mktemp("shop"), _bare_environment(tmp_path_factory.mktemp("home")))
    with command.start("sandbox", "--port", "0", "--output", "json") as process:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            text += line
        told = json.loads(text)
        yield PracticeShop(told["base_url"], told["key"], told["controls"])
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


@pytest.fixture
def shop(shop_process: PracticeShop) -> PracticeShop:
    """The practice shop as it is on its first day."""
    shop_process.control("reset")
    return shop_process


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command, in an empty folder, with a place of its own for what is kept."""
    home = tmp_path / "home"
    home.mkdir()
    folder = tmp_path / "work"
    folder.mkdir()
    return Command(folder, _bare_environment(home) | {"CONNECTOR_DATA_DIR": str(tmp_path / "kept")})


@pytest.fixture
def shop_command(command: Command, shop: PracticeShop) -> Command:
    """The command, with the practice shop in its environment."""
    command.environment |= shop.settings
    return command


@pytest.fixture
def assert_clear() -> Callable[[Ran], None]:
    """Return what fails where a person would be left alone: a traceback, no message, a page of text."""

    def check(ran: Ran) -> None:
        assert "Traceback" not in ran.stderr
        assert "should not happen" not in ran.stderr
        assert ran.messages, "no message at all"
        assert len(ran.messages) <= 6, ran.stderr

    return check


def _bare_environment(home: Path) -> dict[str, str]:
    names = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONWARNINGS": "error"}


class ServerThread:
    """A scripted server that answers beside the test: the command is a process of its own, the test waits for it."""

    def __init__(self, answer: Callable[[Received], Reply], *, tls: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._tls = tls
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self.url = ""
        self.requests: list[Received] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._done is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        async with ScriptedServer(self._answer, tls=self._tls) as server:
            self.url, self.requests = server.url, server.requests
            self._ready.set()
            await self._done.wait()
