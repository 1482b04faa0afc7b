"""Recordings of a real shop: the format of a transcript, and which generation one is of.

A transcript is a JSON list of exchanges in the order they were made; see section 8 of the description the recordings
came with: ``scenario``, ``step``, ``entity``, ``request`` (``method``, ``path``, ``query``, ``form``; where used also
``cookies``, ``headers``, ``source_ip``, ``json``, ``raw``, ``multipart``), ``response`` (``status``, ``headers``,
``cookies``, then ``json`` or ``text``), ``note``, and ``before`` where somebody changed the shop by hand.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VERSION = re.compile(r"(?<![\d.])([2-4])\.(\d)(?:\.\d+){1,2}(?!\d)")


@dataclass(frozen=True)
class Exchange:
    """One request and what a real shop answered; ``note`` is the remark beside it, else the scenario's title."""

    step: int
    request: dict[str, Any]
    response: dict[str, Any]
    before: tuple[str, ...]
    note: str

    @property
    def label(self) -> str:
        """How messages name it."""
        route = self.request["query"].get("route", self.request["path"])
        return f"step {self.step}, {self.request['method']} {route}"


@dataclass(frozen=True)
class Scenario:
    """Exchanges that follow one another, in the sessions they open."""

    file: str
    name: str
    generation: str
    exchanges: tuple[Exchange, ...]

    @property
    def runs_on(self) -> bool:
        """Whether it starts from the state the scenarios before it left; 4.x was recorded that way."""
        return self.generation.startswith("4")

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


def load_scenarios(folder: Path) -> list[Scenario]:
    """Return every scenario of every transcript in a folder; files that hold something else are passed over.

    Args:
        folder: Holds ``*.json`` files; folders inside are not looked into.

    Raises:
        ValueError: A file is not JSON.
    """
    scenarios = []
    for path in sorted(folder.glob("*.json")):
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not JSON: {error}") from error
        if _is_transcript(rows):
            scenarios += _split(path.stem, detect_generation(path.name, rows), rows)
    return scenarios


def detect_generation(name: str, rows: list[dict[str, Any]]) -> str:
    """Return the generation a transcript is of, such as ``3.0``: by its file's name, else by how its routes look.

    Args:
        name: The file's name; ``transcripts-3.0.5.1.json`` says all there is to say.
        rows: The exchanges. 2.3 has ``token`` in its queries, 3.0 ``api_token``; 4.0 writes ``api/sale/cart.add`` or
            ``api/sale/cart|add``, 4.1 signs its calls.
    """
    if found := _VERSION.search(name):
        return f"{found[1]}.{found[2]}"
    names = {key for row in rows for key in row["request"]["query"]}
    if "signature" in names:
        return "4.1"
    routes = [row["request"]["query"].get("route", "") for row in rows]
    if sum(route.startswith("api/sale/") for route in routes) * 2 > len(routes):
        return "4.0"
    return "2.3" if "token" in names and "api_token" not in names else "3.0"


def _is_transcript(rows: Any) -> bool:
    return (
        isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and {"scenario", "request"} <= set(rows[0])
    )


def _split(file: str, generation: str, rows: list[dict[str, Any]]) -> list[Scenario]:
    grouped: dict[str, list[Exchange]] = {}
    for row in rows:
        before = row.get("before") or ()
        exchange = Exchange(
            row["step"],
            row["request"],
            row["response"],
            (before,) if isinstance(before, str) else tuple(before),
            row.get("note") or row["scenario"],
        )
        grouped.setdefault(row["scenario"], []).append(exchange)
    return [Scenario(file, name, generation, tuple(exchanges)) for name, exchanges in grouped.items()]
