"""The catalog: what each client can be asked, a form for each entity, and a call made from it.

A call that only reads is made at once. One that changes the session or the shop's data is told in words first, and made
when that is confirmed; a confirmation counts once.
"""

from __future__ import annotations

from dataclasses import field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from connector.catalog.catalog import AUTO
from connector.catalog.listing import list_entities, tell_call
from connector.desk.call import describe_call, plan_call, try_call
from connector.desk.catalog import EntityPage, open_entity
from connector.desk.shown import show_value
from connector.errors import ConfigError, ConnectorError, UnknownEntityError
from connector.frozen import dataclass
from connector.redaction import MASK
from connector.request import Verdict
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.before import Before, read_before, write_before
from connector.server.pages.blanks import PREFIX, Blank, list_blanks, make_blanks, read_blanks, read_json, write_texts
from connector.server.pages.confirmations import Confirmations
from connector.server.pages.render import Renderer, is_htmx
from connector.server.pages.snippets import write_call, write_command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from connector.app.project import ClientPlan
    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Entity, Variant
    from connector.desk.call import Called, Planned
    from connector.server.context import Context

ANY_ROUTE: Final = "-"
"""What stands in an address in place of an entity where a route is to be called that no catalog lists."""

FIRST_CLIENT: Final = """clients:
  shop:
    connector: opencart
    base_url: ${SHOP_URL}
    username: ${SHOP_USERNAME:Default}
    key: ${SHOP_KEY}"""
"""What a configuration without clients lacks."""

EFFECTS: Final = (
    ("", "Anything"),
    ("read", "Nothing: it reads"),
    ("session", "The session"),
    ("commit", "The shop's data"),
)
"""What a list of entities can be narrowed down to."""

_ORDER: Final = ("read", "session", "commit", "commit+notify")
_ROUTE_EFFECTS: Final = (
    ("commit", "commit: the remote system's data; nothing is sent twice"),
    ("session", "session: its own session alone"),
    ("read", "read: nothing"),
)
_BEFORE: Final = "before"
_WORD: Final = "word"
_ROUTE, _EFFECT, _PAYLOAD = "route", "effect", "payload"

_KINDS: Final = {
    Verdict.OK: "ok",
    Verdict.EMPTY: "ok",
    Verdict.UNKNOWN: "doubt",
    Verdict.BUSY: "warn",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The client whose catalog is shown.

    Attributes:
        client: Its name.
        catalog: What it can be asked.
        spoken: The dialect it speaks; `auto` where it has not been found out yet.
        chosen: The dialect in which the catalog is told; empty where there is none.
    """

    client: str
    catalog: Catalog
    spoken: str
    chosen: str

    @property
    def address(self) -> str:
        """Where its entities are, without a slash at the end."""
        return f"/catalog/{quote(self.client, safe='')}"

    @property
    def suffix(self) -> str:
        """The query that keeps the chosen dialect; empty where it is the one that is spoken."""
        return "" if self.chosen == self.spoken else f"?{urlencode({'dialect': self.chosen})}"


@dataclass(frozen=True, slots=True)
class Written:
    """A call as a person wrote it.

    Attributes:
        target: Catalog id, or a route.
        is_route: Whether it is a route.
        payload: Its fields.
        before: The steps ahead of it.
        effect: What a route counts as; None for an entity.
        texts: What stands in the inputs, by name.
        problems: What is wrong, by the name of the input; under the empty name what belongs to none.
    """

    target: str
    is_route: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Before, ...] = ()
    effect: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a call, as the page shows it.

    Attributes:
        verdict: `ok`, `rejected`, …; `not sent` where nothing was.
        kind: Which colour that has.
        entity: What was called last.
        status: HTTP status, or None.
        duration_ms: Of all exchanges together.
        at_ms: When it was made.
        reason: Why it is no success, else empty.
        cure: What to do, else empty.
        done: What was carried out before it went wrong.
        errors: The remote system's own words, with the field they speak of.
        notices: Warnings in front of the answer.
        value: The answer, secrets masked.
        exchanges: Everything that was said, masked.
    """

    verdict: str
    kind: str
    entity: str
    status: int | None
    duration_ms: int
    at_ms: int
    reason: str
    cure: str
    done: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    value: Any
    exchanges: tuple[dict[str, Any], ...]


def add_pages(router: APIRouter, context: Context) -> None:
    """Add the addresses of the catalog."""
    renderer = Renderer(context)
    desk = _Desk(context, renderer)
    read, operate = Depends(context.doors.page(Role.READ)), Depends(context.doors.page(Role.OPERATE))

    async def found(request: Request, caller: Caller, answering: Awaitable[Response]) -> Response:
        try:
            return await answering
        except _MissingError as missing:
            values = {"title": missing.title, "told": missing.told, "up": [("/catalog", "Catalog")]}
            return renderer.page(request, caller, "missing.html", values, status=missing.status)

    @router.get("/catalog")
    async def show_catalog(request: Request, caller: Caller = read) -> Response:
        return await found(request, caller, desk.show_list(request, caller))

    @router.get("/catalog/{client}/{entity}")
    async def show_entity(request: Request, client: str, entity: str, caller: Caller = read) -> Response:
        return await found(request, caller, desk.show_entity(request, caller, client, entity))

    @router.post("/catalog/{client}/{entity}")
    async def call_entity(request: Request, client: str, entity: str, caller: Caller = operate) -> Response:
        return await found(request, caller, desk.call(request, caller, client, entity))

    @router.post("/catalog/{client}/{entity}/check")
    async def check_entity(request: Request, client: str, entity: str, caller: Caller = read) -> Response:
        return await found(request, caller, desk.check(request, caller, client, entity))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a person was asked to confirm."""

    client: str
    written: Written
    effects: tuple[str, ...]

    def means(self, other: _Asked) -> bool:
        """Whether both are the same call, however it was typed."""
        mine, theirs = self.written, other.written
        return (self.client, self.effects, mine.target, mine.payload, mine.before, mine.effect) == (
            other.client,
            other.effects,
            theirs.target,
            theirs.payload,
            theirs.before,
            theirs.effect,
        )


class _MissingError(Exception):
    """What an address names is not there."""

    def __init__(self, title: str, told: str, status: int = 404) -> None:
        super().__init__(title)
        self.title = title
        self.told = told
        self.status = status


class _Desk:
    """Does what the pages of the catalog are for."""

    def __init__(self, context: Context, renderer: Renderer) -> None:
        self._context = context
        self._renderer = renderer
        self._confirmations = Confirmations()

    # --- the list -----------------------------------------------------------------------------------------------------

    async def show_list(self, request: Request, caller: Caller) -> Response:
        """Return the entities of a client, grouped."""
        clients = self._context.service.project.clients
        asked = request.query_params.get("client", "")
        if asked and asked not in clients:
            raise _no_client(asked)
        values: dict[str, Any] = {"clients": list(clients), "first_client": FIRST_CLIENT, "shown": None}
        if clients:
            name = asked or next(
                (name for name, plan in clients.items() if plan.target.catalog.entities), next(iter(clients))
            )
            shown = self._look_up(name, request.query_params.get("dialect", ""))
            values |= self._list(request, shown)
        return self._renderer.page(request, caller, "catalog.html", values)

    def _list(self, request: Request, shown: Shown) -> dict[str, Any]:
        search, effect = request.query_params.get("q", "").strip(), request.query_params.get("effect", "")
        rows = list_entities(shown.catalog, shown.chosen, search=search) if shown.chosen else []
        rows = [row for row in rows if not effect or row.effect.partition("+")[0] == effect]
        total = sum(shown.chosen in entity.variants for entity in shown.catalog.entities)
        groups = [(group, list(found)) for group, found in groupby(rows, key=lambda row: row.id.partition(".")[0])]
        return {
            "shown": shown,
            "client_choices": [(name, name) for name in self._context.service.project.clients],
            "dialect_choices": _list_dialects(shown),
            "effect_choices": EFFECTS,
            "effect": effect,
            "q": search,
            "groups": groups,
            "count": len(rows),
            "total": total,
        }

    def _look_up(self, name: str, dialect: str) -> Shown:
        plan = self._find_client(name)
        catalog = plan.target.catalog
        spoken = self._find_spoken(plan)
        if dialect not in catalog.dialects:
            dialect = spoken if spoken in catalog.dialects else catalog.main_dialect
        return Shown(name, catalog, spoken, dialect)

    def _find_client(self, name: str) -> ClientPlan:
        plan = self._context.service.project.clients.get(name)
        if plan is None:
            raise _no_client(name)
        return plan

    def _find_spoken(self, plan: ClientPlan) -> str:
        """Return the dialect a client speaks, also where it has been found out since the start."""
        if plan.target.dialect != AUTO:
            return plan.target.dialect
        try:
            return self._context.service.runtime.client(plan.name).dialect
        except ConnectorError:  # it cannot be opened, such as for its ca_file; the clients' page tells
            return AUTO

    # --- one entity ---------------------------------------------------------------------------------------------------

    async def show_entity(self, request: Request, caller: Caller, client: str, entity: str) -> Response:
        """Return an entity with its form, filled in with the example unless the address says otherwise."""
        shown = self._look_up(client, request.query_params.get("dialect", ""))
        if entity == ANY_ROUTE:
            texts = {_ROUTE: request.query_params.get(_ROUTE, ""), _EFFECT: "commit", _PAYLOAD: "{}", _BEFORE: ""}
            return self._page(request, caller, shown, None, Written("", is_route=True, texts=texts))
        found = self._find_entity(shown, entity)
        if found.id != entity:  # a title, or another way to write the id
            return RedirectResponse(f"{shown.address}/{found.id}{shown.suffix}", status_code=303)
        variant = found.variants.get(shown.chosen)
        if variant is None:
            return self._page_of_absence(request, caller, shown, found)
        given = {
            name.removeprefix(PREFIX): text for name, text in request.query_params.items() if name.startswith(PREFIX)
        }
        is_empty = request.query_params.get("form") == "empty"
        texts = given or ({} if is_empty else write_texts(variant.example.payload, variant.fields))
        texts |= {_BEFORE: "" if is_empty else write_before(shown.catalog, variant)}
        return self._page(request, caller, shown, found, Written(found.id, texts=texts))

    def _find_entity(self, shown: Shown, name: str) -> Entity:
        try:
            return shown.catalog.find(name)
        except UnknownEntityError as error:
            raise _MissingError(f"There is no entity {name}", f"{error.cure or error.message}.") from error

    def _page_of_absence(self, request: Request, caller: Caller, shown: Shown, entity: Entity) -> Response:
        absence = entity.absences.get(shown.chosen)
        values = {
            "shown": shown,
            "entity": entity,
            "reason": absence.reason if absence else "the catalog does not have it",
            "instead": absence.instead if absence else None,
            "dialects": [dialect for dialect in shown.catalog.dialects if dialect in entity.variants],
        }
        return self._renderer.page(request, caller, "entity_absent.html", values, status=404)

    def _page(
        self,
        request: Request,
        caller: Caller,
        shown: Shown,
        entity: Entity | None,
        written: Written,
        *,
        told: Told | None = None,
        again: str = "",
        is_checked: bool = False,
        status: int = 200,
    ) -> Response:
        """Return the page of an entity, or of any route.

        Args:
            request: What asks.
            caller: Who asks.
            shown: The client.
            entity: The entity; None for any route.
            written: What stands in the form.
            told: What came of a call, or None.
            again: A remark above what came of it.
            is_checked: Whether the form was looked through, so that what it makes can be shown.
            status: HTTP status.
        """
        opened: EntityPage | None = None
        blanks: tuple[Blank, ...] = ()
        if entity is not None:
            opened = open_entity(shown.catalog, entity.id, dialect=shown.chosen, client=shown.client)
            blanks = make_blanks(opened.variant.fields, written.texts, written.problems)
        sound = is_checked and not written.problems
        values = {
            "shown": shown,
            "entity": entity,
            "opened": opened,
            "call": tell_call(opened.detail.route, opened.detail.query) if opened else "",
            "others": _find_others(shown, entity) if entity else (),
            "needs": _link_needs(opened.variant) if opened else (),
            "blanks": blanks,
            "problem_blanks": [blank for blank in list_blanks(blanks) if blank.problems],
            "written": written,
            "route_effects": _ROUTE_EFFECTS,
            "payload": _hide(dict(written.payload), blanks) if sound else None,
            "snippets": self._write(shown, written, blanks, opened) if sound else None,
            "told": told,
            "again": again,
            "dialect_choices": _list_dialects(shown),
        }
        return self._renderer.page(request, caller, "entity.html", values, status=status)

    def _write(
        self, shown: Shown, written: Written, blanks: tuple[Blank, ...], opened: EntityPage | None
    ) -> dict[str, str]:
        payload = _hide(dict(written.payload), blanks)
        mask = self._context.redactor.mask_text
        reads = (opened.detail.effect if opened else written.effect or "").startswith("read")
        kinds = ("subscriber", "publisher") if reads else ("publisher", "subscriber")
        first, second = (
            mask(write_call(kind, shown.client, written.target, payload, written.before, is_route=written.is_route))
            for kind in kinds
        )
        command = write_command(shown.client, written.target, payload, written.before, effect=written.effect or "")
        return {"kind": kinds[0], "yaml": first, "other_kind": kinds[1], "other": second, "command": mask(command)}

    # --- a call -------------------------------------------------------------------------------------------------------

    async def check(self, request: Request, caller: Caller, client: str, entity: str) -> Response:
        """Show what a form makes, and what is wrong with it; nothing is sent."""
        shown, found, form = await self._receive(request, client, entity)
        if found is not None and shown.chosen not in found.variants:
            return self._page_of_absence(request, caller, shown, found)
        written = _read_route(shown, form) if found is None else _read_entity(shown, found, form)
        if not written.problems:
            planned = self._plan(shown, written)
            written = planned if isinstance(planned, Written) else written
        status = 422 if written.problems and not is_htmx(request) else 200  # htmx leaves the page alone at 422
        return self._page(request, caller, shown, found, written, is_checked=True, status=status)

    async def call(self, request: Request, caller: Caller, client: str, entity: str) -> Response:
        """Make the call that a form says, or ask first."""
        shown, found, form = await self._receive(request, client, entity)
        if found is not None and shown.chosen not in found.variants:
            return self._page_of_absence(request, caller, shown, found)
        if found is not None and found.reserved is not None:
            raise _MissingError(f"{found.id} cannot be called", f"{found.reserved}.", 403)
        if _WORD in form:
            return await self._confirm(request, caller, shown, found, form)
        written = _read_route(shown, form) if found is None else _read_entity(shown, found, form)
        planned = written if written.problems else self._plan(shown, written)
        if isinstance(planned, Written):
            return self._page(request, caller, shown, found, planned, is_checked=True, status=422)
        if planned.needs_confirmation:
            return self._ask(request, caller, shown, found, written, planned)
        told = await self._carry_out(caller, shown, written, planned)
        return self._page(request, caller, shown, found, written, told=told, is_checked=True)

    async def _receive(self, request: Request, client: str, entity: str) -> tuple[Shown, Entity | None, dict[str, str]]:
        """Return the client, the entity (None for any route), and the form."""
        form = {name: text for name, text in (await request.form()).items() if isinstance(text, str)}
        shown = self._look_up(client, form.get("dialect", ""))
        return shown, None if entity == ANY_ROUTE else self._find_entity(shown, entity), form

    def _plan(self, shown: Shown, written: Written) -> Planned | Written:
        """Return the call made ready, or what was written with what is wrong with it."""
        try:
            return plan_call(
                self._context.service.project,
                shown.client,
                written.target,
                written.payload,
                before=[(step.target, step.payload) for step in written.before],
                effect=written.effect,
            )
        except ConfigError as error:
            told = tuple(": ".join(filter(None, (fault.where, fault.message))) for fault in error.faults)
        except ConnectorError as error:
            told = (str(error),)
        mask = self._context.redactor.mask_text
        return Written(
            written.target,
            written.is_route,
            written.payload,
            written.before,
            written.effect,
            written.texts,
            {"": tuple(map(mask, told))},
        )

    def _ask(
        self,
        request: Request,
        caller: Caller,
        shown: Shown,
        entity: Entity | None,
        written: Written,
        planned: Planned,
        *,
        remark: str = "",
    ) -> Response:
        """Return the page that says in words what a call will do, with the button that has it done."""
        opened = None
        blanks: tuple[Blank, ...] = ()
        if entity is not None:
            opened = open_entity(shown.catalog, entity.id, dialect=shown.chosen, client=shown.client)
            blanks = make_blanks(opened.variant.fields, written.texts)
        steps = [
            {"name": step.operation.entity, "effect": step.operation.effect.value, "payload": None}
            for step in planned.plan.steps
        ]
        for step, before in zip(steps, written.before, strict=False):
            step["payload"] = show_value(dict(before.payload), self._context.redactor)
        steps[-1]["payload"] = show_value(_hide(dict(written.payload), blanks), self._context.redactor)
        values = {
            "shown": shown,
            "entity": entity,
            "opened": opened,
            "written": written,
            "strongest": max(planned.effects, key=_ORDER.index),
            "steps": steps,
            "warnings": [str(fault.message) for fault in planned.warnings],
            "word": self._confirmations.ask(caller.name, _Asked(shown.client, written, planned.effects)),
            "base_url": self._context.service.project.clients[shown.client].options.base_url,
            "remark": remark,
            "blanks": [blank for blank in list_blanks(blanks) if blank.text],
            "prefix": PREFIX,
        }
        return self._renderer.page(request, caller, "confirm.html", values)

    async def _confirm(
        self, request: Request, caller: Caller, shown: Shown, entity: Entity | None, form: Mapping[str, str]
    ) -> Response:
        """Have done what was confirmed, once."""
        asked = self._confirmations.find(form[_WORD], caller.name)
        written = _read_route(shown, form) if entity is None else _read_entity(shown, entity, form)
        if asked is not None and asked.is_taken and asked.asked.client == shown.client:
            question: _Asked = asked.asked
            written = question.written
            again = (
                "This was sent before, and was not sent again: here is what came of it."
                if asked.result is not None
                else "This was sent before, and its answer is still awaited. It was not sent again."
            )
            return self._page(request, caller, shown, entity, written, told=asked.result, again=again, is_checked=True)
        planned = written if written.problems else self._plan(shown, written)
        if isinstance(planned, Written):
            return self._page(request, caller, shown, entity, planned, is_checked=True, status=422)
        remark = ""
        if asked is None:
            remark = "The question is too old, or another process had asked it. Nothing was sent: look at it once more."
        elif not asked.asked.means(_Asked(shown.client, written, planned.effects)):
            remark = "What would be done is not what you were asked to confirm. Nothing was sent: look at it once more."
        if remark or asked is None:
            return self._ask(request, caller, shown, entity, written, planned, remark=remark)
        asked.is_taken = True
        asked.result = await self._carry_out(caller, shown, written, planned)
        return self._page(request, caller, shown, entity, written, told=asked.result, is_checked=True)

    async def _carry_out(self, caller: Caller, shown: Shown, written: Written, planned: Planned) -> Told:
        context = self._context
        at_ms = context.store.now_ms()
        called = await try_call(context.service.runtime, planned, is_confirmed=True)
        told = self._tell(called, at_ms)
        detail = {"entity": written.target, "effects": list(planned.effects), "verdict": told.verdict}
        await context.doors.note(caller, "clients.call", shown.client, detail)
        return told

    def _tell(self, called: Called, at_ms: int) -> Told:
        redactor = self._context.redactor
        said = describe_call(called, redactor)
        exchanges = [*said.get("exchanges_before", ()), *filter(None, [said["exchange"]])]
        verdict = said["verdict"] or "not sent"
        answer = called.answer
        kind = "bad" if answer is None else _KINDS.get(answer.verdict, "bad")
        return Told(
            verdict=verdict,
            kind=kind,
            entity=called.entity,
            status=None if answer is None else answer.status,
            duration_ms=round(sum(exchange["duration_ms"] for exchange in exchanges)),
            at_ms=at_ms,
            reason=said.get("reason") or "",
            cure=said.get("cure") or "",
            done=tuple(said.get("already_carried_out", ())),
            errors=tuple((error["field"] or "", redactor.mask_text(error["message"])) for error in said["errors"]),
            notices=tuple(map(redactor.mask_text, said.get("notices", ()))),
            value=show_value(said["data"], redactor),
            exchanges=tuple(exchanges),
        )


def _no_client(name: str) -> _MissingError:
    return _MissingError(f"There is no client {name}", "The configuration may have changed since.")


def _list_dialects(shown: Shown) -> list[tuple[str, str]]:
    return [
        (dialect, f"{dialect}{', which it speaks' if dialect == shown.spoken else ''}")
        for dialect in shown.catalog.dialects
    ]


def _find_others(shown: Shown, entity: Entity) -> tuple[Any, ...]:
    """Return what other dialects do otherwise than the one in which an entity is told."""
    return open_entity(shown.catalog, entity.id).differences


def _link_needs(variant: Variant) -> tuple[tuple[tuple[str, ...], str], ...]:
    return tuple((need.any_of, need.when or "") for need in variant.needs)


def _hide(payload: dict[str, Any], blanks: tuple[Blank, ...]) -> dict[str, Any]:
    """Return a payload with what was typed into fields for credentials masked."""
    hidden = {blank.spec.name for blank in blanks if blank.kind == "secret"}
    return {name: MASK if name in hidden and value else value for name, value in payload.items()}


def _read_entity(shown: Shown, entity: Entity, form: Mapping[str, str]) -> Written:
    variant = entity.variants[shown.chosen]
    texts = {name.removeprefix(PREFIX): text for name, text in form.items() if name.startswith(PREFIX)}
    filled = read_blanks(variant, texts)
    before_text = form.get(_BEFORE, "")
    before, told = read_before(before_text, shown.catalog)
    problems = dict(filled.problems) | ({_BEFORE: told} if told else {})
    return Written(
        entity.id, payload=filled.payload, before=before, texts=texts | {_BEFORE: before_text}, problems=problems
    )


def _read_route(shown: Shown, form: Mapping[str, str]) -> Written:
    route, effect, text = form.get(_ROUTE, "").strip(), form.get(_EFFECT, "commit"), form.get(_PAYLOAD, "").strip()
    problems: dict[str, tuple[str, ...]] = {}
    if not route:
        problems[_ROUTE] = ("required, such as api/my_extension/do",)
    elif shown.catalog.entities and "/" not in route:
        problems[_ROUTE] = ("a route has a slash, such as api/my_extension/do; entities are in the catalog",)
    told: list[str] = []
    payload = read_json(text, told) if text else {}
    if not told and not isinstance(payload, dict):
        told.append('accepted is a JSON object, such as {"since": "2026-01-01"}')
    if told:
        problems[_PAYLOAD] = tuple(told)
    if effect not in _ORDER[:3]:
        effect = "commit"
    before_text = form.get(_BEFORE, "")
    before, faults = read_before(before_text, shown.catalog)
    if faults:
        problems[_BEFORE] = faults
    texts = {_ROUTE: route, _EFFECT: effect, _PAYLOAD: text, _BEFORE: before_text}
    return Written(route, True, payload if isinstance(payload, dict) else {}, before, effect, texts, problems)
