"""Starts commands in processes of their own, without each of them importing the program anew.

A process that has imported everything waits for orders, and forks for each. What comes out is a process like any other:
it has a number, its own memory, files and threads, and can be killed. It costs a hundredth of a second in place of one.

The order travels over a socket with the three files that the process is to have as its standard streams. Beside each
process stands a small one that waits for it and tells how it ended.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_ORDER: Final = 1 << 16
_SLICE_S: Final = 0.01


class Launched:
    """A process that was started; the part of `subprocess.Popen` that tests use.

    Attributes:
        pid: Its number.
        stdin: What it reads; None once it was closed.
        returncode: How it ended, negative for a signal; None while it runs.
    """

    def __init__(self, told: socket.socket, pid: int, stdin: int, stdout: Path, stderr: Path) -> None:
        self.pid = pid
        self.stdin: TextIO | None = os.fdopen(stdin, "w", encoding="utf-8")
        self.returncode: int | None = None
        self._told = told
        self._stdout = stdout
        self._stderr = stderr

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout_s: float) -> int:
        """Return how it ended.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if self.returncode is None:
            self._told.settimeout(max(timeout_s, _SLICE_S))
            try:
                self.returncode = int(self._told.recv(16))
            except TimeoutError:
                raise subprocess.TimeoutExpired(str(self.pid), timeout_s) from None
            self._told.close()
        return self.returncode

    def communicate(self, timeout_s: float) -> tuple[str, str]:
        """Close what it reads, wait for its end, and return what it wrote.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        self.close_stdin()
        self.wait(timeout_s)
        return self._stdout.read_text(encoding="utf-8"), self._stderr.read_text(encoding="utf-8")

    def close_stdin(self) -> None:
        """Close what it reads."""
        if self.stdin is not None:
            with suppress(BrokenPipeError):
                self.stdin.close()
            self.stdin = None

    def read_stderr(self) -> str:
        """Return what it has written so far to standard error."""
        return self._stderr.read_text(encoding="utf-8")

    def send(self, signum: int) -> None:
        """Send it a signal; one that has ended gets none."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """End it at once."""
        self.send(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send(signal.SIGTERM)


class Launcher:
    """The process that forks, open for the length of a `with` block."""

    def __init__(self, root: Path) -> None:
        """Prepare.

        Args:
            root: Of the repository.
        """
        self._root = root
        self._folder = Path(tempfile.mkdtemp(prefix="connector-launcher-"))
        self._address = str(self._folder / "orders")
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self._root), "PYTHONWARNINGS": "error"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.launcher", self._address],
            stdin=subprocess.PIPE,
            env=environment,
            cwd=self._folder,
        )
        deadline_s = time.monotonic() + 60
        while not Path(self._address).exists():
            assert self._process.poll() is None, "the launcher has ended"
            assert time.monotonic() < deadline_s, "the launcher does not begin"
            time.sleep(_SLICE_S)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.communicate()  # it ends when nobody can order anything any more
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()

    def launch(self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Launched:
        """Start the driver.

        Args:
            arguments: What it is to do.
            folder: Where.
            environment: All of its variables.
        """
        self._count += 1
        stdout, stderr = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        order = json.dumps({"arguments": arguments, "folder": str(folder), "environment": environment}).encode()
        assert len(order) < _LONGEST_ORDER
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.connect(self._address)
        readable, writable = os.pipe()
        with stdout.open("wb") as out, stderr.open("wb") as err:
            socket.send_fds(ours, [order], [readable, out.fileno(), err.fileno()])
        os.close(readable)
        ours.settimeout(60)
        return Launched(ours, int(ours.recv(16)), writable, stdout, stderr)


def _serve(address: str) -> int:
    """Fork for each order; return the exit code in a process that was started, and 0 at the end."""
    from tests.faults import driver  # noqa: PLC0415 - by name: as a script this module is another

    _import_everything("connector")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen(64)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _ in selector.select()):
            ordering, _ = listener.accept()
            if os.fork() == 0:
                break
            ordering.close()
        else:
            return 0
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return _start(ordering, driver.main)


def _start(ordering: socket.socket, run: object) -> int:
    """Start one process, wait for it beside it, and tell its end; return the exit code in the one that was started."""
    with ordering:
        order, streams, _, _ = socket.recv_fds(ordering, _LONGEST_ORDER, 3)
        pid = os.fork()
        if pid:
            for stream in streams:
                os.close(stream)
            ordering.send(str(pid).encode())
            with selectors.DefaultSelector() as selector:
                selector.register(ordering, selectors.EVENT_READ)
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ)
                if any(key.fileobj is ordering for key, _ in selector.select()):
                    os.kill(pid, signal.SIGKILL)  # whoever ordered it is gone
            _, status = os.waitpid(pid, 0)
            with suppress(OSError):
                ordering.send(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
    asked = json.loads(order)
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    for name, descriptor, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    assert callable(run)
    return int(run(asked["arguments"]))


def _import_everything(name: str) -> None:
    """Import a package and all there is in it, but for what runs when it is imported."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not module.name.endswith("__main__") and "migrations" not in module.name:
            importlib.import_module(module.name)


if __name__ == "__main__":
    sys.exit(_serve(sys.argv[1]))
