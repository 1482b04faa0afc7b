"""Exchanges and answers as they are kept: masked, and no longer than a person reads."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.client import show_exchange
from connector.redaction import Redactor
from connector.request import Exchange, Request, Response, Verdict
from connector.task.transcript import LONGEST_SHOWN, LONGEST_VALUE, Transcript

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = "tops3cret/key"


def exchange(
    *,
    url: str = "http://erp.test/orders",
    query: tuple[tuple[str, str], ...] = (),
    form: tuple[tuple[str, str], ...] = (),
    payload: Any = None,
    body: bytes | None = b"{}",
    failure: str | None = None,
) -> Exchange:
    """An exchange."""
    request = Request("POST", url, query=query, form=form, json=payload)
    response = None if body is None else Response(200, {"content-type": "application/json"}, body)
    return Exchange("orders", request, response, failure, AT, 12.6, Verdict.OK)


def write(one: Exchange):
    """The row of an exchange."""
    (row,) = Transcript(Redactor([SECRET])).write([one])
    return row


def test_a_row_holds_what_was_said_and_when():
    """Times are whole milliseconds, a transport's failure stands in place of an answer."""
    row = write(exchange(payload={"n": 1}, body=None, failure=f"refused by {SECRET}"))

    assert (row.method, row.url, row.started_at_ms, row.duration_ms) == (
        "POST",
        "http://erp.test/orders",
        1_795_338_000_000,
        13,
    )
    assert (row.status, row.verdict, row.failure, row.request, row.response) == (
        None,
        "ok",
        "refused by ***",
        '{"n":1}',
        "",
    )


def test_private_names_are_masked_and_shapes_kept():
    """In JSON and in flat forms, however deep; what is empty says so."""
    payload = {"customer": {"firstname": "Ann", "tags": ["a", ""]}, "email": None, "lines": [{"phone": "1", "n": 2}]}
    row = write(exchange(payload=payload))
    form = write(exchange(form=(("customer[firstname]", "Ann"), ("lines[0][n]", "2"), ("email", ""))))

    assert orjson.loads(row.request) == {
        "customer": {"firstname": "***", "tags": ["***", ""]},
        "email": None,
        "lines": [{"phone": "***", "n": 2}],
    }
    assert orjson.loads(form.request) == {"customer[firstname]": "***", "lines[0][n]": "2", "email": ""}


def test_secrets_are_masked_wherever_they_stand():
    """In a query, spelt as an address has it; in a value, with JSON's escapes; in a text that is no JSON."""
    url = write(exchange(url=f"http://erp.test/next?after={SECRET}", query=(("api_token", "abc"), ("n", "1")))).url
    request = write(exchange(payload={"note": f"key {SECRET}"})).request
    response = write(exchange(body=f"<html>{SECRET}".encode())).response

    assert url == "http://erp.test/next?after=***&api_token=***&n=1"
    assert request == '{"note":"key ***"}'
    assert response == "<html>***"


def test_long_bodies_are_cut():
    """The beginning is kept, and how long it was; a secret at the cut is masked as a whole."""
    text = "x" * (LONGEST_SHOWN - 20) + SECRET + "y" * 1000
    row = write(exchange(body=orjson.dumps({"text": text})))

    assert len(row.response) < LONGEST_SHOWN + 40
    assert "tops3" not in row.response
    assert row.response.endswith("characters)")


def test_a_huge_answer_takes_no_long_time():
    """Of a million members, those are copied that may be shown."""
    body = orjson.dumps([{"email": f"{number}@example.com"} for number in range(300_000)])
    started_s = time.process_time()

    row = write(exchange(body=body))

    assert time.process_time() - started_s < 2
    assert "@" not in row.response


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.just(SECRET) | st.just(f"a {SECRET} b"),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["email", "name", "total", "key", "lines", "note"]), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_what_is_kept_is_what_the_request_log_shows(value: Any):
    """Both mask the same; the quicker way of this one makes no difference."""
    redactor = Redactor([SECRET])
    one = exchange(payload={"value": value}, body=orjson.dumps({"value": str(value)}))
    (row,) = Transcript(redactor).write([one])

    assert json.loads(row.request) == json.loads(json.dumps(show_exchange(one, redactor)["request"]))


def test_an_answer_is_kept_with_personal_values_and_without_secrets():
    """A person needs it as it came; amounts stay exact."""
    kept = Transcript(Redactor([SECRET])).write_value({"email": "a@b.nl", "total": Decimal("1.50"), "echo": SECRET})

    assert kept == b'{"email":"a@b.nl","total":{"$decimal":"1.50"},"echo":"***"}'


@pytest.mark.parametrize(("value", "kept"), [(None, None), ({}, b"{}")])
def test_nothing_is_kept_of_no_answer(value: Any, kept: bytes | None):
    """An empty answer is one."""
    assert Transcript(Redactor()).write_value(value) == kept


def test_of_a_very_long_answer_the_beginning_is_kept_as_text():
    """It is JSON all the same: one text."""
    kept = Transcript(Redactor()).write_value({"text": "x" * (LONGEST_VALUE + 1)})

    assert kept is not None
    assert orjson.loads(kept).startswith('{"text":"xxx')
    assert len(kept) < LONGEST_VALUE + 100


def test_a_number_that_holds_a_secret_leaves_json_behind():
    """What is kept can be read as JSON all the same."""
    transcript = Transcript(Redactor(["4711"]))

    kept = transcript.write_value({"order_id": 47112, "n": 1})
    (row,) = transcript.write([exchange(payload={"order_id": 47112, "n": 1})])

    assert orjson.loads(kept or b"") == {"order_id": "***2", "n": 1}
    assert orjson.loads(row.request) == {"order_id": "***2", "n": 1}
