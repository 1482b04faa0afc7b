"""The clients: where each leads, what it speaks, and whether it works, by a log-in or an examination."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations of endpoints

from connector.app.doctor.examination import examine
from connector.app.doctor.finding import Finding, Severity
from connector.catalog.catalog import AUTO
from connector.client.options import OpenCartOptions
from connector.desk.client import check_client, describe_client
from connector.errors import ConnectorError, Fault
from connector.frozen import dataclass
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.catalog import FIRST_CLIENT
from connector.server.pages.render import Renderer, show_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.app.project import ClientPlan
    from connector.server.context import Context

CHECK_EVERY_S: Final = 3.0
"""A client is logged in to from here no more often: a shop that counts failed log-ins must not lock us out."""

DOCTOR_EVERY_S: Final = 15.0
"""A client is examined no more often: an examination is up to a dozen calls."""

KINDS: Final = {"ok": ("ok", "finished"), "note": ("warn", "warning"), "problem": ("bad", "failed")}
"""Colour and icon of a finding, by its severity."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check or an examination came to.

    Attributes:
        kind: `check` or `doctor`.
        at_ms: When it ended.
        by: Who asked for it.
        is_well: Whether there is no problem.
        title: What came of it, in one sentence.
        findings: What was found, worst first for an examination.
        generation: The number of the configuration it was made with.
    """

    kind: str
    at_ms: int
    by: str
    is_well: bool
    title: str
    findings: tuple[Finding, ...] = ()
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One client.

    Attributes:
        name: Its name.
        facts: What is configured, nothing secret: names and values.
        routes: Those that send to it.
        incomings: Those that ask it.
        has_catalog: Whether it has a catalog to browse.
        seen: What was found last, by kind.
        is_busy: Whether it is being looked at just now.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    routes: tuple[str, ...]
    incomings: tuple[str, ...]
    has_catalog: bool
    seen: Mapping[str, Seen] = field(default_factory=dict)
    is_busy: bool = False


class Examinations:
    """What was found about clients since this process began, and who may look again when."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._found: dict[str, dict[str, Seen]] = {}
        self._begun_s: dict[tuple[str, str], float] = {}
        self._busy: set[str] = set()

    def find(self, client: str) -> dict[str, Seen]:
        """Return what was found last, by kind."""
        return self._found.get(client, {})

    def is_busy(self, client: str) -> bool:
        """Whether a client is being looked at just now."""
        return client in self._busy

    def find_obstacle(self, client: str, kind: str, every_s: float) -> str:
        """Return why a client cannot be looked at now; empty where it can, and then it counts as begun."""
        if client in self._busy:
            return f"{client} is being looked at already; its findings will be here in a moment"
        now_s = self._clock_s()
        wait_s = self._begun_s.get((client, kind), -every_s) + every_s - now_s
        if wait_s > 0:
            return f"{client} was looked at a moment ago; ask again in {max(1, round(wait_s))} s"
        self._begun_s[client, kind] = now_s
        self._busy.add(client)
        return ""

    def finish(self, client: str, seen: Seen | None) -> None:
        """Keep what was found; None where it was broken off."""
        self._busy.discard(client)
        if seen is not None:
            self._found.setdefault(client, {})[seen.kind] = seen


def add_pages(router: APIRouter, context: Context) -> None:
    """Add the addresses of the clients."""
    renderer = Renderer(context)
    examinations = Examinations()
    read, operate = Depends(context.doors.page(Role.READ)), Depends(context.doors.page(Role.OPERATE))

    @router.get("/clients")
    async def show_clients(request: Request, caller: Caller = read) -> Response:
        project = context.service.project
        rows = [_describe(context, plan, examinations) for plan in project.clients.values()]
        values = {"rows": rows, "kinds": KINDS, "first_client": FIRST_CLIENT, "generation": context.service.generation}
        return renderer.page(request, caller, "clients.html", values)

    @router.post("/clients/{name}/check")
    async def check(name: str, caller: Caller = operate) -> Response:
        return await _look(context, renderer, examinations, caller, name, "check")

    @router.post("/clients/{name}/doctor")
    async def doctor(name: str, caller: Caller = operate) -> Response:
        return await _look(context, renderer, examinations, caller, name, "doctor")


async def _look(
    context: Context, renderer: Renderer, examinations: Examinations, caller: Caller, name: str, kind: str
) -> Response:
    """Look at a client, and lead back to it; what was found is shown there."""
    address = f"/clients#client-{quote(name, safe='')}"
    if name not in context.service.project.clients:
        return renderer.done("/clients", f"there is no client {name}", is_bad=True)
    every_s = CHECK_EVERY_S if kind == "check" else DOCTOR_EVERY_S
    obstacle = examinations.find_obstacle(name, kind, every_s)
    if obstacle:
        return renderer.done(address, obstacle, is_bad=True)
    seen: Seen | None = None
    try:
        seen = await (_check if kind == "check" else _examine)(context, caller, name)
    finally:
        examinations.finish(name, seen)
    await context.doors.note(caller, f"clients.{kind}", name, {"found": "no problem" if seen.is_well else "problem"})
    return renderer.done(address, f"{name}: {seen.title}", is_bad=not seen.is_well)


async def _check(context: Context, caller: Caller, name: str) -> Seen:
    service = context.service
    found = await check_client(service.runtime, name)
    mask = context.redactor.mask_text
    findings: list[Finding] = []
    verdict = found["verdict"]
    if verdict not in {"ok", None}:
        findings.append(Finding("log-in", Severity.PROBLEM, found["reason"] or verdict, cure=found["cure"]))
    for misfit in found["misfits"]:
        fault = Fault(**misfit)
        place = f"{fault.file}:{fault.line}:{fault.column}" if fault.line else fault.file
        findings.append(
            Finding("usage", Severity.PROBLEM, fault.message, cure=fault.hint, where=f"{place}: {fault.where}")
        )
    if found["notices"]:
        findings.append(Finding("answer", Severity.NOTE, f"a warning in front of the answer: {found['notices'][0]}"))
    if verdict is None:
        title = "has no log-in, so nothing was asked"
    elif verdict == "ok":
        title = f"logged in, in {found['duration_ms']:.0f} ms"
    else:
        title = f"the log-in came to nothing ({verdict})"
    return Seen(
        "check",
        context.store.now_ms(),
        caller.name,
        not any(finding.severity is Severity.PROBLEM for finding in findings),
        title,
        tuple(finding.mask(mask) for finding in findings),
        service.generation,
    )


async def _examine(context: Context, caller: Caller, name: str) -> Seen:
    service = context.service
    report = await examine(service.runtime, name)
    problems = sum(finding.severity is Severity.PROBLEM for finding in report.findings)
    notes = sum(finding.severity is Severity.NOTE for finding in report.findings)
    told = show_count(problems, "problem") if problems else "all is well"
    if notes:
        told += f", {notes} to know about"
    return Seen(
        "doctor",
        context.store.now_ms(),
        caller.name,
        not report.has_problem,
        f"{told} ({show_count(report.calls, 'call')}, nothing was changed)",
        report.findings,
        service.generation,
    )


def _describe(context: Context, plan: ClientPlan, examinations: Examinations) -> Row:
    told = describe_client(context.service.project, plan)
    options = plan.options
    dialect = told["dialect"]
    if dialect == AUTO:
        found = _find_dialect(context, plan.name)
        dialect = f"{found}, found out" if found != AUTO else "found out when it is first called"
    facts = [("Address", told["base_url"]), ("Connector", told["connector"]), ("Generation", dialect)]
    if isinstance(options, OpenCartOptions):
        facts += [("User", options.username), ("Key", "***")]
    else:
        facts = [fact for fact in facts if fact[0] != "Generation"]
    facts.append(("Sessions", f"{options.sessions} at once at most"))
    if options.rate_limit is not None:
        facts.append(("Rate limit", f"{options.rate_limit:g} requests a second"))
    timeout = options.timeout
    facts.append(
        (
            "Time-out",
            f"{timeout.connect.total_seconds():g} s to connect, {timeout.total.total_seconds():g} s in all",
        )
    )
    if options.proxy is not None:
        facts.append(("Proxy", options.proxy))
    mask = context.redactor.mask_text
    return Row(
        plan.name,
        tuple((name, mask(str(value))) for name, value in facts),
        tuple(told["routes"]),
        tuple(told["incomings"]),
        told["has_catalog"],
        examinations.find(plan.name),
        examinations.is_busy(plan.name),
    )


def _find_dialect(context: Context, name: str) -> str:
    try:
        return context.service.runtime.client(name).dialect
    except ConnectorError:  # it cannot even be opened; a check tells why
        return AUTO
