"""All that is known of one task, as people read it from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.cli.screen import align
from connector.desk.json_text import encode_json
from connector.desk.moment import show_distance, show_local
from connector.desk.task import MEANINGS, find_ways
from connector.record_codec import decode_value
from connector.store.rows import TaskStatus
from connector.task.ingest import RAW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.desk.reshape import Reshaped
    from connector.desk.task import Way
    from connector.store.rows import AttemptRow, ExchangeRow, TaskDetail, TaskRow


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


def _tell_head(row: TaskRow, now_ms: int) -> Iterator[str]:
    yield f"task {row.id} of {row.route}: {row.status.value}"
    yield f"  {MEANINGS[row.status]}"
    yield ""
    facts = [
        ("key", row.key or ""),
        ("from", f"{row.source.removesuffix(RAW)}, record {row.position + 1} of its batch" if row.source else ""),
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
    ways = find_ways(row)
    if ways:
        yield ""
        yield "what to do next"
        yield from _tell_ways(ways)


def _tell_ways(ways: Sequence[Way]) -> Iterator[str]:
    """Yield commands and what they are for, in two columns."""
    width = max(len(way.command) for way in ways) + 4
    yield from (f"  {way.command:<{width}}{way.note}".rstrip() for way in ways)


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


def _clock(at_ms: int) -> str:
    return show_local(at_ms, is_fine=True).partition(" ")[2]


def _seconds(duration_ms: int) -> str:
    return f"{duration_ms} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.2f} s"


def _compact(value: Any) -> str:
    return encode_json(value).decode()


def _pretty(content: bytes) -> list[str]:
    """Return what is kept of a value as indented lines of JSON."""
    return encode_json(decode_value(content), is_indented=True).decode().splitlines()


def _indent(lines: Sequence[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
