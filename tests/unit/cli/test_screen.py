"""Words and columns."""

from __future__ import annotations

import io

import pytest

from connector.cli.screen import Screen, align, count, format_seconds
from connector.desk.yaml_text import write_yaml
from connector.errors import ConfigError, ConnectorError, Fault, TransformError
from connector.redaction import Redactor


def test_columns_stand_under_one_another():
    """Each column is as wide as its longest cell, and lines have no blanks at their end."""
    assert align([("a", "bb", ""), ("aaa", "b", "c")]) == ["a    bb", "aaa  b   c"]


@pytest.mark.parametrize(("number", "text"), [(0, "0 records"), (1, "1 record"), (1204, "1,204 records")])
def test_counts(number, text):
    """A number has its noun."""
    assert count(number, "record") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.034, "0.03 s"), (12.4, "12 s"), (185.2, "3 min 5 s"), (59.9, "1 min 0 s")]
)
def test_lengths_of_time(seconds, text):
    """A length of time is told in the units a person would use."""
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectorError("it broke", cure="mend it"), "error: it broke\n cure: mend it\n"),
        (ConnectorError("it broke"), "error: it broke\n"),
        (TransformError("no total", step="a.b", cure="add it"), "error: a.b: no total\n cure: add it\n"),
        (
            ConfigError([Fault("b.yaml", 2, 1, "x", "wrong"), Fault("a.yaml", 1, 1, "y", "bad", "good?")]),
            "a.yaml:1:1: y: bad; good?\nb.yaml:2:1: x: wrong\nerror: 2 faults in 2 files\n",
        ),
    ],
)
def test_errors(capsys, error, told):
    """An error is its message and its cure, each on a line; of a configuration every fault is a line."""
    Screen(Redactor()).tell_error(error)

    assert capsys.readouterr().err == told


def test_messages_are_masked(capsys):
    """No known secret gets to standard error."""
    Screen(Redactor(["s3cr3t-key"])).tell_error(ConnectorError("the key s3cr3t-key is wrong"))

    assert capsys.readouterr().err == "error: the key *** is wrong\n"


def test_yaml_of_a_payload():
    """Text that YAML would read as something else is quoted."""
    assert write_yaml({"product_id": 30, "coupon": "2222", "option": {"226": 15}}) == [
        "product_id: 30",
        "coupon: '2222'",
        "option:",
        "  '226': 15",
    ]


class Terminal(io.StringIO):
    """Standard output, with a person in front of it."""

    def isatty(self) -> bool:
        """Whether it is a terminal: it is."""
        return True


def test_columns_end_where_a_terminal_does(monkeypatch):
    """On a terminal a line that does not fit is cut, and the cut shows."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "16")
    monkeypatch.setenv("NO_COLOR", "1")

    Screen(Redactor()).show_columns(("id", "reason"), [("1", "short"), ("2", "much too long for it")])

    assert terminal.getvalue().splitlines() == ["id  reason", "1   short", "2   much too lo…"]


def test_columns_are_whole_off_a_terminal(capsys):
    """Whoever reads a file or a pipe gets all of it."""
    Screen(Redactor()).show_columns(("id", "reason"), [("2", "much too long for it " * 10)])

    assert capsys.readouterr().out.splitlines()[1].count("much too long") == 10
