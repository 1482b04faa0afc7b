"""What a person sees of a run: each failure, and the counts at the end."""

from __future__ import annotations

import pytest

from connector.cli.report import RunReport, describe_result
from connector.cli.screen import Screen
from connector.redaction import Redactor
from connector.request import Verdict
from connector.route.result import Result, Status


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
