"""Variables in text: `${NAME}` and `${NAME:default}`, from the environment, `.env` or a file.

They are put in after parsing and inside values only, so a variable can hold no YAML, never turns into a number or a
key, and needs no quoting. `$${` is a literal `${`. A variable that is set but empty counts as set.
"""

from __future__ import annotations

import re
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connector.config.source import Unreadable, is_missing, read_text_file
from connector.errors import Fault
from connector.frozen import dataclass
from connector.redaction import is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.config.place import Faults

MAX_FILE_BYTES: Final = 1024 * 1024
"""Largest file read for a `NAME_FILE`, bytes."""

_VARIABLE: Final = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)(?P<end>[{}]|\Z)", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SYNTAX_HINT: Final = "write ${NAME} or ${NAME:default}; $${ is a literal ${"


@dataclass(frozen=True, slots=True)
class Found:
    """The text of a variable.

    Attributes:
        text: What is put in.
        source: Where it came from, such as `environment SHOP_URL` or `file /run/secrets/x (SHOP_KEY_FILE)`.
        is_secret: Whether it may be shown to nobody: its name says so, or it came from a file of its own.
    """

    text: str = field(repr=False)
    source: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text cannot be used as written.

    Attributes:
        index: The character it is about.
        message: What was found and what is accepted.
        hint: What to do, or None.
    """

    index: int
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Expanded:
    """A text with its variables put in.

    Attributes:
        text: The result; parts with a problem stay as written.
        sources: Where each part came from, in order; empty where the text holds no variable.
        secrets: The parts that may be shown to nobody.
        problems: All of them; empty when the text can be used.
    """

    text: str = field(repr=False)
    sources: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    problems: tuple[Problem, ...] = ()


class Variables:
    """Finds variables: first in the environment, then in `.env`, then in the file that `NAME_FILE` names."""

    def __init__(
        self, environment: Mapping[str, str], dotenv: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        """Take the places to look in.

        Args:
            environment: Usually `os.environ`.
            dotenv: The names and texts of the `.env` beside the configuration.
            folder: Where that `.env` lies; a relative `NAME_FILE` written in it starts there.
        """
        self._environment = environment
        self._dotenv = dotenv or {}
        self._folder = folder or Path()

    def find(self, name: str) -> Found | Problem | None:
        """Return the text of a variable, why its file cannot be read, or None where it is not set."""
        if name in self._environment:
            return Found(self._environment[name], f"environment {name}", is_secret(name))
        if name in self._dotenv:
            return Found(self._dotenv[name], f".env {name}", is_secret(name))
        file_name = f"{name}_FILE"
        path = self._environment.get(file_name)
        if path:
            return _read_variable(name, Path(path), path)
        path = self._dotenv.get(file_name)
        if path:
            return _read_variable(name, self._folder / path, path)
        return None

    def expand(self, text: str, position: str) -> Expanded:
        """Return a text with its variables put in.

        Args:
            text: As written.
            position: Where it stands, for the origin of a default (`configs/shop.yaml:4:13`).
        """
        if "${" not in text:
            return Expanded(text)
        parts: list[str] = []
        sources: list[str] = []
        secrets: list[str] = []
        problems: list[Problem] = []
        end = 0
        for match in _VARIABLE.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            if match.group() == "$${":
                parts.append("${")
                continue
            found = self._resolve(match, position)
            if isinstance(found, Problem):
                problems.append(found)
                parts.append(match.group())
                continue
            parts.append(found.text)
            sources.append(found.source)
            if found.is_secret and found.text:
                secrets.append(found.text)
        parts.append(text[end:])
        return Expanded("".join(parts), tuple(dict.fromkeys(sources)), tuple(secrets), tuple(problems))

    def _resolve(self, match: re.Match[str], position: str) -> Found | Problem:
        inside: str = match["inside"]
        name, colon, default = inside.partition(":")
        if match["end"] == "{":
            what = "another variable inside it" if inside.endswith("$") else 'a "{" inside it'
            return Problem(match.start(), f"found a variable with {what}, accepted is a name and a plain default", None)
        if match["end"] != "}":
            return Problem(match.start(), 'found "${" without "}"', _SYNTAX_HINT)
        if not _NAME.fullmatch(name):
            what = f'"{name}"' if name else "nothing"
            return Problem(match.start(), f"found {what} as the name of a variable", _SYNTAX_HINT)
        found = self.find(name)
        if isinstance(found, Problem):
            return Problem(match.start(), found.message, found.hint)
        if found is not None:
            return found
        if colon:
            return Found(default, f"default in {position}", is_secret(name))
        hint = f"set it (environment, .env, or a file that {name}_FILE names), or write a default: ${{{name}:…}}"
        return Problem(match.start(), f"the variable {name} is not set", hint)


def read_dotenv(path: Path, faults: Faults) -> dict[str, str]:
    """Return the names and texts of a `.env` file; empty where there is none.

    Values are taken as they are: nothing in them is put in or run. Lines that are no `NAME=value` are faults.
    """
    if is_missing(path):
        return {}
    text = read_text_file(path, MAX_FILE_BYTES)
    if isinstance(text, Unreadable):
        faults.add(Fault(str(path), text.line, text.column, "", text.message, text.hint))
        return {}
    # Imported here: it takes 10 ms, and most starts have no `.env`.
    import io  # noqa: PLC0415

    from dotenv.parser import parse_stream  # noqa: PLC0415

    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        first = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:first].count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            faults.add(Fault(str(path), line, 1, "", "found a line that is not NAME=value", "comments begin with #"))
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values


def _read_variable(name: str, path: Path, written: str) -> Found | Problem:
    """Return what a file holds, without its last line break; whatever comes from a file of its own is secret."""
    text = read_text_file(path, MAX_FILE_BYTES)
    if isinstance(text, Unreadable):
        return Problem(0, f"the file {written}, which {name}_FILE names, {_as_clause(text.message)}", text.hint)
    text = text.removesuffix("\n").removesuffix("\r")
    return Found(text, f"file {written} ({name}_FILE)", is_secret=True)


def _as_clause(message: str) -> str:
    return message if message.startswith("cannot") else f"cannot be used: {message}"
