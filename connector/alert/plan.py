"""An alert, compiled: who is told of what."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from connector.alert.judge import STANDARD, Conditions, FailureRate, judge, sort_alarms
from connector.alert.options import FailuresOptions, QueueAgeOptions
from connector.config.options import collect_secrets
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from connector.alert.judge import Alarm, Figures
    from connector.alert.options import AlertOptions


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """One receiver, and what it is told.

    Attributes:
        name: Its name in the configuration.
        options: What the user wrote.
        url: Where it is told; shown nowhere.
        secret: Signs what it is told, or None.
        conditions: What it is told of.
        routes: Of which routes; None for all of them.
        repeat_ms: How often what lasts is told again, or None for never.
        is_text_alone: Whether it takes nothing but a text.
    """

    name: str
    options: AlertOptions = field(repr=False)
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    conditions: Conditions
    routes: frozenset[str] | None = None
    repeat_ms: int | None = None
    is_text_alone: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of this may be shown nowhere."""
        return collect_secrets(self.options)


def compile_alert(name: str, options: AlertOptions) -> AlertPlan:
    """Return an alert as it is carried out.

    Args:
        name: Its name in the configuration.
        options: What the user wrote; its routes are known to be there.
    """
    plain = {entry for entry in options.on if isinstance(entry, str)}
    figured = [entry for entry in options.on if not isinstance(entry, str)]
    failures = next((entry.failures for entry in figured if entry.failures is not None), None)
    queue_age = next((entry.queue_age for entry in figured if entry.queue_age is not None), None)
    if failures is None and "failures" in plain:
        failures = FailuresOptions()
    if queue_age is None and "queue_age" in plain:
        queue_age = QueueAgeOptions()
    conditions = Conditions(
        route_stopped="route_stopped" in plain,
        unknown_outcome="unknown_outcome" in plain,
        fetch_failed="fetch_failed" in plain,
        failures=None if failures is None else FailureRate(failures.above, _to_ms(failures.within), failures.at_least),
        queue_age_ms=None if queue_age is None else _to_ms(queue_age.above),
    )
    return AlertPlan(
        name,
        options,
        options.url.get_secret_value(),
        None if options.secret is None else options.secret.get_secret_value(),
        conditions,
        None if options.routes is None else frozenset(options.routes),
        None if options.repeat is None else _to_ms(options.repeat),
        options.format == "text",
    )


def judge_all(figures: Figures, plans: Iterable[AlertPlan]) -> list[Alarm]:
    """Return what needs a person, by anybody's conditions, and by the standard ones where nobody named figures.

    What the dashboard shows: whatever somebody is told of stands there too.

    Args:
        figures: How things stand, with every window that `list_windows` names.
        plans: The receivers; there may be none.
    """
    named = [(plan.conditions, plan.routes) for plan in plans]
    rest = Conditions(
        route_stopped=True,
        unknown_outcome=True,
        fetch_failed=True,
        failures=None if any(conditions.failures for conditions, _ in named) else STANDARD.failures,
        queue_age_ms=None if any(conditions.queue_age_ms for conditions, _ in named) else STANDARD.queue_age_ms,
    )
    found: dict[tuple[str, str], Alarm] = {}
    for conditions, routes in (*named, (rest, None)):
        for alarm in judge(figures, conditions, routes=routes):
            found.setdefault((alarm.kind, alarm.subject), alarm)
    return sort_alarms(found.values())


def list_windows(plans: Iterable[AlertPlan]) -> frozenset[int]:
    """Return the windows in which failures are counted, ms; those that `judge_all` asks for."""
    rates = [plan.conditions.failures for plan in plans]
    windows = {rate.within_ms for rate in rates if rate is not None}
    if not windows and STANDARD.failures is not None:
        windows = {STANDARD.failures.within_ms}
    return frozenset(windows)


def _to_ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
