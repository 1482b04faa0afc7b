"""Errors: what they say, and what can be done about the record at hand."""

from __future__ import annotations

import inspect

import pytest

from connector import errors
from connector.errors import (
    AccessError,
    CallError,
    ConfigError,
    ConnectorError,
    CursorMovedError,
    Fault,
    IntakeError,
    OverloadedError,
    PayloadError,
    PublisherError,
    Recovery,
    RefusedError,
    SchemaError,
    StoreError,
    StoreInUseError,
    TransformError,
    UnansweredError,
    UnconfirmedError,
    UnreachableError,
)
from connector.request import Answer, Effect, FieldError, Verdict


def call_error(verdict: Verdict, effect: Effect, *done: str) -> CallError:
    """The error of a call with this answer."""
    answer = Answer(verdict, errors=(FieldError(None, "no"),), reason="because", cure="do this")
    return CallError("order.add", "order_add", effect, answer, done=done)


RECOVERIES = [
    # verdict, of a read, of a change of the session, of a commit, of anything after a commit
    (Verdict.REJECTED, "park", "park", "park", "park"),
    (Verdict.DENIED, "abort", "abort", "abort", "abort"),
    (Verdict.LOST_SESSION, "retry", "retry", "retry", "park"),
    (Verdict.BUSY, "retry", "retry", "retry", "park"),
    (Verdict.UNREACHABLE, "retry", "retry", "retry", "park"),
    (Verdict.UNKNOWN, "retry", "retry", "park", "park"),
    (Verdict.FAULT, "park", "park", "park", "park"),
]


@pytest.mark.parametrize(("verdict", "read", "session", "commit", "after"), RECOVERIES)
def test_what_can_be_done_follows_from_verdict_and_effect(verdict, read, session, commit, after):
    """A record is tried again only where nothing was changed; after a commit a person decides."""
    recoveries = [
        call_error(verdict, effect, *done).recovery
        for effect, done in (
            (Effect.READ, ()),
            (Effect.SESSION, ()),
            (Effect.COMMIT, ()),
            (Effect.READ, ("order_history",)),
        )
    ]

    assert recoveries == [read, session, commit, after]
    assert call_error(verdict, Effect.NOTIFY).recovery == commit


@pytest.mark.parametrize(
    ("status", "done", "recovery"),
    [(500, (), "retry"), (501, (), "retry"), (500, ("order_add",), "park"), (404, (), "park"), (None, (), "park")],
)
def test_a_remote_system_that_broke_off_ahead_of_any_commit_is_tried_again(status, done, recovery):
    """A shop without its database answers HTTP 500 with nothing, and the record need not wait for a person."""
    error = CallError("cart.add", "cart_add", Effect.SESSION, Answer(Verdict.FAULT, status=status), done=done)

    assert error.recovery == recovery


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_a_commit_without_a_verdict_is_unknown(verdict: Verdict, effect: Effect):
    """A question without an answer leaves nothing to look for."""
    error = call_error(verdict, effect)

    assert error.is_unknown is (verdict is Verdict.UNKNOWN and effect in {Effect.COMMIT, Effect.NOTIFY})


def test_every_verdict_of_a_failure_is_in_the_table():
    """A verdict added later must say what can be done."""
    assert {row[0] for row in RECOVERIES} == {verdict for verdict in Verdict if not verdict.is_success}


def test_a_call_error_says_what_was_done_before():
    """Nothing half-done is hidden."""
    error = call_error(Verdict.REJECTED, Effect.READ, "order_history", "order_add")

    assert str(error) == "order_add: because (already carried out: order_history, order_add); do this"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectorError("it failed"), "it failed"),
        (ConnectorError("it failed", cure="mend it"), "it failed; mend it"),
        (TransformError("no total", step="routes.r.transform[0]"), "routes.r.transform[0]: no total"),
        (PayloadError("coupon.apply", ["coupon: missing"]), "the payload does not fit coupon.apply: coupon: missing"),
    ],
)
def test_a_message_ends_with_its_cure(error: ConnectorError, text: str):
    """What failed, then what to do."""
    assert str(error) == text


def test_faults_are_sorted_and_told_once():
    """All faults of all files, by position; the same one twice is one."""
    first = Fault("a.yaml", 2, 1, "clients.shop", "wrong", "do this")
    second = Fault("a.yaml", 10, 1, "", "also wrong")
    whole = Fault("b.yaml", 0, 0, "", "cannot be read")

    error = ConfigError([whole, second, first, first])

    assert str(error).splitlines() == [
        "a.yaml:2:1: clients.shop: wrong; do this",
        "a.yaml:10:1: also wrong",
        "b.yaml: cannot be read",
    ]


def test_every_class_says_what_can_be_done():
    """The recovery of each class, in one table; what its instances decide is tested above."""
    classes = {
        kind
        for _name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, ConnectorError) and kind is not CallError
    }

    recoveries = {kind: kind.recovery for kind in classes}

    retried = {kind for kind, recovery in recoveries.items() if recovery is Recovery.RETRY}
    assert retried == {UnreachableError, StoreError, CursorMovedError, OverloadedError}
    parked = {kind for kind, recovery in recoveries.items() if recovery is Recovery.PARK}
    assert parked == {
        AccessError,
        IntakeError,
        PayloadError,
        PublisherError,
        RefusedError,
        TransformError,
        UnansweredError,
        UnconfirmedError,
    }
    assert {recoveries[kind] for kind in classes - retried - parked} == {Recovery.ABORT}


@pytest.mark.parametrize(
    ("error", "recovery"),
    [
        (StoreError("the disk is full"), Recovery.RETRY),
        (StoreError("it is no database", recovery=Recovery.ABORT), Recovery.ABORT),
        (StoreInUseError("connector.db", pid=7, command="worker", since=""), Recovery.ABORT),
        (SchemaError("it is newer", found="0009", wanted="0001", cure="upgrade"), Recovery.ABORT),
        (CursorMovedError("orders"), Recovery.RETRY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_store_is_waited_for_only_where_that_can_help(error: StoreError, recovery: Recovery):
    """What passes by itself is tried again; what a person has to see to ends the command."""
    assert error.recovery is recovery


@pytest.mark.parametrize(
    ("pid", "command", "since", "holder"),
    [
        (7, "worker", "2026-11-22T10:00:00+00:00", "`connector worker` (pid 7, since 2026-11-22T10:00:00+00:00)"),
        (7, "", "", "another process (pid 7)"),
        (None, "run orders", "", "`connector run orders`"),
        (None, "", "", "another process"),
    ],
)
def test_who_holds_a_database_is_told_as_far_as_it_is_known(pid, command, since, holder):
    """On a full disk the holder cannot write who it is, and the message does without."""
    error = StoreInUseError("data/connector.db", pid=pid, command=command, since=since, cure="wait until it ends")

    assert str(error) == f"data/connector.db is in use by {holder}; wait until it ends"


def test_the_tree_in_the_docstring_is_complete():
    """Every error is drawn where its parent is."""
    drawn = errors.__doc__ or ""

    missing = [
        kind.__name__
        for _name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, ConnectorError) and kind.__name__ not in drawn
    ]

    assert missing == []
