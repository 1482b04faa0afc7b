"""Every error the package raises, each with what can be done about it.

```
ConnectorError
├── ConfigError             the configuration has faults; all of them, with their positions
├── SettingsError           a CONNECTOR_* setting cannot be used
├── UnknownNameError        the configuration has nothing of that kind and name
├── CatalogError
│   ├── UnknownEntityError  no entity has that id or title
│   └── PayloadError        a payload does not fit its entity: a field missing, unknown or of the wrong type
├── TransformError          a step could not shape this record
├── ClientError
│   ├── UnreachableError    nothing was sent: refused, no such host, TLS not trusted, connect time-out
│   ├── UnansweredError     sent, and no whole answer came back: time-out, connection lost, body too large
│   └── CallError           an answer was read and it is not a success
├── SubscriberError         records cannot be taken from an answer
├── PublisherError          a record cannot be sent
├── RefusedError            a task stands so that what was asked for cannot be done to it
├── UnconfirmedError        a call that changes something was tried without being confirmed
├── StoreError              the database cannot be used just now: busy, unreachable, full, not writable
│   ├── StoreInUseError     another process works on the same SQLite file
│   ├── SchemaError         the tables are older or newer than this program
│   └── CursorMovedError    somebody else has read on from the same cursor meanwhile
├── AccessError             the service does not let a caller in, or not do what it asked for
├── IntakeError             what was sent in cannot be taken as records
├── OverloadedError         more was sent in than can be kept just now
├── ServerError             the service cannot be started
├── AlertError              a receiver of alerts could not be told
├── UnderWayError           an incoming is not fetched now, since it is being fetched already
└── SandboxError            the practice shop cannot be started
```

Each class carries a `recovery`: what a worker should do with the record it was working on. `CallError`
decides it per instance, since it depends on what was sent and what was answered.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from connector.frozen import dataclass
from connector.request import Answer, Effect, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Recovery(enum.StrEnum):
    """What can be done with a record after an error."""

    RETRY = "retry"  # the same record may be tried again later, nothing was changed remotely
    SKIP = "skip"  # leave this record out, without calling it a failure
    PARK = "park"  # keep the record for a person; trying again would not help, or is not safe
    ABORT = "abort"  # stop the run: every record would fail the same way


class ConnectorError(Exception):
    """The root of all errors of this package.

    Attributes:
        message: What failed and where, one sentence without a full stop.
        cure: What to do about it, or None where the message already says so.
        recovery: What to do with the record at hand.
    """

    recovery: Recovery = Recovery.ABORT

    def __init__(self, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}; {self.cure}" if self.cure else self.message


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the configuration, at its position.

    Attributes:
        file: The file as the user named it, or the source of the value ("environment").
        line: From 1; 0 where the whole file is meant.
        column: From 1; 0 where the whole line or file is meant.
        where: The path of keys, such as `clients.shop.timeout.total`; empty where the file as a whole is meant.
        message: What was found and what is accepted.
        hint: A suggestion such as `did you mean "username"?`, or None.
    """

    file: str
    line: int
    column: int
    where: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}:{self.column}"
        parts = [place, self.where, self.message] if self.where else [place, self.message]
        text = ": ".join(parts)
        return f"{text}; {self.hint}" if self.hint else text


class ConfigError(ConnectorError):
    """The configuration has faults.

    Attributes:
        faults: All faults of all files, sorted by file and position; never empty.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(
            sorted(dict.fromkeys(faults), key=lambda fault: (fault.file, fault.line, fault.column))
        )
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SettingsError(ConnectorError):
    """An application setting (`CONNECTOR_*`) cannot be used."""


class UnknownNameError(ConnectorError):
    """The configuration has nothing of that kind and name."""


class CatalogError(ConnectorError):
    """Something about the catalog of a remote system."""


class UnknownEntityError(CatalogError):
    """No entity of the catalog has that id or title, or the shop's generation lacks it."""


class PayloadError(CatalogError):
    """A payload does not fit its entity.

    Attributes:
        problems: One sentence per field, such as `coupon: required, but missing`; never empty.
    """

    recovery = Recovery.PARK

    def __init__(self, entity: str, problems: Iterable[str]) -> None:
        self.entity = entity
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(f"the payload does not fit {entity}: {'; '.join(self.problems)}")


class TransformError(ConnectorError):
    """A step could not shape this record.

    Attributes:
        step: Where the step stands, such as `outgoing.place-order.transform[2].set.total`.
    """

    recovery = Recovery.PARK

    def __init__(self, message: str, *, step: str, cure: str | None = None) -> None:
        super().__init__(message, cure=cure)
        self.step = step

    def __str__(self) -> str:
        return f"{self.step}: {super().__str__()}" if self.step else super().__str__()


class ClientError(ConnectorError):
    """Something about reaching a remote system."""


class UnreachableError(ClientError):
    """Nothing was sent, so nothing can have happened: refused, unknown host, TLS not trusted, connect time-out."""

    recovery = Recovery.RETRY


class UnansweredError(ClientError):
    """A request was sent and no whole answer came back.

    Attributes:
        detail: The transport's own words.
    """

    recovery = Recovery.PARK

    def __init__(self, message: str, *, detail: str = "", cure: str | None = None) -> None:
        super().__init__(message, cure=cure)
        self.detail = detail


_BROKE_OFF: Final = 500
"""HTTP statuses from here on say that the remote system broke off, as it does without its database."""


class CallError(ClientError):
    """An answer was read, or its absence understood, and it is not a success.

    Attributes:
        entity: Catalog id or route of the call.
        step: Name of the step in its plan; the entity's own where the plan has no other.
        effect: What the call changes.
        answer: The whole reading: verdict, reasons, notices.
        done: Names of the steps with effect `commit` that were carried out before, so that nothing half-done is hidden.
    """

    def __init__(self, entity: str, step: str, effect: Effect, answer: Answer, *, done: tuple[str, ...] = ()) -> None:
        self.entity = entity
        self.step = step
        self.effect = effect
        self.answer = answer
        self.done = done
        self.recovery = self._decide()
        super().__init__(_with_done(f"{step}: {answer.reason or answer.verdict.value}", done), cure=answer.cure)

    def _decide(self) -> Recovery:
        verdict = self.answer.verdict
        if verdict is Verdict.DENIED:
            return Recovery.ABORT
        if self.done:
            return Recovery.PARK
        if self.answer.is_undone or verdict in {Verdict.BUSY, Verdict.UNREACHABLE, Verdict.LOST_SESSION}:
            return Recovery.RETRY
        if verdict is Verdict.UNKNOWN and not self.effect.commits:
            return Recovery.RETRY
        if verdict is Verdict.FAULT and (self.answer.status or 0) >= _BROKE_OFF:
            return Recovery.RETRY  # the like of a commit is `unknown`, so nothing was changed; it often passes
        return Recovery.PARK

    @property
    def is_unknown(self) -> bool:
        """Whether something may have been committed that nobody saw."""
        return self.answer.verdict is Verdict.UNKNOWN and self.effect.commits


def _with_done(message: str, done: tuple[str, ...]) -> str:
    return f"{message} (already carried out: {', '.join(done)})" if done else message


class SubscriberError(ConnectorError):
    """Records cannot be taken from an answer."""


class PublisherError(ConnectorError):
    """A record cannot be sent.

    Attributes:
        step: Name of the step, or place of the template, that it came to; empty where it is no single one.
        done: Names of the steps with effect `commit` that were carried out before.
    """

    recovery = Recovery.PARK

    def __init__(self, message: str, *, cure: str | None = None, step: str = "", done: tuple[str, ...] = ()) -> None:
        self.step = step
        self.done = done
        text = f"{step}: {message}" if step else message
        super().__init__(_with_done(text, done), cure=cure)


class RefusedError(ConnectorError):
    """A task stands so that what was asked for cannot be done to it; it was left as it is."""

    recovery = Recovery.PARK


class UnconfirmedError(ConnectorError):
    """A call that changes something was tried, and nobody said a second time that it is meant. Nothing was sent."""

    recovery = Recovery.PARK


class StoreError(ConnectorError):
    """The database cannot be used just now; what was to be written is not written.

    Busy, connection lost, disk full: the same may work later. Where it cannot (no such file, no permission, not a
    database, log-in refused), the recovery is `abort`.
    """

    recovery = Recovery.RETRY

    def __init__(self, message: str, *, cure: str | None = None, recovery: Recovery = Recovery.RETRY) -> None:
        super().__init__(message, cure=cure)
        self.recovery = recovery


class StoreInUseError(StoreError):
    """Another process works on the same SQLite file.

    Attributes:
        pid: Its process id, or None where it is not known.
        command: What it does, such as `worker`.
        since: When it began, by that machine's clock, such as `2026-11-22 17:03:11`; empty where it is not known.
    """

    recovery = Recovery.ABORT

    def __init__(self, database: str, *, pid: int | None, command: str, since: str, cure: str | None = None) -> None:
        self.pid = pid
        self.command = command
        self.since = since
        who = f"`connector {command}`" if command else "another process"
        details = ", ".join([*([f"pid {pid}"] if pid else []), *([f"since {since}"] if since else [])])
        held = f"{who} ({details})" if details else who
        super().__init__(f"{database} is in use by {held}", cure=cure, recovery=Recovery.ABORT)


class SchemaError(StoreError):
    """The tables of the database are older or newer than this program, or there are none.

    Attributes:
        found: The revision the database is at; None where it has no tables of ours.
        wanted: The revision this program needs.
    """

    recovery = Recovery.ABORT

    def __init__(self, message: str, *, found: str | None, wanted: str, cure: str) -> None:
        super().__init__(message, cure=cure, recovery=Recovery.ABORT)
        self.found = found
        self.wanted = wanted


class CursorMovedError(StoreError):
    """Somebody else has read on from the same cursor meanwhile; nothing of the batch was kept.

    Attributes:
        name: Of the cursor.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"the cursor of {name} was moved by another process while records were fetched",
            cure="fetch again; nothing of this batch was kept",
        )


class AccessError(ConnectorError):
    """The service does not let a caller in, or not do what it asked for.

    Attributes:
        status: The HTTP status that says so, such as 401 where nobody is known to call and 403 where somebody may not.
        headers: Further headers of the answer.
    """

    recovery = Recovery.PARK

    def __init__(
        self, message: str, *, cure: str | None = None, status: int = 403, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, cure=cure)
        self.status = status
        self.headers: dict[str, str] = dict(headers or {})


class AlertError(ConnectorError):
    """A receiver of alerts could not be told.

    Attributes:
        alert: Its name in the configuration.
        may_pass: Whether the same message may be taken later: it could not be reached, or was busy.
    """

    def __init__(self, alert: str, reason: str, *, cure: str | None = None, may_pass: bool = False) -> None:
        self.alert = alert
        self.may_pass = may_pass
        super().__init__(f"{alert} could not be told: {reason}", cure=cure)


class ServerError(ConnectorError):
    """The service cannot be started: its address is in use, a certificate cannot be read, nobody could log in."""


class UnderWayError(ConnectorError):
    """An incoming is not fetched now, since it is being fetched already, and its schedule says `overlap: skip`.

    Attributes:
        incoming: Its name.
    """

    def __init__(self, incoming: str) -> None:
        self.incoming = incoming
        super().__init__(
            f"{incoming} is being fetched already",
            cure="wait until that has ended; with overlap: queue in its schedule, the next one waits for it by itself",
        )


class IntakeError(ConnectorError):
    """What was sent in cannot be taken as records; nothing of it is kept.

    Attributes:
        status: The HTTP status that says so: 400, 413 where it is too large, 415 where it is of no known kind,
            422 where its id is that of something else.
    """

    recovery = Recovery.PARK

    def __init__(self, message: str, *, cure: str | None = None, status: int = 400) -> None:
        super().__init__(message, cure=cure)
        self.status = status


class OverloadedError(ConnectorError):
    """More was sent in than can be kept just now; nothing of it is kept, and the sender may send it again.

    Attributes:
        retry_after_s: Seconds after which there will most likely be room.
        is_closing: Whether this process is about to end, and takes nothing more.
    """

    recovery = Recovery.RETRY

    def __init__(self, message: str, *, retry_after_s: int, is_closing: bool = False) -> None:
        super().__init__(message, cure="send it again a little later")
        self.retry_after_s = retry_after_s
        self.is_closing = is_closing


class SandboxError(ConnectorError):
    """The practice shop cannot be started."""


def tell_extra(extra: str) -> str:
    """Return what to do where the packages of an extra are missing.

    By its sources, not by its name: what a registry has under that name may be somebody else's.
    """
    return f"in the folder of the sources: python -m pip install '.[{extra}]'"


EXIT_CODES: dict[str, int] = {
    "ok": 0,
    "failed": 1,
    "usage": 2,
    "some_failed": 3,
    "unknown": 4,
    "interrupted": 130,
    "unread": 141,
    "terminated": 143,
}
"""Exit codes of every command: 1 failed or a finding, 3 some records failed, 4 an outcome is unknown; 130, 141 and 143
as a program that SIGINT, SIGPIPE (who read the output went away) and SIGTERM end."""
