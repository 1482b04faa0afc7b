"""All that is known of one task, as people read it from top to bottom, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.cli.lines import encode_json
from connector.desk.moment import show_distance, show_local, to_iso
from connector.cli.screen import align
from connector.frozen import dataclass
from connector.record_codec import decode_value
from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

_WAYS_ON: Final[dict[TaskStatus, tuple[str, ...]]] = {
    TaskStatus.NEW: ("connector run {route}, or a worker, delivers it",),
    TaskStatus.FAILED: (
        "connector tasks retry {id}              once what it names is put right",
        "connector tasks skip {id} --reason …    to leave it out",
    ),
    TaskStatus.SKIPPED: ("connector tasks retry {id}              to send it after all",),
    TaskStatus.RETRY: ("connector tasks retry {id}              to try it now",),
    TaskStatus.UNKNOWN: (
        "connector tasks resolve {id} --look             asks the remote system, where it can be asked",
        "connector tasks resolve {id} --as done          it is there: you have seen it",
        "connector tasks resolve {id} --as retry         it is not there: send it again",
        "connector tasks resolve {id} --as failed        it is not there, and is not to be sent",
    ),
}
"""What to do next, by status."""


@dataclass(frozen=True, slots=True)
class Reshaped:
    """What the steps of the present configuration make of a record, or why that cannot be told.

    Attributes:
        previews: What would be sent, in order.
        obstacle: Why there are none, else empty.
    """

    previews: tuple[Preview, ...] = ()
    obstacle: str = ""


def tell_task(detail: TaskDetail, reshaped: Reshaped, *, now_ms: int) -> Iterator[str]:
    """Yield the lines of a task: where it stands and what to do, its record, what is made of it, and each attempt.

    Args:
        detail: All that is kept of it.
        reshaped: What the steps make of its record now.
        now_ms: The store's present time.
    """
    yield from _tell_head(detail.row, now_ms)
    yield ""
    yield "record"
    yield from _indent(_pretty(detail.record))
    yield ""
    yield "what the steps make of it now"
    yield from _tell_reshaped(reshaped)
    for attempt in detail.attempts:
        yield ""
        yield from _tell_attempt(attempt)
    if detail.value is not None:
        yield ""
        yield "answer"
        yield from _indent(_pretty(detail.value))


def describe_task(detail: TaskDetail, reshaped: Reshaped) -> dict[str, Any]:
    """Return all that is known of a task as JSON."""
    return {
        **describe_kept(detail),
        "reshaped": {
            "previews": [asdict(preview) for preview in reshaped.previews],
            "obstacle": reshaped.obstacle,
        },
        "attempts_made": [_describe_attempt(attempt) for attempt in detail.attempts],
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


def _tell_head(row: TaskRow, now_ms: int) -> Iterator[str]:
    yield f"task {row.id} of {row.route}: {row.status.value}"
    yield f"  {MEANINGS[row.status]}"
    yield ""
    facts = [
        ("key", row.key or ""),
        ("from", f"{row.source}, record {row.position + 1} of its batch" if row.source else ""),
        ("made", show_local(row.created_at_ms)),
        ("changed", show_local(row.updated_at_ms)),
        ("due", _tell_due(row, now_ms)),
        ("attempts", str(row.attempts)),
        ("sent", f"{row.sent} of {row.parcels} parcels" if row.parcels > 1 else ""),
        ("verdict", row.verdict or ""),
        ("step", row.step),
        ("reason", row.reason),
        ("cure", row.cure or ""),
        ("done", row.done or ""),
    ]
    yield from align([(f"  {name}", value) for name, value in facts if value])
    ways = _WAYS_ON.get(row.status, ())
    if ways:
        yield ""
        yield "what to do next"
        yield from (f"  {way.format(id=row.id, route=row.route)}" for way in ways)


def _tell_due(row: TaskRow, now_ms: int) -> str:
    if row.due_at_ms is None or row.status not in {TaskStatus.RETRY, TaskStatus.UNKNOWN}:
        return ""
    what = "tried again" if row.status is TaskStatus.RETRY else "looked for"
    distance_ms = row.due_at_ms - now_ms
    when = f"in {show_distance(distance_ms)}" if distance_ms > 0 else "now, by the next run or worker"
    return f"{show_local(row.due_at_ms)}: {what} {when}"


def _tell_reshaped(reshaped: Reshaped) -> Iterator[str]:
    if reshaped.obstacle:
        yield f"  {reshaped.obstacle}"
    elif not reshaped.previews:
        yield "  nothing: a filter leaves it out"
    for preview in reshaped.previews:
        told = (
            f"not known before it is sent: {preview.reason}" if preview.payload is None else _compact(preview.payload)
        )
        remarks = "; ".join(remark for remark in (preview.dialect, preview.note) if remark)
        yield f"  {preview.step}: {preview.entity} {told}{f' ({remarks})' if remarks else ''}"


def _tell_attempt(attempt: AttemptRow) -> Iterator[str]:
    started = show_local(attempt.started_at_ms, is_fine=True)
    took = "" if attempt.duration_ms is None else f", {_seconds(attempt.duration_ms)}"
    yield f"attempt {attempt.number}: {attempt.outcome or 'under way'} ({started}{took}, by {attempt.worker})"
    facts = [("verdict", attempt.verdict or ""), ("step", attempt.step), ("reason", attempt.reason)]
    told = [(f"  {name}", value) for name, value in facts if value]
    yield from align(told) if told else ()
    commit_at_ms = attempt.commit_at_ms
    for exchange in attempt.exchanges:
        if commit_at_ms is not None and exchange.started_at_ms >= commit_at_ms:
            yield _tell_commit(attempt, commit_at_ms)
            commit_at_ms = None
        yield from _tell_exchange(exchange)
    if commit_at_ms is not None:
        yield _tell_commit(attempt, commit_at_ms)


def _tell_commit(attempt: AttemptRow, at_ms: int) -> str:
    what = f"{attempt.commit_step} ({attempt.commit_entity})"
    return f"  {_clock(at_ms)}  noted: {what} is about to leave, and cannot be taken back"


def _tell_exchange(exchange: ExchangeRow) -> Iterator[str]:
    status = "no whole answer" if exchange.status is None else f"HTTP {exchange.status}"
    yield (
        f"  {_clock(exchange.started_at_ms)}  {exchange.entity}: {exchange.verdict} "
        f"({status}, {exchange.duration_ms} ms)  {exchange.method} {exchange.url}"
    )
    for label, text in (("sent", exchange.request), ("got", exchange.response), ("failure", exchange.failure or "")):
        if text:
            first, *rest = text.splitlines() or [""]
            yield f"      {label:<8}{first}"
            yield from (f"      {'':<8}{line}" for line in rest)


def _describe_attempt(attempt: AttemptRow) -> dict[str, Any]:
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
        "exchanges": [
            {
                "entity": exchange.entity,
                "method": exchange.method,
                "url": exchange.url,
                "started_at": to_iso(exchange.started_at_ms),
                "duration_ms": exchange.duration_ms,
                "status": exchange.status,
                "verdict": exchange.verdict,
                "failure": exchange.failure,
                "request": _parse(exchange.request),
                "response": _parse(exchange.response),
            }
            for exchange in attempt.exchanges
        ],
    }


def _clock(at_ms: int) -> str:
    return show_local(at_ms, is_fine=True).partition(" ")[2]


def _seconds(duration_ms: int) -> str:
    return f"{duration_ms} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.2f} s"


def _compact(value: Any) -> str:
    return encode_json(value).decode()


def _parse(text: str) -> Any:
    """Return what was sent or received as JSON where it is, and was not cut; else as text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _pretty(content: bytes) -> list[str]:
    """Return what is kept of a value as indented lines of JSON."""
    return encode_json(decode_value(content), is_indented=True).decode().splitlines()


def _indent(lines: Sequence[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
