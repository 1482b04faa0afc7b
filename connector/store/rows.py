"""What goes into the store and comes out of it, as frozen values. Nothing here needs a database.

All times are whole milliseconds since the epoch, UTC. What the store keeps as JSON travels as bytes of JSON, so that
whoever only passes it on need not decode it.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

LANES: Final = 8
"""Lanes of a route. Tasks of one key share a lane; a lane is worked on by one worker at a time."""


class TaskStatus(enum.StrEnum):
    """Where a task stands. Open ones still want something; terminal ones stay as they are unless a person asks."""

    NEW = "new"  # ready to be claimed
    PROCESSING = "processing"  # in a worker's hands
    FINISHED = "finished"
    FAILED = "failed"  # kept for a person
    SKIPPED = "skipped"  # left out: by a filter, or by a person
    RETRY = "retry"  # will be claimed again when it is due
    WAITING = "waiting"  # an earlier task of its key comes first
    UNKNOWN = "unknown"  # sent, and nobody has seen what came of it

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about the task."""
        return self in OPEN

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will be done about the task by itself."""
        return self not in OPEN


OPEN: Final = frozenset(
    {TaskStatus.NEW, TaskStatus.PROCESSING, TaskStatus.RETRY, TaskStatus.WAITING, TaskStatus.UNKNOWN}
)
TERMINAL: Final = frozenset(TaskStatus) - OPEN


class OnDuplicate(enum.StrEnum):
    """What is done with a record whose key the route knows already."""

    SKIP = "skip"  # left out, whatever became of the earlier one
    UPDATE = "update"  # the newest open task that nobody works on takes the record; else a new task
    NEW = "new"  # always a new task


class RouteState(enum.StrEnum):
    """Whether tasks of a route are delivered."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    STOPPED = "stopped"  # by itself: every task would have failed the same way


class Resolution(enum.StrEnum):
    """What a person says became of a task whose outcome was unknown."""

    DONE = "done"  # it happened: finished
    RETRY = "retry"  # it did not happen: send it again
    FAILED = "failed"  # it did not happen, and is not to be sent again


@dataclass(frozen=True, slots=True)
class NewTask:
    """A record on its way into the store.

    Attributes:
        route: The route that will deliver it.
        record: JSON of the record.
        key: Its identity on the route, or None.
        on_duplicate: What to do when the route knows the key; without a key it means nothing.
        source: Where it came from, such as `incoming.orders`; `…#raw` where it could not be shaped.
        position: Its place in the batch it came with, from 0.
        status: `new`; or `failed` where it could not be shaped, and is kept with its reason.
        step: Where it failed.
        reason: Why it failed.
        cure: What to do about it, or None.
    """

    route: str
    record: bytes
    key: str | None = None
    on_duplicate: OnDuplicate = OnDuplicate.SKIP
    source: str = ""
    position: int = 0
    status: TaskStatus = TaskStatus.NEW
    step: str = ""
    reason: str = ""
    cure: str | None = None


@dataclass(frozen=True, slots=True)
class CursorMove:
    """How far an incoming has read, to be kept together with the tasks made of what was read.

    Attributes:
        name: Of the incoming.
        value: JSON value from which the next fetch starts.
        pending: JSON value that becomes effective with a later move, or None.
        version: The version the cursor had when the fetch began (`State.locate`; 0: it was never set); where it has
            moved since, the whole batch is refused. None: whatever it is.
    """

    name: str
    value: Any
    pending: Any = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an incoming has read.

    Attributes:
        name: Of the incoming.
        value: JSON value from which the next fetch starts.
        pending: JSON value not yet effective, or None.
        version: Counts the moves, and how often it was forgotten, from 1; none comes twice.
        updated_at_ms: When it moved last.
    """

    name: str
    value: Any
    pending: Any
    version: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch of new tasks.

    Attributes:
        ids: Ids of the tasks, aligned with the batch; None where one was left out as a duplicate. With
            `on_duplicate: update` the id of the task that took the record.
        duplicates: How many were left out.
        renewals: Places in the batch of the records that went into a task which was there already, ascending.
    """

    ids: tuple[int | None, ...]
    duplicates: int = 0
    renewals: tuple[int, ...] = ()

    @property
    def updated(self) -> int:
        """How many records went into a task that was there already."""
        return len(self.renewals)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one caller sent at once.

    Attributes:
        tasks: The tasks to be made of it, in order; as many routes as need be.
        token: Random, new for each delivery. Whoever repeats a call of which it is not known what became repeats it.
        source: Who sends, such as `incoming.orders`; a digest means something within its source alone.
        digest: What tells two deliveries of a source apart, or None where nothing does.
        window_ms: For how long, counted from the first one, a second delivery with the digest is a repeat; 0: never.
        content: Digest of what was sent, where a repeat has to have sent the same; None where that is no matter.
    """

    tasks: tuple[NewTask, ...]
    token: str
    source: str = ""
    digest: bytes | None = None
    window_ms: int = 0
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a delivery.

    Attributes:
        ids: As in `Ingested`; of a repeat, those of the first time.
        is_repeat: Whether its digest was known: nothing was made.
        duplicates: How many of its records were left out; of a repeat, how many were so the first time.
        is_other: Whether its digest was known with other content: it is none of the two, and nothing was made.
    """

    ids: tuple[int | None, ...]
    is_repeat: bool = False
    duplicates: int = 0
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on lanes of a route, until somebody takes them over.

    Attributes:
        route: The route.
        lanes: Those that were to be had, ascending; never empty.
        token: Random, 63 bits; everything done under the lease names it.
        worker: Who holds it.
    """

    route: str
    lanes: tuple[int, ...]
    token: int
    worker: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task in this worker's hands.

    Attributes:
        id: Of the task.
        route: Its route.
        key: Its key, or None.
        record: JSON of the record.
        attempt: This attempt's number, from 1.
        tries: Number of this attempt since a person last asked for a new try, from 1: what a retry policy counts.
        sent: Parcels of it that were sent before.
        parcels: How many parcels it had then; 0 where nothing was sent yet.
        created_at_ms: When the task was made.
        source: As in `NewTask`.
        position: As in `NewTask`.
        token: Of the lease.
        is_suspect: Whether workers have ended with it in their hands more than once: it is claimed by itself.
    """

    id: int
    route: str
    key: str | None
    record: bytes = field(repr=False)
    attempt: int
    tries: int
    sent: int
    parcels: int
    created_at_ms: int
    source: str
    position: int
    token: int
    is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class CommitNote:
    """A request that commits is about to leave. Durable before it does.

    Attributes:
        task: Id of the task.
        attempt: Number of the attempt.
        token: Of the lease.
        step: Name of the step.
        entity: What is called.
        at_ms: When.
        evidence: JSON of what will help to find out what became of it (the highest id known before), or None.
        parcels: Of how many parcels the one that leaves is the next; kept with the task where there are several, so
            that whoever learns what became of it knows whether it was the last.
    """

    task: int
    attempt: int
    token: int
    step: str
    entity: str
    at_ms: int
    evidence: bytes | None = None
    parcels: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One more parcel of a task is sent; what was noted of its request is in doubt no more.

    Attributes:
        task: Id of the task.
        attempt: Number of the attempt.
        token: Of the lease.
        sent: Parcels sent so far.
        parcels: Of how many.
    """

    task: int
    attempt: int
    token: int
    sent: int
    parcels: int


@dataclass(frozen=True, slots=True)
class ExchangeRow:
    """One request and its answer, masked and cut to a size by whoever hands it in.

    Attributes:
        entity: What was called.
        method: Such as `POST`.
        url: Without credentials.
        started_at_ms: When it was sent.
        duration_ms: How long the answer took.
        status: HTTP status, or None where there was no answer.
        verdict: What it came to.
        failure: The transport's words where there was no whole answer, or None.
        request: What was sent, as text.
        response: What came back, as text.
    """

    entity: str
    method: str
    url: str
    started_at_ms: int
    duration_ms: int
    status: int | None
    verdict: str
    failure: str | None
    request: str = field(repr=False)
    response: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value kept under a key.

    Attributes:
        store: Name of the value store.
        key: The key in it.
        value: JSON; `b""` deletes.
    """

    store: str
    key: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of an attempt.

    Attributes:
        task: Id of the task.
        attempt: Number of the attempt.
        token: Of the lease.
        status: What the task becomes; never `processing` or `waiting`. `new`: nothing was wrong with it, it is to be
            claimed again (the route was stopped).
        due_at_ms: With `retry`: when it is tried again. With `unknown`: when it is looked at, None for never by itself.
        verdict: Of the last call, or None.
        step: Where it ended; empty for a success.
        reason: Why; empty for a success.
        cure: What to do about it, or None.
        value: JSON of the last answer, or None.
        sent: Parcels sent so far.
        parcels: Of how many.
        started_at_ms: When the attempt began.
        ended_at_ms: When it ended.
        exchanges: What was said, in order.
        values: To be kept with it; written only when the settlement is not fenced off.
        becomes: New tasks that take its place; likewise.
        done: What was carried out and would be done twice by another try, such as `order`; None for nothing.
    """

    task: int
    attempt: int
    token: int
    status: TaskStatus
    due_at_ms: int | None = None
    verdict: str | None = None
    step: str = ""
    reason: str = ""
    cure: str | None = None
    value: bytes | None = field(default=None, repr=False)
    sent: int = 0
    parcels: int = 0
    started_at_ms: int = 0
    ended_at_ms: int = 0
    exchanges: tuple[ExchangeRow, ...] = ()
    values: tuple[StoredValue, ...] = ()
    becomes: tuple[NewTask, ...] = ()
    done: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownTask:
    """A task whose outcome nobody has seen, with what is known of the request that left.

    Attributes:
        id: Of the task.
        route: Its route.
        key: Its key, or None.
        record: JSON of the record.
        attempt: Number of the attempt that is in doubt.
        sent: Parcels of it that are known to be sent; the one in doubt is the next.
        parcels: Of how many.
        created_at_ms: When the task was made.
        source: As in `NewTask`.
        position: As in `NewTask`.
        commit_at_ms: When the request left, or None where no note of it was made.
        step: Name of the step that left.
        entity: What it called.
        evidence: JSON out of the commit note, or None.
        looks: How often it was looked for so far.
    """

    id: int
    route: str
    key: str | None
    record: bytes = field(repr=False)
    attempt: int
    sent: int
    parcels: int
    created_at_ms: int
    source: str
    position: int
    commit_at_ms: int | None
    step: str
    entity: str
    evidence: bytes | None
    looks: int


@dataclass(frozen=True, slots=True)
class Look:
    """What came of looking for an unknown outcome.

    Attributes:
        task: Id of the task.
        attempt: Number of the attempt in doubt.
        status: What the task becomes: `finished` where it was found, `new` where it is proven not to have happened and
            is to be sent again, `failed`; `unknown` where it stays open.
        next_at_ms: With `unknown`: when to look again, None for never by itself.
        verdict: As in `Settlement`.
        reason: What was seen, in one sentence; empty leaves what is said of the task.
        value: JSON of what was found, or None.
        sent: Parcels sent, where that is known better now; None leaves it.
        exchanges: What was asked, in order.
        values: To be kept with it, unless the task was settled otherwise meanwhile.
    """

    task: int
    attempt: int
    status: TaskStatus
    next_at_ms: int | None = None
    verdict: str | None = None
    reason: str = ""
    value: bytes | None = field(default=None, repr=False)
    sent: int | None = None
    exchanges: tuple[ExchangeRow, ...] = ()
    values: tuple[StoredValue, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as lists show it.

    Attributes:
        id: Of the task.
        route: Its route.
        key: Its key, or None.
        status: Where it stands.
        source: As in `NewTask`.
        position: As in `NewTask`.
        lane: Which of the route's lanes it is in.
        created_at_ms: When it was made.
        updated_at_ms: When it changed last; for terminal ones: when it was settled.
        due_at_ms: When it is tried (`retry`) or looked at (`unknown`) again, or None.
        attempts: How often it was tried.
        sent: Parcels sent so far.
        parcels: Of how many; 0 where nothing was sent yet.
        verdict: Of the last call, or None.
        step: Where it failed.
        reason: Why it stands where it stands.
        cure: What to do about it, or None.
        done: What was carried out and would be done twice by another try, or None.
    """

    id: int
    route: str
    key: str | None
    status: TaskStatus
    source: str
    position: int
    lane: int
    created_at_ms: int
    updated_at_ms: int
    due_at_ms: int | None
    attempts: int
    sent: int
    parcels: int
    verdict: str | None
    step: str
    reason: str
    cure: str | None
    done: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try.

    Attributes:
        number: From 1.
        worker: Who tried.
        started_at_ms: When it began.
        commit_at_ms: When the last request that commits was about to leave, or None.
        commit_step: Name of that step; empty where there is none.
        commit_entity: What it called.
        commit_evidence: JSON kept with it, or None.
        ended_at_ms: When it ended; None while it goes on.
        outcome: The status it gave the task; `stopped` where its worker stopped, `late: …` where it ended after
            somebody else had taken over; None while it goes on.
        verdict: Of its last call, or None.
        step: Where it failed.
        reason: Why.
        duration_ms: How long it took, or None.
        exchanges: What was said, in order.
    """

    number: int
    worker: str
    started_at_ms: int
    commit_at_ms: int | None
    commit_step: str
    commit_entity: str
    commit_evidence: bytes | None
    ended_at_ms: int | None
    outcome: str | None
    verdict: str | None
    step: str
    reason: str
    duration_ms: int | None
    exchanges: tuple[ExchangeRow, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """All that is kept of one task.

    Attributes:
        row: As lists show it.
        record: JSON of the record.
        value: JSON of the last answer, or None.
        attempts: Its tries, in order.
    """

    row: TaskRow
    record: bytes = field(repr=False)
    value: bytes | None = field(repr=False)
    attempts: tuple[AttemptRow, ...]

    @property
    def exchanges(self) -> tuple[ExchangeRow, ...]:
        """What was said in all tries, in order."""
        return tuple(exchange for attempt in self.attempts for exchange in attempt.exchanges)


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks are meant: those for which everything given holds.

    Attributes:
        ids: Any of these; empty: whatever the id.
        route: Of this route.
        statuses: In any of these; empty: whatever the status.
        key: With this very key.
        text: With this text in record, key or reason, letter case aside.
        older_than_ms: Made longer ago than this many milliseconds.
        newer_than_ms: Made within this many milliseconds.
        is_half_done: Of those alone for which something was carried out that another try would do twice (True), or of
            the others (False).
        keys_starting: With a key that begins so, letter for letter.
        updated_since_ms: Changed at this time or later, ms since the epoch.
        sources: From any of these (`NewTask.source`); empty: wherever from.
    """

    ids: tuple[int, ...] = ()
    route: str | None = None
    statuses: tuple[TaskStatus, ...] = ()
    key: str | None = None
    text: str | None = None
    older_than_ms: int | None = None
    newer_than_ms: int | None = None
    is_half_done: bool | None = None
    keys_starting: str | None = None
    updated_since_ms: int | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search that looks through a part of the tasks has found.

    Attributes:
        rows: Tasks, newest first.
        scanned_to: Everything from this id on was looked through, below where the search began: the next search begins
            before it. None where no task was looked at.
        is_complete: Whether nothing is left below.
    """

    rows: tuple[TaskRow, ...]
    scanned_to: int | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class RouteRow:
    """Whether a route is delivered, and why not.

    Attributes:
        name: Of the route.
        state: Active, paused or stopped.
        reason: Why; empty for active.
        since_ms: Since when.
        by: Who paused, stopped or resumed it.
    """

    name: str
    state: RouteState
    reason: str
    since_ms: int
    by: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A process that delivers.

    Attributes:
        id: Its own, new with every start.
        host: The machine's name.
        pid: Its process id there.
        started_at_ms: When it joined.
        heartbeat_at_ms: When it was heard of last.
        routes: What it delivers; empty: everything.
    """

    id: str
    host: str
    pid: int
    started_at_ms: int
    heartbeat_at_ms: int
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaneRow:
    """Who holds a lane.

    Attributes:
        route: The route.
        lane: From 0.
        token: Of the lease.
        worker: Who holds it.
        acquired_at_ms: Since when.
    """

    route: str
    lane: int
    token: int
    worker: str
    acquired_at_ms: int


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """What is known of an incoming's schedule.

    Attributes:
        name: Of the incoming.
        spec: The schedule as it is written in the configuration.
        last_due_at_ms: The due time that was fired last, or None.
        last_started_at_ms: When that happened, or None.
        last_result: What came of it, in one sentence; empty while it goes on.
        next_at_ms: When it is due next, or None.
        asked_at_ms: When a person asked for a run now that nobody has begun yet, or None.
        asked_by: Who did; empty where nobody did.
        last_ended_at_ms: When the last run came to its end; None while it goes on, and where there was none.
        last_records: How many records it read, or None where that is not known.
        last_tasks: How many tasks were made of them, likewise.
    """

    name: str
    spec: str
    last_due_at_ms: int | None
    last_started_at_ms: int | None
    last_result: str
    next_at_ms: int | None
    asked_at_ms: int | None = None
    asked_by: str = ""
    last_ended_at_ms: int | None = None
    last_records: int | None = None
    last_tasks: int | None = None

    @property
    def last_duration_ms(self) -> int | None:
        """How long the last run took, or None where it goes on or there was none."""
        if self.last_started_at_ms is None or self.last_ended_at_ms is None:
            return None
        return max(0, self.last_ended_at_ms - self.last_started_at_ms)


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """What happened on a route in a stretch of time.

    Attributes:
        route: The route.
        at_ms: When the stretch begins.
        received: Tasks made.
        finished: How often a task became that; likewise the others.
        failed: Also of records that could not be shaped.
        skipped: By a filter, or by a person.
        unknown: Sent, and nobody saw what came of it.
        retried: Put off to be tried again.
    """

    route: str
    at_ms: int
    received: int = 0
    finished: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Something a person should know, for as long as it lasts, and until it was told that it is over.

    Attributes:
        kind: What sort of thing, such as `route_stopped`.
        subject: What it is about, such as the name of a route.
        text: What is wrong, in a sentence.
        detail: JSON of what else is known.
        since_ms: Since when.
        told_at_ms: When it was told last, or None where it never was.
        repeat_ms: How long after it was told it is told again, or None for never.
        cleared_at_ms: When it came to its end, or None while it lasts.
    """

    kind: str
    subject: str
    text: str
    since_ms: int
    told_at_ms: int | None = None
    detail: bytes = b"{}"
    repeat_ms: int | None = None
    cleared_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what.

    Attributes:
        at_ms: When.
        by: Who: the name of a user or token.
        kind: What sort of caller: `user`, `token` or `local`.
        address: From where.
        action: What was done, such as `tasks.retry`.
        subject: What it was done to; empty where it was nothing in particular.
        detail: What else is worth knowing, as JSON values by name.
        id: Its number, ascending; None for one that is not kept yet.
    """

    at_ms: int
    by: str
    kind: str
    address: str
    action: str
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person who may log in.

    Attributes:
        name: By which they log in.
        password_hash: As whoever checks passwords writes it.
        role: What they may.
        created_at_ms: When they were made.
        changed_at_ms: When anything of this changed last.
        is_disabled: Whether they may not log in at present.
    """

    name: str
    password_hash: str = field(repr=False)
    role: str
    created_at_ms: int
    changed_at_ms: int
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What a program shows to be let in.

    Attributes:
        id: Its number, never given twice.
        name: What people call it; two that are valid never share one.
        hash: SHA-256 of the secret, in hex: the secret itself is nowhere.
        roles: What it may, such as `read` or `push:orders`.
        created_at_ms: When it was made.
        created_by: Who made it.
        expires_at_ms: From when on it is not valid any more, or None for never.
        last_used_at_ms: When it was used last, as far as that was noted, or None.
        revoked_at_ms: When somebody revoked it, or None.
    """

    id: int
    name: str
    hash: str = field(repr=False)
    roles: tuple[str, ...]
    created_at_ms: int
    created_by: str
    expires_at_ms: int | None = None
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None

    def is_valid(self, now_ms: int) -> bool:
        """Whether it lets anybody in at a time, ms since the epoch."""
        return self.revoked_at_ms is None and (self.expires_at_ms is None or now_ms < self.expires_at_ms)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody who has logged in.

    Attributes:
        hash: SHA-256 of what the browser keeps, in hex.
        user: Who.
        csrf: What a form has to bring along.
        created_at_ms: When they logged in.
        seen_at_ms: When they were last seen, as far as that was noted.
        expires_at_ms: From when on they have to log in anew.
        address: From where.
        agent: What their browser calls itself.
    """

    hash: str = field(repr=False)
    user: str
    csrf: str = field(repr=False)
    created_at_ms: int
    seen_at_ms: int
    expires_at_ms: int
    address: str
    agent: str
