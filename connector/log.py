"""Logging: the names of facts, and the one place where structlog is set up.

Event names are constant, facts are keys: `client`, `entity`, `route`, `record_key`, `record_index`, `step`, `status`,
`verdict`, `attempt`, `duration_ms`. DEBUG per record, INFO per run, WARNING for a retry or a skip, ERROR for what stops
or needs a person. Only the command line configures logging; a library user's own structlog set-up is left alone.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

    from connector.redaction import Redactor

EXCHANGE = "exchange"
"""One request and its answer, masked; logged where a client says `log_requests: true`."""

RETRY = "retry"
"""A record or a log-in is tried again."""

SESSION_RENEWED = "session_renewed"
"""A session was lost; a new one is open and the plan starts again at step one."""

SETTLED = "outcome_looked_for"
"""A commit got no readable answer, and the remote system was searched for what became of it."""

ROUTE_STOPPED = "route_stopped"
"""A route has stopped itself, since every record would fail the same way."""

FENCED = "fenced"
"""What this process wanted to write about a task does not hold: another one has taken the task over."""

STORE_AWAY = "store_away"
"""The database cannot be used just now; nothing new is sent until it can."""

STORE_BACK = "store_back"
"""The database can be used again; what was kept in memory is written."""

OUTCOME_UNWRITTEN = "outcome_unwritten"
"""The database stayed away, and what became of a task could not be written."""

BROKEN_OFF = "broken_off"
"""Asked to stop, what was in hand did not come to its end in time and was broken off."""

FAULT = "fault"
"""A fault of this program, met while it worked on one record; the others go on."""

PRUNED = "pruned"
"""Settled tasks that were older than their route keeps them were deleted."""

NOTICE = "remote_notice"
"""The remote system printed a warning in front of its answer."""

PAGING_STOPPED = "paging_stopped"
"""A limit of the configuration ended the pages before the remote system did."""

FETCHED = "records_fetched"
"""The records of an incoming are tasks by now, or what became of them is told in the counts."""

CURSOR_DOUBTFUL = "cursor_doubtful"
"""Records have no usable value for the cursor, or do not come in the order that was declared."""

SCHEDULE_FIRED = "schedule_fired"
"""An incoming was due, and is fetched."""

SCHEDULE_PASSED_OVER = "schedule_passed_over"
"""An incoming was due while its last fetch went on."""

SCHEDULE_FAILED = "schedule_failed"
"""A scheduled fetch failed; the next one goes on where this one ended."""

WORKER_STARTED = "worker_started"
"""A worker is there: what it delivers and fetches, and where its tasks are kept."""

WORKER_STOPPED = "worker_stopped"
"""A worker has ended, and whether anything in hand was broken off."""

WORKER_ANEW = "worker_anew"
"""The database was away for so long that a worker gave up what it had in hand; it begins anew once it is back."""

WORKER_LATE = "worker_late"
"""A worker was not heard of for so long that others took its work over; it goes on as one that just came."""

WORKER_DIED = "worker_died"
"""A worker was not heard of any more; what it had in hand is seen to."""

ROUTE_DELIVERED = "route_delivered"
"""What became of tasks of a route in a worker's hands, by status, since this was told last."""

DISPATCH_LOST = "dispatch_lost"
"""procrastinate cannot hand out work just now; it is started again until it can."""

DISPATCH_BACK = "dispatch_back"
"""procrastinate hands out work again."""

DISPATCH_NOTE = "dispatch_note"
"""What procrastinate, or the driver of PostgreSQL, says of itself."""

REQUEST = "http_request"
"""A request of somebody else's to this process, and how it was answered."""

ALERT_TOLD = "alert_told"
"""Somebody was told of something that needs a person, or that it is over."""

ALERT_UNTOLD = "alert_untold"
"""Somebody who was to be told could not be reached; it is tried again."""

ALERTS_AWAY = "alerts_away"
"""What needs a person could not be found out just now, since the database cannot be used."""

TRACES_ON = "traces_on"
"""Traces are sent where the `OTEL_*` variables say."""

TRACES_OFF = "traces_off"
"""`OTEL_*` variables ask for traces, and none can be sent; the reason says why."""

TRACES_LOST = "traces_lost"
"""What OpenTelemetry says of itself: spans could not be handed over, most likely."""

SCHEDULE_ASKED = "schedule_asked"
"""Somebody asked for an incoming to be fetched now, and it is."""

STORE_CUT = "store_cut"
"""The database did not answer in time while this process wanted to end, so its connections were cut."""

SERVICE_STARTED = "service_started"
"""The service is there: its roles, its address, and where its tasks are kept."""

SERVICE_STOPPING = "service_stopping"
"""The service was asked to stop: it takes nothing new, and finishes what is in hand."""

RELOADED = "reloaded"
"""A new configuration is in force; what is in hand is finished as it was begun."""

RELOAD_REFUSED = "reload_refused"
"""The configuration was to be loaded anew and has faults; the old one goes on."""

WEBHOOK_REFUSED = "webhook_refused"
"""A request to a webhook did not show that it comes from who it must come from. Of many like it, one in ten seconds."""

WEBHOOK_UNREADABLE = "webhook_unreadable"
"""What came to a webhook cannot be read as records; its sender was told why, and nothing of it is kept."""

INTAKE_FULL = "intake_full"
"""More was sent in than can be kept just now; the sender was told to send it again."""

INTAKE_FAILED = "intake_failed"
"""What was sent in could not be kept; the sender was told to send it again."""

HTTP_NOTE = "http_note"
"""What the HTTP server says of itself."""

LOGIN_LIMITED = "login_limited"
"""Somebody tried to log in too often and has to wait; told once a minute."""

TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of an event
"""A token was shown that is not valid; told once a minute for each address."""

USE_UNWRITTEN = "use_unwritten"
"""When tokens and sessions were used last could not be written; it is gathered on."""


_LATE: Final[list[Callable[[], None]]] = []
"""What is to be set up when something is logged."""


class _LateLogger:
    """structlog's own lazy logger, which is imported when something is logged: most short commands log nothing."""

    __slots__ = ("_logger",)

    def __init__(self) -> None:
        self._logger: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._logger is None:
            import structlog  # noqa: PLC0415 - a tenth of a second of every start, for those who have something to say

            while _LATE:
                _LATE.pop()()
            self._logger = structlog.get_logger()
        return getattr(self._logger, name)


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return a lazy logger; what it writes and where is decided by `configure`, also after this call."""
    return cast("structlog.stdlib.BoundLogger", _LateLogger())


def configure(
    *,
    log_format: str,
    level: str,
    redactor: Redactor,
    stream: TextIO | None = None,
    taps: Iterable[Processor] = (),
    written: str | None = None,
) -> None:
    """Send log lines to a stream, standard error unless another is given, masked.

    Args:
        log_format: `console` (readable), `json` (one JSON object a line), or `auto`: console on a terminal, else JSON.
        level: `debug`, `info`, `warning` or `error`; lower events are dropped before they cost anything.
        redactor: Masks every value of every event.
        stream: Where to write.
        taps: Called with each line in its turn, after it is masked and before it is written; each returns the line.
        written: The least level that is written; what is below goes to the taps alone. None: every line.
    """
    import structlog  # noqa: PLC0415 - as above

    _LATE.clear()
    target = stream or sys.stderr
    is_console = log_format == "console" or (log_format == "auto" and target.isatty())
    renderer: Processor
    if is_console:
        renderer = structlog.dev.ConsoleRenderer(
            colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_to_json)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # ahead of the masking: a traceback quotes values
            _masking(redactor),
            *taps,
            *([] if written is None else [_holding_back(written)]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )


def configure_late(*, log_format: str, level: str, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Do as `configure`, as late as something is logged: for short commands, most of which log nothing."""
    _LATE[:] = [lambda: configure(log_format=log_format, level=level, redactor=redactor, stream=stream)]


def _masking(redactor: Redactor) -> Processor:
    """Return the processor that masks every value, however nested; names of facts are ours and stay."""

    def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: redactor.mask(value) for name, value in event.items()}

    return mask


def _holding_back(least: str) -> Processor:
    """Return the processor at which lines below a level end."""
    import structlog  # noqa: PLC0415 - as above

    levels = logging.getLevelNamesMapping()

    def hold_back(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if levels[event["level"].upper()] < levels[least.upper()]:
            raise structlog.DropEvent
        return event

    return hold_back


def _to_json(event: dict[str, Any], **_options: Any) -> str:
    import json  # noqa: PLC0415 - only where JSON lines are written, as the next

    import orjson  # noqa: PLC0415

    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits
        return json.dumps(event, default=str)
