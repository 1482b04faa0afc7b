"""The metrics this program tells, as data: what `/metrics` is made of, and what `docs/metrics.md` lists."""

from __future__ import annotations

from typing import Final, Literal

from connector.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        name: As Prometheus knows it; of a counter with its `_total`.
        kind: What can be done with it.
        labels: By which it is told apart; each of few values.
        help: What it says, in a sentence without a full stop.
        is_shared: Whether it comes from the database, so that every process tells the same; sum those of one process
            only. The others are each process's own.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    is_shared: bool = False


BUILD: Final = Family(
    "connector_build_info", "gauge", ("version", "database", "roles"), "Always 1; what this process is"
)
READY: Final = Family("connector_ready", "gauge", (), "Whether this process does everything that it is there for")
GENERATION: Final = Family(
    "connector_configuration_generation", "gauge", (), "How many configurations were loaded since the process began"
)
STORE_UP: Final = Family("connector_store_up", "gauge", (), "Whether the database answered when it was last asked")
STORE_AGE: Final = Family(
    "connector_store_figures_age_seconds", "gauge", (), "How old the figures are that come from the database"
)

TASKS: Final = Family("connector_tasks", "gauge", ("route", "status"), "Tasks that are kept", is_shared=True)
QUEUE_AGE: Final = Family(
    "connector_queue_age_seconds",
    "gauge",
    ("route",),
    "How long the oldest task has waited that is to be sent or on its way; 0 where none is",
    is_shared=True,
)
ROUTE_STATE: Final = Family(
    "connector_route_state",
    "gauge",
    ("route", "state"),
    "1 for the state a route is in: active, paused by a person, stopped by itself",
    is_shared=True,
)
ALARMS: Final = Family(
    "connector_alarms", "gauge", ("kind",), "How many things need a person, as the overview shows them", is_shared=True
)
SCHEDULE_LAG: Final = Family(
    "connector_schedule_lag_seconds",
    "gauge",
    ("incoming",),
    "How long a fetch has been due without having begun; 0 where none is",
    is_shared=True,
)
SCHEDULE_START: Final = Family(
    "connector_schedule_last_start_timestamp_seconds",
    "gauge",
    ("incoming",),
    "When the last fetch began, seconds since the epoch",
    is_shared=True,
)
SCHEDULE_DURATION: Final = Family(
    "connector_schedule_last_duration_seconds", "gauge", ("incoming",), "How long the last fetch took", is_shared=True
)
SCHEDULE_FAILED: Final = Family(
    "connector_schedule_last_failed", "gauge", ("incoming",), "Whether the last fetch failed", is_shared=True
)

RESULTS: Final = Family(
    "connector_results_total",
    "counter",
    ("route", "status", "verdict"),
    "Tasks that were settled by an attempt of this process",
)
RETRIES: Final = Family(
    "connector_retries_total", "counter", ("route",), "Attempts after which the task is tried again"
)
ATTEMPTS: Final = Family(
    "connector_attempt_duration_seconds",
    "histogram",
    ("route",),
    "How long attempts to publish took, steps and every exchange included",
)
SESSIONS_LIMIT: Final = Family(
    "connector_sessions_limit", "gauge", ("client",), "How many sessions a client may have open"
)
SESSIONS_OPEN: Final = Family(
    "connector_sessions_open", "gauge", ("client",), "Sessions that are logged in, as far as is known"
)
SESSIONS_IN_USE: Final = Family("connector_sessions_in_use", "gauge", ("client",), "Sessions that are used just now")
SESSIONS_WAITING: Final = Family(
    "connector_session_waiters", "gauge", ("client",), "How many records or fetches wait for a session"
)
INTAKE: Final = Family(
    "connector_intake_total",
    "counter",
    ("door", "name", "outcome"),
    "Pushes (by route) and deliveries to webhooks (by incoming) that were sent in",
)
REQUESTS: Final = Family(
    "connector_http_requests_total",
    "counter",
    ("endpoint", "method", "status"),
    "Requests that were answered, by the template of their path",
)
REQUEST_DURATIONS: Final = Family(
    "connector_http_request_duration_seconds",
    "histogram",
    ("endpoint", "method"),
    "How long requests took, from the head to the end of the answer",
)

FAMILIES: Final = (
    BUILD,
    READY,
    GENERATION,
    STORE_UP,
    STORE_AGE,
    TASKS,
    QUEUE_AGE,
    ROUTE_STATE,
    ALARMS,
    SCHEDULE_LAG,
    SCHEDULE_START,
    SCHEDULE_DURATION,
    SCHEDULE_FAILED,
    RESULTS,
    RETRIES,
    ATTEMPTS,
    SESSIONS_LIMIT,
    SESSIONS_OPEN,
    SESSIONS_IN_USE,
    SESSIONS_WAITING,
    INTAKE,
    REQUESTS,
    REQUEST_DURATIONS,
)
"""All of them, in the order in which they are told; those of the process itself (`process_…`) come beside them."""
