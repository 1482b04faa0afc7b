"""Exit codes."""

from __future__ import annotations

import pytest

from connector.cli.exits import ArgumentError, exit_for_error, exit_for_summary
from connector.cli.report import Remains
from connector.errors import (
    CallError,
    ConfigError,
    ConnectorError,
    Fault,
    SettingsError,
    TransformError,
    UnknownEntityError,
    UnknownNameError,
    UnreachableError,
)
from connector.request import Answer, Effect, Verdict
from connector.route.result import Result, Status, Summary
from connector.store.rows import TaskStatus


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if not verdict.is_success])
def test_verdict(verdict, effect):
    """A call that failed has code 4 where something may have been committed unseen, else 1."""
    code = exit_for_error(CallError("x", "x", effect, Answer(verdict)))

    assert code == (4 if verdict is Verdict.UNKNOWN and effect.commits else 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ArgumentError("x"), 2),
        (SettingsError("x"), 2),
        (UnknownNameError("x"), 2),
        (UnknownEntityError("x"), 2),
        (ConfigError([Fault("a", 1, 1, "", "x")]), 1),
        (TransformError("x", step="y"), 1),
        (UnreachableError("x"), 1),
        (ConnectorError("x"), 1),
    ],
)
def test_error(error, code):
    """What was typed wrong is 2, everything else 1."""
    assert exit_for_error(error) == code


@pytest.mark.parametrize(
    ("statuses", "stopped", "code"),
    [
        ([], None, 0),
        ([Status.FINISHED, Status.SKIPPED], None, 0),
        ([Status.FINISHED, Status.FAILED], None, 3),
        ([Status.FAILED], ConnectorError("refused"), 1),
        ([Status.FAILED, Status.UNKNOWN], None, 4),
        ([Status.UNKNOWN], ConnectorError("refused"), 4),
    ],
)
def test_summary(statuses, stopped, code):
    """An unknown outcome weighs more than a run that was cut short, and that more than failed records."""
    summary = Summary(stopped=stopped)
    for index, status in enumerate(statuses):
        summary.add(Result(index, None, status))

    assert exit_for_summary(summary) == code


@pytest.mark.parametrize(
    ("remains", "code"),
    [
        (Remains(), 0),
        (Remains(duplicates=2, others={"b": 1}), 0),
        (Remains(left={TaskStatus.RETRY: 1}), 3),
        (Remains(left={TaskStatus.RETRY: 1}, unknown=1), 4),
    ],
)
def test_what_a_run_leaves_behind(remains, code):
    """What is left for later counts as failed, an unknown outcome as unknown, whichever run it is of."""
    assert exit_for_summary(Summary(), remains) == code
