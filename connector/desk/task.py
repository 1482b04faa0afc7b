"""A task as people are told of it: what its status means, what can be done about it, and all that is kept, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.desk.moment import to_iso
from connector.desk.steps import describe_step
from connector.frozen import dataclass
from connector.record_codec import decode_value
from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from connector.desk.reshape import Reshaped
    from connector.publisher.publisher import Preview
    from connector.store.rows import AttemptRow, ExchangeRow, TaskDetail, TaskRow

MEANINGS: Final[dict[TaskStatus, str]] = {
    TaskStatus.NEW: "nothing of it has been carried out; it is sent when its turn comes",
    TaskStatus.PROCESSING: "a worker has it in hand",
    TaskStatus.FINISHED: "it was sent, and the answer was a success",
    TaskStatus.FAILED: "it was not sent, or was refused; nothing more is done about it by itself",
    TaskStatus.SKIPPED: "a filter, or a person, left it out",
    TaskStatus.RETRY: "it failed in a way that changed nothing, and is tried again",
    TaskStatus.WAITING: "an earlier task of its key comes first",
    TaskStatus.UNKNOWN: "it was sent, and nobody has seen what came of it; it is never sent again by itself",
}
"""What each status means, in one sentence."""


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that can be done about a task.

    Attributes:
        command: The command that does it.
        note: When that is the thing to do, or what it does.
        action: `retry`, `skip`, `look`, `done`, `again` or `failed`, for whoever draws a button: the last three say
            what became of an unknown one (`resolve`); empty where a worker does it.
    """

    command: str
    note: str
    action: str = ""


_WAYS: Final[dict[TaskStatus, tuple[Way, ...]]] = {
    TaskStatus.NEW: (Way("connector run {route}, or a worker, delivers it", ""),),
    TaskStatus.FAILED: (
        Way("connector tasks retry {id}", "once what it names is put right", "retry"),
        Way("connector tasks skip {id} --reason …", "to leave it out", "skip"),
    ),
    TaskStatus.SKIPPED: (Way("connector tasks retry {id}", "to send it after all", "retry"),),
    TaskStatus.RETRY: (Way("connector tasks retry {id}", "to try it now", "retry"),),
    TaskStatus.UNKNOWN: (
        Way("connector tasks resolve {id} --look", "asks the remote system, where it can be asked", "look"),
        Way("connector tasks resolve {id} --as done", "it is there: you have seen it", "done"),
        Way("connector tasks resolve {id} --as retry", "it is not there: send it again", "again"),
        Way("connector tasks resolve {id} --as failed", "it is not there, and is not to be sent", "failed"),
    ),
}


def find_ways(row: TaskRow) -> tuple[Way, ...]:
    """Return what can be done about a task, the likeliest first; nothing for one that is through."""
    return tuple(
        Way(way.command.format(id=row.id, route=row.route), way.note, way.action) for way in _WAYS.get(row.status, ())
    )


def describe_task(detail: TaskDetail, reshaped: Reshaped) -> dict[str, Any]:
    """Return all that is known of a task as JSON.

    Args:
        detail: All that is kept of it.
        reshaped: What the steps make of its record now.
    """
    return {
        **describe_kept(detail),
        "reshaped": {
            "steps": [describe_step(step) for step in reshaped.steps],
            "previews": [describe_preview(preview) for preview in reshaped.previews],
            "obstacle": reshaped.obstacle,
        },
        "attempts_made": [describe_attempt(attempt) for attempt in detail.attempts],
    }


def describe_kept(detail: TaskDetail) -> dict[str, Any]:
    """Return a task with its record and the last answer as JSON, as exports have it."""
    return {
        **describe_row(detail.row),
        "record": decode_value(detail.record),
        "value": None if detail.value is None else decode_value(detail.value),
    }


def describe_row(row: TaskRow) -> dict[str, Any]:
    """Return a task as JSON, as lists have it; times are UTC."""
    return {
        "id": row.id,
        "route": row.route,
        "key": row.key,
        "status": row.status.value,
        "verdict": row.verdict,
        "step": row.step,
        "reason": row.reason,
        "cure": row.cure,
        "done": row.done,
        "attempts": row.attempts,
        "sent": row.sent,
        "parcels": row.parcels,
        "source": row.source,
        "position": row.position,
        "created_at": to_iso(row.created_at_ms),
        "updated_at": to_iso(row.updated_at_ms),
        "due_at": to_iso(row.due_at_ms),
    }


def describe_preview(preview: Preview) -> dict[str, Any]:
    """Return one payload that would be sent, as JSON."""
    return {
        "step": preview.step,
        "entity": preview.entity,
        "payload": preview.payload,
        "reason": preview.reason,
        "dialect": preview.dialect,
        "note": preview.note,
    }


def describe_attempt(attempt: AttemptRow) -> dict[str, Any]:
    """Return one try as JSON, with what was noted ahead of its commit and every exchange."""
    evidence = attempt.commit_evidence
    return {
        "number": attempt.number,
        "worker": attempt.worker,
        "outcome": attempt.outcome,
        "verdict": attempt.verdict,
        "step": attempt.step,
        "reason": attempt.reason,
        "started_at": to_iso(attempt.started_at_ms),
        "ended_at": to_iso(attempt.ended_at_ms),
        "duration_ms": attempt.duration_ms,
        "commit": None
        if attempt.commit_at_ms is None
        else {
            "step": attempt.commit_step,
            "entity": attempt.commit_entity,
            "at": to_iso(attempt.commit_at_ms),
            "evidence": None if evidence is None else decode_value(evidence),
        },
        "exchanges": [describe_exchange(exchange) for exchange in attempt.exchanges],
    }


def describe_exchange(exchange: ExchangeRow) -> dict[str, Any]:
    """Return one request and its answer as JSON; both were masked when they were kept."""
    return {
        "entity": exchange.entity,
        "method": exchange.method,
        "url": exchange.url,
        "started_at": to_iso(exchange.started_at_ms),
        "duration_ms": exchange.duration_ms,
        "status": exchange.status,
        "verdict": exchange.verdict,
        "failure": exchange.failure,
        "request": read_body(exchange.request),
        "response": read_body(exchange.response),
    }


def read_body(text: str) -> Any:
    """Return what was sent or received as JSON where it is, and was not cut; else as text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
