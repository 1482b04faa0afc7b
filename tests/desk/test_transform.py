"""Steps tried out as they are typed."""

from __future__ import annotations

from typing import Any

import pytest

from connector.desk.transform import LONGEST, TryOut, try_steps


class Values:
    """A value store with one value in it."""

    async def values(self, pairs: Any) -> dict[Any, bytes]:
        """Return what there is."""
        return {pair: b"7" for pair in pairs if pair == ("prices", "a")}


async def attempt(text: str, record: str = '{"code": "a", "price": 2}') -> TryOut:
    """Try steps on a record."""
    return await try_steps(text, record, source=Values())


async def test_the_result_of_each_step_is_told():
    """A list of steps gives what each of them makes, and what comes out."""
    tried = await attempt("- set: {total: '{{ record.price * 2 }}'}\n- remove: [price]\n")

    assert tried.records == ({"code": "a", "total": "4"},)
    assert [step.after for step in tried.walked.steps] == [
        ({"code": "a", "price": 2, "total": "4"},),
        ({"code": "a", "total": "4"},),
    ]


async def test_steps_under_their_key_are_taken_as_well():
    """What is copied out of a configuration with the key `transform` works as it is."""
    tried = await attempt("transform:\n  - set: {a: 1}\n")

    assert tried.records[0]["a"] == 1


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("- set:\n    a: '{{ record.b '\n", 2, 9),  # within the text, after its quotation mark
        ("- set: {a: 1}\n- sett: {b: 2}\n", 2, 3),
        ("- set: {a: 1\n", 2, 1),
        ("nothing: [1]\n", 1, 1),
        ("- set: {a: '{{ record.x | nosuchfilter }}'}\n", 1, 27),
    ],
)
async def test_a_fault_has_its_line_and_column_in_the_text(text: str, line: int, column: int):
    """What cannot be compiled is told at its place in what was typed, and nothing is run."""
    tried = await attempt(text)

    assert [(fault.file, fault.line, fault.column) for fault in tried.faults][:1] == [("steps", line, column)]
    assert tried.walked.steps == ()


async def test_a_failure_has_its_line_and_column_in_the_text():
    """A step that fails on this record is told at its place in what was typed."""
    tried = await attempt("- set: {a: 1}\n- set:\n    b: '{{ record.none.more }}'\n")

    failure = tried.walked.failure
    assert failure is not None
    assert (failure.spot.file, failure.spot.line, failure.spot.column) == ("steps", 3, 8)
    assert not tried.records


@pytest.mark.parametrize(
    ("record", "line"), [('{"a": 1,\n oops}', 2), ("[1]", 1), ("", 1), ('{"a": NaN}', 1), ('"\\ud800"', 1)]
)
async def test_a_record_that_cannot_be_read_is_told_at_its_line(record: str, line: int):
    """What is no JSON object is told with where it stops being one."""
    tried = await attempt("- set: {a: 1}", record)

    assert [(fault.file, fault.line) for fault in tried.faults] == [("record", line)]


async def test_stored_values_are_read_and_what_would_be_kept_is_told():
    """Steps that work with the value store see what there is, and tell what they would keep."""
    tried = await attempt(
        "- store.get: {store: prices, key: '{{ record.code }}', into: old}\n"
        "- store.put: {store: prices, key: '{{ record.code }}', value: '{{ record.price }}'}\n"
    )

    assert tried.records[0]["old"] == 7
    assert [(put.store, put.key, put.value) for put in tried.walked.shaped[0].puts] == [("prices", "a", b'"2"')]


async def test_a_variable_is_text(monkeypatch: pytest.MonkeyPatch):
    """No variable of the process is put into what is tried, and a note says so."""
    monkeypatch.setenv("SHOP_KEY", "do-not-show-me")

    tried = await attempt("- set: {a: '${SHOP_KEY}'}")

    assert tried.records[0]["a"] == "${SHOP_KEY}"
    assert tried.notes


async def test_a_text_beyond_all_measure_is_refused():
    """What is too long is not even read."""
    tried = await attempt("#" * (LONGEST + 1))

    assert "accepted are" in tried.faults[0].message


async def test_no_steps_leave_the_record_as_it_is():
    """An empty list of steps lets the record through."""
    tried = await attempt("[]")

    assert tried.records == ({"code": "a", "price": 2},)
