"""`/metrics` as text: counts and figures, turned into what Prometheus reads, each time somebody asks."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder

import connector
from connector.alert.judge import FETCH_FAILED_WORDS, AlarmKind
from connector.server.observe import families
from connector.server.observe.metrics import REQUEST_BOUNDS_S
from connector.server.observe.snapshot import Snapshots
from connector.store.rows import RouteState, TaskStatus
from connector.task.tally import BOUNDS_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

    from connector.server.context import Context
    from connector.server.observe.families import Family
    from connector.server.observe.snapshot import Snapshot
    from connector.store.rows import ScheduleRow

_KINDS: dict[str, Any] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


def _write_bound(bound_s: float) -> str:
    """Return the bound of a bucket as OpenMetrics writes numbers: `0.005`, `1.0`."""
    return repr(float(bound_s))


_BOUNDS_S: list[str] = [*(_write_bound(bound / 1000) for bound in BOUNDS_MS), "+Inf"]
_REQUEST_BOUNDS = [*map(_write_bound, REQUEST_BOUNDS_S), "+Inf"]


class Exposition:
    """Tells Prometheus what there is to tell. One for a process; the registry is its own."""

    def __init__(self, context: Context) -> None:
        """Prepare.

        Args:
            context: The parts of the service.
        """
        self._context = context
        self._snapshots = Snapshots(context)
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the text and its media type.

        Args:
            accept: What the caller takes, as its header `Accept` says: Prometheus's own format, or OpenMetrics.
        """
        snapshot = await self._snapshots.get()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Told([*self._collect(snapshot)]))
        encode, media_type = choose_encoder(accept)
        text: bytes = encode(registry)
        process: bytes = encode(self._process)
        return text.removesuffix(b"# EOF\n") + process, media_type

    def _collect(self, snapshot: Snapshot | None) -> Iterator[Metric]:
        service, store = self._context.service, self._context.store
        database = "postgresql" if store.is_shared else "sqlite"
        roles = ",".join(sorted(role.value for role in service.roles))
        yield _tell(families.BUILD, [((connector.__version__, database, roles), 1)])
        yield _tell(families.READY, [((), int(service.is_ready))])
        yield _tell(families.GENERATION, [((), service.generation)])
        yield _tell(families.STORE_UP, [((), int(self._snapshots.is_up))])
        if snapshot is not None:
            yield _tell(families.STORE_AGE, [((), round(snapshot.age_s, 3))])
            yield from _collect_shared(snapshot, list(service.project.routes))
        yield from self._collect_attempts()
        yield from self._collect_sessions()
        yield from self._collect_http()

    def _collect_attempts(self) -> Iterator[Metric]:
        routes = self._context.metrics.tally.routes
        yield _tell(
            families.RESULTS,
            [
                ((name, status, verdict), count)
                for name, tally in routes.items()
                for (status, verdict), count in list(tally.results.items())
            ],
        )
        yield _tell(families.RETRIES, [((name,), tally.retries) for name, tally in routes.items()])
        yield _tell_durations(
            families.ATTEMPTS,
            _BOUNDS_S,
            [((name,), tally.durations, tally.total_ms / 1000) for name, tally in routes.items()],
        )

    def _collect_sessions(self) -> Iterator[Metric]:
        usage = self._context.service.runtime.sessions
        yield _tell(families.SESSIONS_LIMIT, [((name,), used.size) for name, used in usage.items()])
        yield _tell(families.SESSIONS_OPEN, [((name,), used.open) for name, used in usage.items()])
        yield _tell(families.SESSIONS_IN_USE, [((name,), used.in_use) for name, used in usage.items()])
        yield _tell(families.SESSIONS_WAITING, [((name,), used.waiting) for name, used in usage.items()])

    def _collect_http(self) -> Iterator[Metric]:
        metrics = self._context.metrics
        yield _tell(families.INTAKE, list(metrics.intake.items()))
        yield _tell(
            families.REQUESTS,
            [
                ((endpoint, method, str(status)), count)
                for (endpoint, method, status), count in metrics.requests.items()
            ],
        )
        yield _tell_durations(
            families.REQUEST_DURATIONS,
            _REQUEST_BOUNDS,
            [(place, found.counts, found.total_s) for place, found in metrics.request_durations.items()],
        )


def _collect_shared(snapshot: Snapshot, configured: Iterable[str]) -> Iterator[Metric]:
    """Yield what comes from the database."""
    figures, now_ms = snapshot.figures, snapshot.figures.now_ms
    names = dict.fromkeys([*configured, *sorted(snapshot.counts)])
    yield _tell(
        families.TASKS,
        [
            ((name, status.value), snapshot.counts.get(name, {}).get(status, 0))
            for name in names
            for status in TaskStatus
        ],
    )
    yield _tell(
        families.QUEUE_AGE,
        [
            ((route.name,), 0 if route.oldest_ms is None else max(now_ms - route.oldest_ms, 0) / 1000)
            for route in figures.routes
        ],
    )
    yield _tell(
        families.ROUTE_STATE,
        [((route.name, state.value), int(route.state is state)) for route in figures.routes for state in RouteState],
    )
    yield _tell(families.ALARMS, [((kind.value,), snapshot.alarms.get(kind, 0)) for kind in AlarmKind])
    rows = snapshot.schedules
    yield _tell(families.SCHEDULE_LAG, [((row.name,), _find_lag_s(row, now_ms)) for row in rows])
    yield _tell(
        families.SCHEDULE_START,
        [((row.name,), row.last_started_at_ms / 1000) for row in rows if row.last_started_at_ms is not None],
    )
    yield _tell(
        families.SCHEDULE_DURATION,
        [((row.name,), row.last_duration_ms / 1000) for row in rows if row.last_duration_ms is not None],
    )
    yield _tell(
        families.SCHEDULE_FAILED,
        [((row.name,), int(row.last_result.startswith(FETCH_FAILED_WORDS))) for row in rows],
    )


def _find_lag_s(row: ScheduleRow, now_ms: int) -> float:
    """Return how long a fetch has been due without having begun, seconds; none while one goes on."""
    goes_on = row.last_started_at_ms is not None and not row.last_result
    if goes_on or row.next_at_ms is None:
        return 0.0
    return max(now_ms - row.next_at_ms, 0) / 1000


class _Told:
    """Gives a registry what was put together already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._metrics


def _tell(family: Family, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    told: Any = _KINDS[family.kind](family.name, f"{family.help}.", labels=family.labels)
    for labels, value in samples:
        told.add_metric(labels, value)
    metric: Metric = told
    return metric


def _tell_durations(
    family: Family, bounds: Sequence[str], samples: Iterable[tuple[tuple[str, ...], Sequence[int], float]]
) -> Metric:
    told = HistogramMetricFamily(family.name, f"{family.help}.", labels=family.labels)
    for labels, counts, total_s in samples:
        added_up = itertools.accumulate(list(counts))
        told.add_metric(labels, buckets=list(zip(bounds, added_up, strict=True)), sum_value=total_s)
    return told
