"""Which tasks are meant."""

from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner

from connector.cli.filters import Selection, selecting
from connector.store.rows import TaskFilter, TaskStatus


@pytest.fixture
def read():
    """Return what reads a command line into a selection."""
    read: list[Selection] = []

    @click.command()
    @selecting
    @click.pass_obj
    def command(obj, selection):
        read.append(selection)

    def run(text):
        result = CliRunner().invoke(command, shlex.split(text), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return read[-1]

    return run


def test_nothing_typed_means_everything(read):
    """Without a word nothing is left out, which is told apart."""
    selection = read("")

    assert selection.is_empty
    assert selection.to_filter() == TaskFilter()
    assert selection.to_arguments() == ""


def test_everything_typed_is_in_the_filter(read):
    """Ids, filters and ages go to the store; what is typed twice counts once."""
    selection = read("7 9 7 --route a --status new --status failed --status new --key k --text t --older 1h --newer 2d")

    assert selection.to_filter() == TaskFilter(
        (7, 9), "a", (TaskStatus.NEW, TaskStatus.FAILED), "k", "t", 3_600_000, 172_800_000
    )
    assert selection.to_filter((TaskStatus.RETRY,)).statuses == (TaskStatus.RETRY,)
    assert not selection.is_empty


@pytest.mark.parametrize(
    "typed", ["7 9", "--route a --status failed --key 'two words'", '--text "it\'s"', "--older 1h30m --newer 2d"]
)
def test_what_was_typed_can_be_typed_again(read, typed):
    """The arguments that are shown for the next page mean the same."""
    selection = read(typed)

    assert read(selection.to_arguments()) == selection
