"""Steps tried out in a process of their own, which may take so much time and room and no more.

A template can be small and its work large, and Python cannot stop a thread that computes. So what a person types is run
by another process: it is given no environment and no configuration, limits itself, and is killed when its time is over.
It asks this one for stored values, which are only read. The engine is the one of `connector.desk.transform`.

Both speak JSON lines: the texts go in; `{"need": [[store, key], …]}` comes out, as often as values are needed, and is
answered by the list of them; `{"done": …}` ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector.desk.steps import Failure, Spot, Step, Walked
from connector.desk.transform import STEPS, TryOut, try_steps
from connector.errors import Fault
from connector.frozen import dataclass
from connector.record_codec import decode_value, encode_value
from connector.transform.ledger import Put, Shaped

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterable, Mapping

    from connector.redaction import Redactor
    from connector.transform.ledger import Pair

_MEGABYTE: Final = 1024 * 1024
_STARTS: Final = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TZ"})
"""What the process is told of the environment: no secret, no setting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much steps that are tried out may take.

    Attributes:
        work_s: Seconds of computing, start included.
        total_s: Seconds until an answer is there; more than `work_s`, since a busy machine makes it wait.
        memory_bytes: Address space of the process.
        answer_bytes: The whole of what the steps made, as JSON.
        at_once: Processes at the same time.
        waiting: How many may wait for their turn.
    """

    work_s: int = 3
    total_s: float = 20.0
    memory_bytes: int = 768 * _MEGABYTE
    answer_bytes: int = 4 * _MEGABYTE
    at_once: int = 2
    waiting: int = 8


class Trials:
    """Tries steps out, a few at a time."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Prepare; nothing is started.

        Args:
            limits: How much may be taken; the usual ones where left out.
        """
        self._limits = limits or Limits()
        self._turns = asyncio.Semaphore(self._limits.at_once)
        self._waiting = 0

    async def run(self, text: str, record: str, *, source: Any, redactor: Redactor) -> TryOut:
        """Return what steps make of a record, as `try_steps` does; what takes too much is a fault like any other.

        Args:
            text: YAML: a list of steps, or a mapping with one under `transform`.
            record: A JSON object.
            source: Where stored values are fetched: the `state` of a store. They are only read.
            redactor: Masks secrets in what is written of the steps.

        Raises:
            StoreError: A stored value cannot be fetched.
        """
        if self._waiting >= self._limits.waiting:
            return _refuse("too many steps are being tried out just now", "try again in a few seconds")
        self._waiting += 1
        try:
            async with self._turns:
                return _mask(await self._run(text, record, source), redactor)
        finally:
            self._waiting -= 1

    async def _run(self, text: str, record: str, source: Any) -> TryOut:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "connector.desk.trial",
            str(self._limits.work_s),
            str(self._limits.memory_bytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_make_environment(),
            limit=self._limits.answer_bytes,
        )
        try:
            async with asyncio.timeout(self._limits.total_s):
                answer = await self._converse(process, text, record, source)
        except TimeoutError:
            return _refuse(f"no result within {self._limits.total_s:g} s", "try a smaller record, or fewer steps")
        except ValueError:  # a line that is longer than the limit
            size = self._limits.answer_bytes // _MEGABYTE
            return _refuse(f"what they make is larger than {size} MB", "make less of it: a try-out shows every step")
        finally:
            await _end(process)
        if answer is not None:
            return _read(answer)
        return _refuse(
            f"they take more than {self._limits.work_s} s of work, or more memory than a try-out has",
            "look for a loop over a long range, or a text that is made again and again",
        )

    async def _converse(self, process: Process, text: str, record: str, source: Any) -> dict[str, Any] | None:
        """Return what came of it; None where the process ended before it said so."""
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):  # it ended: there is no answer either
            await _send(process.stdin, {"steps": text, "record": record})
            while line := await process.stdout.readline():
                said: dict[str, Any] = decode_value(line)
                if "done" in said:
                    found: dict[str, Any] = said["done"]
                    return found
                pairs: tuple[Pair, ...] = tuple((store, key) for store, key in said["need"])
                values = await source.values(pairs)
                await _send(process.stdin, [_to_text(values.get(pair)) for pair in pairs])
        return None


def _make_environment() -> dict[str, str]:
    package = Path(__file__).parent.parent
    known = {name: value for name, value in os.environ.items() if name in _STARTS}
    return known | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}


async def _send(stream: asyncio.StreamWriter, value: Any) -> None:
    stream.write(encode_value(value) + b"\n")
    await stream.drain()


async def _end(process: Process) -> None:
    """See the process off, whatever it is at."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _to_text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _refuse(message: str, cure: str) -> TryOut:
    return TryOut((Fault(STEPS, 0, 0, "", message, cure),))


def _write(tried: TryOut) -> dict[str, Any]:
    """Return what came of it as JSON."""
    walked = tried.walked
    shaped = [
        {"record": one.record, "puts": [[put.store, put.key, put.value.decode()] for put in one.puts]}
        for one in walked.shaped
    ]
    return {
        "faults": [asdict(fault) for fault in tried.faults],
        "steps": [asdict(step) for step in walked.steps],
        "shaped": shaped,
        "failure": None if walked.failure is None else asdict(walked.failure),
        "notes": list(tried.notes),
    }


def _read(said: Mapping[str, Any]) -> TryOut:
    """Return what `_write` wrote."""
    shaped = tuple(
        Shaped(one["record"], tuple(Put(store, key, value.encode()) for store, key, value in one["puts"]))
        for one in said["shaped"]
    )
    walked = Walked(tuple(map(_read_step, said["steps"])), shaped, _read_failure(said["failure"]))
    return TryOut(tuple(Fault(**fault) for fault in said["faults"]), walked, tuple(said["notes"]))


def _read_step(said: Mapping[str, Any]) -> Step:
    spot, failure = Spot(**said["spot"]), _read_failure(said["failure"])
    before, after = tuple(said["before"]), tuple(said["after"])
    return Step(**{**said, "spot": spot, "failure": failure, "before": before, "after": after})


def _read_failure(said: Mapping[str, Any] | None) -> Failure | None:
    return None if said is None else Failure(**{**said, "spot": Spot(**said["spot"])})


def _mask(tried: TryOut, redactor: Redactor) -> TryOut:
    """Return it with the secrets that this process knows masked in all words; records stay as they are."""
    mask = redactor.mask_text

    def hide(failure: Failure | None) -> Failure | None:
        if failure is None:
            return None
        cure = None if failure.cure is None else mask(failure.cure)
        return replace(failure, reason=mask(failure.reason), cure=cure)

    steps = tuple(replace(step, text=mask(step.text), failure=hide(step.failure)) for step in tried.walked.steps)
    faults = tuple(
        replace(fault, message=mask(fault.message), hint=None if fault.hint is None else mask(fault.hint))
        for fault in tried.faults
    )
    return replace(tried, faults=faults, walked=replace(tried.walked, steps=steps, failure=hide(tried.walked.failure)))


class _Asked:
    """The value store, as the process that tries steps out sees it: it asks for each value."""

    async def values(self, pairs: Iterable[Pair]) -> dict[Pair, bytes | None]:
        wanted = tuple(pairs)
        _say({"need": [list(pair) for pair in wanted]})
        answered = decode_value(sys.stdin.buffer.readline())
        return {pair: None if value is None else value.encode() for pair, value in zip(wanted, answered, strict=True)}


def _say(value: Any) -> None:
    sys.stdout.buffer.write(encode_value(value) + b"\n")
    sys.stdout.buffer.flush()


def _limit(work_s: int, memory_bytes: int) -> None:
    """Take no more than this, write no file and start nothing."""
    for what, most in (
        (resource.RLIMIT_CPU, work_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard),) * 2)


def main() -> None:
    """Try out what standard input says, and tell on standard output: what runs in the process of its own."""
    _limit(int(sys.argv[1]), int(sys.argv[2]))
    asked = decode_value(sys.stdin.buffer.readline())
    try:
        tried = asyncio.run(try_steps(asked["steps"], asked["record"], source=_Asked()))
        answer = _write(tried)
    except (MemoryError, RecursionError):
        answer = _write(_refuse("they take more memory than a try-out has", "make less of it, or nest it less deep"))
    _say({"done": answer})


if __name__ == "__main__":
    main()
