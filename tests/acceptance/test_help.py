"""What the command says about itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from connector import __version__
from connector.cli.main import COMMANDS
from tests.acceptance.conftest import TIMEOUT_S


def test_help_lists_every_command(command):
    """`connector --help` names each command with its sentence, and the exit codes."""
    ran = command("--help")

    assert ran.code == 0
    for name, sentence in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(sentence)}$", ran.stdout, re.MULTILINE)
    assert "Exit codes: 0 ok" in ran.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_begins_as_listed_and_shows_an_example(command, name):
    """A command's own help starts with the sentence of the list, and ends with an example that can be typed."""
    ran = command(name, "--help")

    assert ran.code == 0
    told = " ".join(ran.stdout.split())
    assert COMMANDS[name] in told
    assert re.search(rf"Examples: connector .*{name}|Examples: .*connector {name}", told)


def test_version(command):
    """`--version` prints name and version."""
    ran = command("--version")

    assert (ran.code, ran.stdout) == (0, f"connector {__version__}\n")


def test_no_command_shows_the_help(command):
    """Without a command there is the help, and exit code 2."""
    ran = command()

    assert ran.code == 2
    assert "Commands:" in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vaildate"], 'no command is called "vaildate"; did you mean "validate"?'),
        (["frobnicate"], 'no command is called "frobnicate", there are: validate, check, '),
        (["validate", "--nope"], "No such option"),
        (["run"], "Missing argument 'NAME'"),
        (["run", "x", "--limit", "0"], "0 is not in the range x>=1"),
        (["tasks", "show", "abc"], "'abc' is no whole number"),
        (["tasks", "list", "99999999999999999999"], "99999999999999999999 is too large"),
        (["tasks", "list", "--limit", "99999999999999999999"], "99999999999999999999 is too large"),
        (["echo", "--output", "yaml"], "'yaml' is not one of 'text', 'json'"),
    ],
)
def test_what_cannot_be_understood_is_usage(command, assert_clear, arguments, told):
    """A slip of the fingers is told in one message, with exit code 2."""
    ran = command(*arguments)

    assert ran.code == 2
    assert told in ran.stderr
    assert_clear(ran)


@pytest.mark.parametrize("arguments", [["--help"], ["catalog"], ["catalog", "--output", "json"]])
def test_a_full_disk(command, arguments):
    """An output that takes nothing more is told by its name, and is no fault of the program."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "connector", *arguments],
            cwd=command.folder,
            env=command.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: the output cannot be written: No space left on device",
        " cure: make room where it goes, or send it elsewhere",
    ]
