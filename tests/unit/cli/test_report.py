"""What a person sees of a run: each failure, and the counts at the end."""

from __future__ import annotations

import pytest

from connector.cli.report import Place, Remains, RunReport, describe_result
from connector.cli.screen import Screen
from connector.redaction import Redactor
from connector.request import Verdict
from connector.route.result import Result, Status
from connector.store.rows import TaskStatus


@pytest.mark.parametrize(
    ("statuses", "line"),
    [
        ([Status.UNKNOWN], "verdicts: unknown 1"),
        ([Status.FAILED], "verdicts: unknown 1 (of the unknown, 1 cannot have committed anything)"),
        (
            [Status.FAILED, Status.UNKNOWN, Status.FAILED],
            "verdicts: unknown 3 (of the unknown, 2 cannot have committed anything)",
        ),
    ],
)
def test_an_unanswered_question_is_told_from_an_unknown_commit(capsys, statuses, line):
    """Both have the verdict `unknown`, and a person must look after the second one alone."""
    report = RunReport("orders", Screen(Redactor()))

    for index, status in enumerate(statuses):
        report.take(Result(index, None, status, Verdict.UNKNOWN, step="cart_products", reason="no answer"))

    assert report.to_lines()[-1] == line


def test_an_unanswered_question_is_no_unknown_outcome(capsys):
    """A record that failed for want of an answer is told in words that send nobody looking."""
    report = RunReport("orders", Screen(Redactor()))

    report.take(Result(0, None, Status.FAILED, Verdict.UNKNOWN, step="cart_products", reason="nothing within 1 s"))

    assert capsys.readouterr().err == "failed: index 0, no answer at cart_products: nothing within 1 s\n"


def test_what_is_told_of_a_record_has_no_secret(capsys):
    """Key, step and reason are masked wherever they are listed; the answer itself is shown as it came."""
    screen = Screen(Redactor(["s3cret-token"]))
    report = RunReport("orders", screen)
    spilt = "has s3cret-token in it"
    result = Result(0, spilt, Status.FAILED, step=spilt, reason=spilt, value={"note": spilt})

    report.take(result)

    listed = report.to_json()["failures"]
    assert listed == [describe_result(result, mask=screen.mask)]
    assert {listed[0][name] for name in ("key", "step", "reason")} == {"has *** in it"}
    assert listed[0]["value"] == {"note": spilt}


@pytest.mark.parametrize(
    ("task", "line", "is_earlier", "told"),
    [
        (None, None, False, "failed: index 4, at add: no"),
        (None, 6, False, "failed: line 6, at add: no"),
        (12, None, False, "failed: task 12, at add: no"),
        (12, 6, False, "failed: line 6, task 12, at add: no"),
        (12, None, True, "failed: task 12, at add: no"),
    ],
)
def test_a_failure_says_which_record_it_was(capsys, task, line, is_earlier, told):
    """Its line where it came as one, its task where it is kept, and its place where there is nothing else."""
    report = RunReport("orders", Screen(Redactor()))

    report.take(Result(4, None, Status.FAILED, step="add", reason="no", task=task), line=line, is_earlier=is_earlier)

    assert capsys.readouterr().err == f"{told}\n"
    assert report.earlier == is_earlier


def test_a_record_of_an_earlier_run_has_no_place_in_this_one():
    """As JSON it has its task, and neither index nor line."""
    described = describe_result(Result(4, None, Status.FINISHED, task=12), Place(), mask=str)

    assert "index" not in described
    assert "line" not in described
    assert described["task"] == 12


def test_what_remains_is_counted():
    """Duplicates, updates and what is left for later stand below what became of the others."""
    report = RunReport("orders", Screen(Redactor()))
    report.take(Result(0, None, Status.FINISHED, Verdict.OK))
    left = {TaskStatus.RETRY: 3, TaskStatus.WAITING: 1}

    report.remains = Remains(duplicates=2, updated=1, left=left, unknown=1, next_due_ms=61_000)

    assert report.to_lines()[1:] == [
        "  finished   1",
        "  duplicate  2  the route knows their keys",
        "  update     1  taken by tasks that had not been sent",
        "  retry      3  the next in 1 min 1 s",
        "  waiting    1",
        "verdicts: ok 1",
    ]
    told = report.to_json()
    assert (told["duplicates"], told["left"], told["next_due_s"]) == (2, {"retry": 3, "waiting": 1}, 61.0)


def test_a_run_without_a_store_has_no_remains():
    """Nothing is kept, so nothing is told of it."""
    report = RunReport("orders", Screen(Redactor()))

    assert not {"duplicates", "left", "earlier"} & report.to_json().keys()
