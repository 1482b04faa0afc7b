"""Transcripts: what was typed and what was seen, and whether it is still seen.

Times, ports and dates differ from run to run and count as equal. A line `…` stands for any lines, a `…` within a line
for any characters.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ANY_LINES = r"(?:.*\n)*?"
_MARK = "@@@ "
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})?\b"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s)\b"), "DURATION"),
    (re.compile(r'"duration_(m?s)": ?\d+(?:\.\d+)?'), r'"duration_\1": NUMBER'),
    (re.compile(r" +$", re.MULTILINE), ""),
    (re.compile(r"(?<=\S) {2,}"), "  "),  # columns are as wide as what stands in them
)


@dataclass(frozen=True)
class Command:
    """One command of a transcript.

    Attributes:
        typed: The command; several lines where it was continued.
        seen: What it printed.
    """

    typed: str
    seen: str


def parse(text: str) -> list[Command]:
    """Return the commands of a transcript, each with what was seen."""
    commands: list[Command] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
        commands.append(Command("\n".join(lines[:length]), "\n".join(lines[length:])))
    return commands


def run(commands: list[Command], folder: Path, environment: dict[str, str]) -> list[str]:
    """Return what each command prints, run one after another in one shell."""
    script = "\n".join(
        f"printf '{_MARK}{number}\\n'; (exit $code)\n{command.typed}\ncode=$?"
        for number, command in enumerate(commands)
    )
    finished = subprocess.run(
        ["bash", "-c", f"code=0\n{script}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    return [part.partition("\n")[2].rstrip("\n") for part in finished.stdout.split(_MARK)[1:]]


def build_environment(home: Path, shop_url: str) -> dict[str, str]:
    """Return an environment in which `connector` is this checkout's, and the shop is the practice shop."""
    scripts = Path(sys.executable).parent
    return {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
        "SHOP_URL": shop_url,
        "SHOP_KEY": "PracticeShopKey0PracticeShopKey1PracticeShopKey2PracticeShopKey3",
    }


def fits(shown: str, seen: str) -> bool:
    """Whether a page shows what was seen."""
    lines = (_ANY_LINES if line == "…" else _write_pattern(line) for line in _level(shown).splitlines())
    return re.fullmatch("".join(lines), f"{_level(seen)}\n" if _level(seen) else "") is not None


def _write_pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.split("…"))) + "\n"


def _level(text: str) -> str:
    for varying, word in _VARYING:
        text = varying.sub(word, text)
    return text.strip("\n")
