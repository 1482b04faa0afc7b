"""The try-out: a record, steps as YAML, and what each step makes of it, as they are typed.

Whoever may look may try: the steps run in a process of their own with limits (`connector.desk.trial`), nothing is sent
and nothing is kept. What is known there are the steps of `connector.transform.steps`, none of which runs code of the
installation or reaches out to a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations of endpoints

from connector.desk.json_text import encode_json
from connector.desk.reshape import find_stretches
from connector.desk.shown import show_value
from connector.desk.transform import TryOut
from connector.desk.trial import Trials
from connector.desk.yaml_text import write_yaml
from connector.frozen import dataclass
from connector.record_codec import decode_record, decode_value
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer, is_htmx, read_form
from connector.store.rows import TaskFilter
from connector.task.ingest import PUSH, is_raw
from connector.transform.steps import STEPS

if TYPE_CHECKING:
    from connector.desk.steps import Step
    from connector.errors import Fault
    from connector.server.context import Context
    from connector.store.rows import TaskDetail

EXAMPLE_RECORD: Final = """{
  "reference": "WEB-1001",
  "email": "Ann.Lee@Example.com ",
  "paid": "yes",
  "lines": [
    {"sku": "A-1", "quantity": "2", "price": "12.50"},
    {"sku": "B-7", "quantity": "1", "price": "3.95"}
  ]
}"""
"""What is tried where nothing else is asked for."""

EXAMPLE_STEPS: Final = """- set:
    email: "{{ record.email | trim | lower }}"
    is_paid: {value: "{{ record.paid == 'yes' }}", type: boolean}
- each:
    path: $.lines[*]
    transform:
      - cast: {quantity: integer, price: decimal}
      - set: {total: {value: "{{ record.quantity * record.price }}", type: decimal}}
- remove: paid"""
"""Likewise: three steps that show what steps can do."""

OWNERS: Final = {"incoming": "of the incoming", "route": "of the route", "outgoing": "of the outgoing"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text, as it is shown beside an error.

    Attributes:
        number: From 1.
        before: What stands in front of the error.
        marked: The character that is meant, and what follows to the end of the word; empty on other lines.
        after: The rest.
        is_meant: Whether the error is on it.
    """

    number: int
    before: str
    marked: str
    after: str
    is_meant: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, and where.

    Attributes:
        file: `steps` or `record`.
        line: From 1; 0 where it is about no line.
        column: From 1.
        message: What is wrong.
        cure: What to do, else empty.
        where: The path of keys, else empty.
        lines: The line with those around it.
    """

    file: str
    line: int
    column: int
    message: str
    cure: str
    where: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One step as the page shows it.

    Attributes:
        step: The step.
        after: What it made, secrets masked.
        changes: What it did to the fields of a record: sign and name.
        told: In words, where it made other than one record.
    """

    step: Step
    after: tuple[Any, ...]
    changes: tuple[tuple[str, str], ...]
    told: str


def add_pages(router: APIRouter, context: Context) -> None:
    """Add the address of the try-out."""
    renderer = Renderer(context)
    trials = Trials()
    read = Depends(context.doors.page(Role.READ))

    async def show(
        request: Request,
        caller: Caller,
        record: str,
        steps: str,
        notes: tuple[str, ...],
        origin: str = "",
        *,
        tried: TryOut | None = None,
    ) -> Response:
        values = _tell(tried or TryOut(), record, steps, context) | {
            "is_tried": tried is not None,
            "record": record,
            "steps": steps,
            "notes": (*notes, *(tried.notes if tried else ())),
            "origin": origin,
            "is_part": is_htmx(request),
            "kinds": [(name, kind.docs.partition("\n")[0]) for name, kind in STEPS.items()],
            "route_names": list(context.service.project.routes),
        }
        return renderer.page(request, caller, "try.html", values)

    @router.get("/try")
    async def show_try_out(request: Request, caller: Caller = read) -> Response:
        query = request.query_params
        record, steps, origin = EXAMPLE_RECORD, EXAMPLE_STEPS, ""
        notes: tuple[str, ...] = ()
        if query.get("task", "").isdecimal() or query.get("route"):
            record, steps, notes, origin = await _prefill(context, query.get("task", ""), query.get("route", ""))
        return await show(request, caller, record, steps, notes, origin)

    @router.post("/try")
    async def try_out(request: Request, caller: Caller = read) -> Response:
        form = await read_form(request)
        record, steps = form.get("record", "").replace("\r\n", "\n"), form.get("steps", "").replace("\r\n", "\n")
        tried = await trials.run(steps, record, source=context.store.state, redactor=context.redactor)
        return await show(request, caller, record, steps, (), form.get("origin", "")[:200], tried=tried)


async def _prefill(context: Context, task: str, route: str) -> tuple[str, str, tuple[str, ...], str]:
    """Return record and steps of a task, or of a route with the youngest of its records; with what to know of them."""
    detail: TaskDetail | None = None
    if task.isascii() and task.isdecimal() and len(task) < 19:
        detail = await context.store.tasks.show(int(task))
        if detail is None:
            return EXAMPLE_RECORD, EXAMPLE_STEPS, (f"there is no task {task}: this is an example",), ""
        route = detail.row.route
    elif route in context.service.project.routes:
        found = await context.store.tasks.find(TaskFilter(route=route), limit=1)
        detail = await context.store.tasks.show(found[0].id) if found else None
    notes: list[str] = []
    record, is_unshaped = EXAMPLE_RECORD, True
    if detail is not None:
        record, is_masked = _write_record(detail, context)
        source = detail.row.source
        is_unshaped = is_raw(source) and not source.startswith(PUSH)
        if is_masked:
            notes.append("*** stands for secrets: fill in something else where a step needs them")
    elif route in context.service.project.routes:
        notes.append(f"there is no task of {route} yet: the record is an example, so put one of yours in its place")
    if route not in context.service.project.routes:
        notes.append(f"the configuration has no route {route}" + (" any more" if detail is not None else ""))
        return record, "[]" if detail is not None else EXAMPLE_STEPS, tuple(notes), ""
    steps = _write_steps(context, route, with_incoming=is_unshaped)
    origin = f"route {route}" if detail is None else f"task {detail.row.id} of {route}"
    if not steps:
        notes.append(f"the route {route} has no steps: what comes in is sent as it is")
    return record, steps or "[]", tuple(notes), origin


def _write_record(detail: TaskDetail, context: Context) -> tuple[str, bool]:
    """Return the record of a task as JSON, and whether something in it is masked."""
    record = decode_record(detail.record)
    shown = show_value(record, context.redactor)
    return encode_json(shown, is_indented=True).decode(), shown != record


def _write_steps(context: Context, route: str, *, with_incoming: bool) -> str:
    """Return all steps on the way of a route's records as YAML, each part under a remark of whose it is."""
    parts = []
    for stretch in find_stretches(context.service.project, route, with_incoming=with_incoming):
        if stretch.place.value:
            parts += [f"# {OWNERS.get(stretch.owner, stretch.owner)}: {stretch.place.where}"]
            parts += write_yaml(stretch.place.value)
    return context.redactor.mask_text("\n".join(parts))


def _tell(tried: TryOut, record: str, steps: str, context: Context) -> dict[str, Any]:
    texts = {"record": record.split("\n"), "steps": steps.split("\n")}
    troubles = [_locate(fault, texts) for fault in tried.faults]
    failure = tried.walked.failure
    if failure is not None:
        spot = failure.spot
        lines = _cut_out(texts["steps"], spot.line, spot.column)
        troubles.append(
            Trouble("steps", spot.line, spot.column, failure.reason, failure.cure or "", failure.where, lines)
        )
    meant = {name: {trouble.line for trouble in troubles if trouble.file == name} for name in texts}
    return {
        "troubles": troubles,
        "is_faulty": bool(tried.faults),
        "gutters": {
            name: [(number, number in meant[name]) for number in range(1, len(lines) + 1)][:5_000]
            for name, lines in texts.items()
        },
        "results": [_show_step(step, context) for step in tried.walked.steps],
        "records": [show_value(record, context.redactor) for record in tried.records],
        "is_left_out": not tried.faults and failure is None and not tried.records,
        "puts": [
            (put.store, put.key, encode_json(show_value(decode_value(put.value), context.redactor)).decode())
            for one in tried.walked.shaped
            for put in one.puts
        ],
    }


def _locate(fault: Fault, texts: dict[str, list[str]]) -> Trouble:
    lines = _cut_out(texts.get(fault.file, []), fault.line, fault.column)
    return Trouble(fault.file, fault.line, fault.column, fault.message, fault.hint or "", fault.where, lines)


def _cut_out(lines: list[str], line: int, column: int) -> tuple[Line, ...]:
    """Return a line with one above and one below, the place in it marked up to the end of the word."""
    if not 0 < line <= len(lines):
        return ()
    cut = []
    for number in range(max(1, line - 1), min(len(lines), line + 1) + 1):
        text = lines[number - 1][:400]
        if number != line:
            cut.append(Line(number, text, "", "", is_meant=False))
            continue
        begin = min(max(column - 1, 0), len(text))
        end = _find_end(text, begin)
        cut.append(Line(number, text[:begin], text[begin:end] or " ", text[end:], is_meant=True))
    return tuple(cut)


def _find_end(text: str, begin: int) -> int:
    """Return where a word or a quoted text ends that begins at a position; what is neither is one character."""
    quote = text[begin : begin + 1]
    if quote in {'"', "'"}:
        end = text.find(quote, begin + 1) + 1
        return end or len(text)
    end = begin
    while end < len(text) and (text[end].isalnum() or text[end] in "_.-"):
        end += 1
    return max(end, min(begin + 1, len(text)))


def _show_step(step: Step, context: Context) -> Result:
    after = tuple(show_value(record, context.redactor) for record in step.after)
    changes: tuple[tuple[str, str], ...] = ()
    told = ""
    if step.state == "done":
        if not step.after:
            told = "left out"
        elif len(step.after) > 1 or len(step.before) > 1:
            told = f"{len(step.before)} in, {len(step.after)} out"
        else:
            changes = _compare(step.before[0], step.after[0])
            told = "" if changes else "no change"
    return Result(step, after, changes, told)


def _compare(before: Any, after: Any) -> tuple[tuple[str, str], ...]:
    """Return which fields came (`+`), went (`-`) or changed (`~`), by their names."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ()
    came = [("+", name) for name in after if name not in before]
    changed = [
        ("~", name)
        for name, value in after.items()
        if name in before and (before[name] != value or type(before[name]) is not type(value))
    ]
    went = [("-", name) for name in before if name not in after]
    return (*came, *changed, *went)
