"""What a receiver of alerts is sent: JSON that programs read, with a text that chats show."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from connector.alert.judge import AlarmKind
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.alert.plan import AlertPlan
    from connector.store.rows import AlarmRow

SIGNATURE: Final = "x-connector-signature"
"""Header with `sha256=` and the HMAC of the body, where the alert has a secret."""

MOST_LINES: Final = 20
"""Alarms that the text tells one by one; where there are more, it says how many. All of them stand in `alarms`."""

_WORDS: Final = {"began": "Needs a person", "lasts": "Still needs a person", "over": "Over"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message, ready to be sent.

    Attributes:
        body: JSON.
        headers: What goes with it, names in lower case.
    """

    body: bytes
    headers: dict[str, str]


def write_message(
    plan: AlertPlan, rows: Sequence[AlarmRow], *, now_ms: int, public_url: str | None = None, is_test: bool = False
) -> Message:
    """Return what a receiver is told of some alarms at once.

    Args:
        plan: The receiver.
        rows: The alarms, as the store keeps them: their subject begins with the name of the alert. None of them for a
            test.
        now_ms: When it is told.
        public_url: Where the dashboard can be reached, or None.
        is_test: Whether a person wants to see whether messages arrive.
    """
    alarms = [_describe(row, public_url) for row in rows]
    text = _write_text(alarms, is_test=is_test, name=plan.name)
    whole: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "alert": plan.name,
        "is_test": is_test,
        "sent_at": _to_iso(now_ms),
        "text": text,
        "url": public_url,
        "alarms": alarms,
    }
    body = orjson.dumps({"text": text} if plan.is_text_alone else whole)
    headers = {"content-type": "application/json"}
    if plan.secret is not None:
        headers[SIGNATURE] = f"sha256={sign(plan.secret, body)}"
    return Message(body, headers)


def sign(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA-256 of a body, in hexadecimal digits (RFC 2104)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def write_subject(alert: str, subject: str) -> str:
    """Return the subject under which the store keeps an alarm of one receiver."""
    return f"{alert}/{subject}"


def read_subject(row: AlarmRow) -> tuple[str, str]:
    """Return the name of the alert, and what the alarm is about."""
    alert, _, subject = row.subject.partition("/")
    return alert, subject


def _describe(row: AlarmRow, public_url: str | None) -> dict[str, Any]:
    _, subject = read_subject(row)
    known: dict[str, Any] = orjson.loads(row.detail)
    status = "over" if row.cleared_at_ms is not None else "began" if row.told_at_ms is None else "lasts"
    return {
        "status": status,
        "kind": row.kind,
        "subject": subject,
        "text": row.text,
        "cure": known.pop("cure", ""),
        "since": _to_iso(row.since_ms),
        "over_at": None if row.cleared_at_ms is None else _to_iso(row.cleared_at_ms),
        "url": None if public_url is None else public_url.rstrip("/") + _find_page(row.kind, subject),
        "detail": known,
    }


def _find_page(kind: str, subject: str) -> str:
    """Return the path of the dashboard's page that shows what is meant."""
    match kind:
        case AlarmKind.UNKNOWN_OUTCOME:
            return f"/unknown?{urlencode({'route': subject}, quote_via=quote)}"
        case AlarmKind.FETCH_FAILED:
            return "/schedules"
        case AlarmKind.FAILURES:
            return f"/tasks?{urlencode({'route': subject, 'status': 'failed'}, quote_via=quote)}"
        case AlarmKind.QUEUE_AGE:
            return f"/tasks?{urlencode({'route': subject}, quote_via=quote)}"
        case _:
            return "/"


def _write_text(alarms: Sequence[dict[str, Any]], *, is_test: bool, name: str) -> str:
    """Return the text that chats show, a line or two for each alarm."""
    if is_test:
        return f"Connector: this is a test of the alert {name}. Nothing is wrong."
    lines = []
    for alarm in alarms[:MOST_LINES]:
        line = f"{_WORDS[alarm['status']]}: {alarm['text']}"
        if alarm["status"] != "over" and alarm["cure"]:
            line += f". {alarm['cure'][:1].upper()}{alarm['cure'][1:]}"
        lines.append(f"{line} {alarm['url']}" if alarm["url"] else line)
    if len(alarms) > MOST_LINES:
        lines.append(f"… and {len(alarms) - MOST_LINES:,} more")
    return "\n".join(lines)


def _to_iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
