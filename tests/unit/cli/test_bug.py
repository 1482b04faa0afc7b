"""A fault of this program: told in two lines, and kept."""

from __future__ import annotations

import stat
from pathlib import Path

import structlog

from connector.cli.bug import keep_traceback
from connector.cli.invocation import Invocation
from connector.cli.screen import Screen
from connector.redaction import Redactor


def make_bug() -> Exception:
    """An error with a traceback, which quotes a secret."""
    try:
        int("hunter22")
    except ValueError as error:
        return error
    raise AssertionError("that is no number")


def test_a_traceback_is_kept(tmp_path):
    """It is in a file for its owner alone, secrets masked, in a folder made for it."""
    kept = keep_traceback(make_bug(), tmp_path / "new" / ".connector", Redactor(["hunter22"]))

    assert kept is not None
    text = kept.read_text(encoding="utf-8")
    assert text.startswith("Traceback (most recent call last):")
    assert text.endswith("ValueError: invalid literal for int() with base 10: '***'\n")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_traceback_that_cannot_be_kept_is_no_second_error(tmp_path):
    """A data folder that is a file leaves the first error to be told."""
    (tmp_path / "taken").write_text("")

    assert keep_traceback(make_bug(), tmp_path / "taken", Redactor()) is None


def test_a_bug_is_told_with_its_file(capsys, tmp_path):
    """Whoever reports it need not make it happen again."""
    screen = Screen(Redactor())

    screen.tell_bug(make_bug(), kept=tmp_path / "bug.txt")
    screen.tell_bug(make_bug())

    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == f" cure: report it with {tmp_path / 'bug.txt'}"
    assert lines[3] == " cure: run it again with --debug and report what it shows"


def test_the_data_folder_is_that_of_the_settings(monkeypatch, tmp_path):
    """`CONNECTOR_DATA_DIR` says where things are kept."""
    monkeypatch.setenv("CONNECTOR_DATA_DIR", str(tmp_path))
    invocation = Invocation()

    try:
        invocation.start_logging()
    finally:
        structlog.reset_defaults()

    assert invocation.data_dir == tmp_path


def test_the_data_folder_lies_beside_the_configuration(monkeypatch, tmp_path):
    """What one command keeps, another finds, wherever it is run; a configuration that is not there changes nothing."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "shop.yaml").write_text("")
    monkeypatch.delenv("CONNECTOR_DATA_DIR", raising=False)

    folders = [
        Invocation(config=path).load_settings().data_dir
        for path in (tmp_path / "configs", tmp_path / "configs" / "shop.yaml", tmp_path / "nowhere")
    ]

    assert folders == [tmp_path / "configs" / ".connector", tmp_path / "configs" / ".connector", Path(".connector")]
