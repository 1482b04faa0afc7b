"""The messages on the page of troubleshooting."""

import ast
import functools
import re

import pytest

from tests.docs.pages import DOCS, ROOT

_ROW = re.compile(r"^\| (?P<message>`.*?) \| .* \| .* \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
MESSAGES = [
    message
    for row in _ROW.finditer((DOCS / "troubleshooting.md").read_text(encoding="utf-8"))
    for message in _CODE.findall(row["message"])
]


@functools.cache
def read_texts() -> str:
    """Return every text that stands in the program, one a line."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "connector").rglob("*.py")))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(value for value in constants if isinstance(value, str))


@pytest.mark.parametrize("message", MESSAGES)
def test_message_is_in_the_program(message: str) -> None:
    """Every part of a message that does not differ stands in the program as it is shown."""
    parts = [part.strip() for part in message.split("…")]

    missing = [part for part in parts if part not in read_texts()]

    assert any(len(part) > 5 for part in parts)
    assert not missing
