"""The list of tasks, and what is done to many of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response  # noqa: TC002 - likewise

from connector.desk import change
from connector.frozen import dataclass
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer, read_form
from connector.server.pages.selection import TaskSelection, is_id, read_selection
from connector.store.rows import Resolution, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import ImmutableMultiDict

    from connector.desk.change import Change, Changed
    from connector.server.context import Context
    from connector.store.rows import TaskRow

AT_ONCE: Final = 50
"""Tasks on a page."""

_SAMPLE: Final = 8

AGES: Final = (("", "any time"), ("15m", "15 minutes"), ("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"))


@dataclass(frozen=True, slots=True)
class Deed:
    """What can be done to many tasks at once.

    Attributes:
        name: As it stands in the address.
        title: What its page is called.
        verb: The text of its button.
        change: Which tasks allow it.
        meaning: What it does, in a sentence.
    """

    name: str
    title: str
    verb: str
    change: Change
    meaning: str


DEEDS: Final[Mapping[str, Deed]] = {
    deed.name: deed
    for deed in (
        Deed(
            "retry",
            "Try tasks again",
            "Try again",
            change.RETRY,
            "They are sent again as soon as a worker is free, and their tries are counted anew.",
        ),
        Deed(
            "skip",
            "Leave tasks out",
            "Leave out",
            change.SKIP,
            "They are not sent. They stay in the list as skipped, with your reason, and can be tried again later.",
        ),
        Deed(
            "resolve",
            "Settle unknown outcomes",
            "Settle",
            change.RESOLVE,
            "They were sent, and nobody has seen what came of it. Look on the other side before you say what did.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class TaskList:
    """A page of the list.

    Attributes:
        rows: The tasks on it, newest first.
        older: Id before which the next page begins; None where this is the last.
        total: How many there are in all, or None where that would take counting them one by one.
        is_partial: Whether a search has not looked through everything.
        scanned_to: The lowest id that a search has looked at, or None.
    """

    rows: tuple[TaskRow, ...]
    older: int | None
    total: int | None
    is_partial: bool = False
    scanned_to: int | None = None


_SETTLED: Final = {
    Resolution.DONE: ("settled as done", "settled as done"),
    Resolution.RETRY: ("is sent again", "are sent again"),
    Resolution.FAILED: ("left as it is", "left as they are"),
}
"""What came of one task, and of several, by what a person said."""


def add_pages(router: APIRouter, context: Context) -> None:
    """Give the list of tasks its addresses."""
    renderer = Renderer(context)
    read, operate = Depends(context.doors.page(Role.READ)), Depends(context.doors.page(Role.OPERATE))

    @router.get("/tasks")
    async def show_tasks(request: Request, caller: Caller = read) -> Response:
        selection = read_selection(request.query_params)
        before = request.query_params.get("before", "")
        counts = await context.store.tasks.counts_cached()
        found = await _find(context, selection, counts, int(before) if is_id(before) else None)
        return renderer.page(
            request,
            caller,
            "tasks.html",
            {
                "selection": selection,
                "found": found,
                "before": before,
                "by_status": _add_up(counts, selection.route),
                "routes": sorted({*context.service.project.routes, *counts}),
                "ages": AGES,
                "statuses": tuple(TaskStatus),
                "is_paged": before != "",
            },
        )

    @router.get("/tasks/change")
    async def ask(request: Request, caller: Caller = operate) -> Response:
        query = request.query_params
        selection = read_selection(query)
        if query.get("scope") == "selected" and not selection.ids:
            return renderer.done(f"/tasks?{_filter_query(query)}", "no task was selected", is_bad=True)
        if query.get("scope") == "all":
            selection = read_selection(_without_ids(query))
        deed = DEEDS.get(query.get("do", ""))
        if deed is None:
            return renderer.done("/tasks", "there is nothing of that name to be done to tasks", is_bad=True)
        wanted = query.get("as", "")
        changed = await _carry_out(context, deed, selection, query, by=caller.name, is_dry=True)
        meant = change.narrow(deed.change, selection.to_filter())
        sample = await context.store.tasks.find(meant, limit=_SAMPLE) if meant.statuses and changed.number else []
        return renderer.page(
            request,
            caller,
            "change.html",
            {
                "deed": deed,
                "selection": selection,
                "changed": changed,
                "sample": sample,
                "has_half_done": any(one.cure == change.HALF_DONE_CURE for one in changed.refusals),
                "wanted": wanted if wanted in set(Resolution) else "",
                "back": _find_back(query),
            },
        )

    @router.post("/tasks/change")
    async def carry_out(request: Request, caller: Caller = operate) -> Response:
        form = await read_form(request)
        deed = DEEDS.get(form.get("do", ""))
        back = _find_back(form)
        if deed is None:
            return renderer.done(back, "there is nothing of that name to be done to tasks", is_bad=True)
        if deed.name == "skip" and not form.get("reason", "").strip():
            return renderer.done(_to_ask(form), "say why they are left out: it is kept with each of them", is_bad=True)
        if deed.name == "resolve" and form.get("as") not in set(Resolution):
            return renderer.done(_to_ask(form), "choose what became of them", is_bad=True)
        selection = read_selection(form)
        if selection.faults:
            return renderer.done(back, "; ".join(selection.faults), is_bad=True)
        changed = await _carry_out(context, deed, selection, form, by=caller.name, is_dry=False)
        await context.doors.note(
            caller,
            f"tasks.{deed.name}",
            _name_subject(selection),
            {"number": changed.number, **dict(selection.to_fields()), **_tell_how(deed, form)},
        )
        for route in dict.fromkeys([selection.route] if selection.route else context.service.project.routes):
            context.service.wake(route)
        return renderer.done(back, tell_changed(deed, changed, form.get("as", "") if deed.name == "resolve" else ""))


async def _find(
    context: Context, selection: TaskSelection, counts: Mapping[str, Mapping[TaskStatus, int]], before: int | None
) -> TaskList:
    """Return a page of the list; a search goes no further than its bound."""
    sought = selection.to_filter()
    if selection.text or selection.newer or selection.older:
        searched = await context.store.tasks.search(sought, limit=AT_ONCE, before_id=before)
        is_full = len(searched.rows) == AT_ONCE
        older = searched.rows[-1].id if is_full else None
        return TaskList(searched.rows, older, None, not searched.is_complete and not is_full, searched.scanned_to)
    rows = await context.store.tasks.find(sought, limit=AT_ONCE + 1, before_id=before)
    total = None
    if selection.is_free:
        by_status = _add_up(counts, selection.route)
        total = sum(by_status[status] for status in selection.statuses or TaskStatus)
    elif selection.ids or not selection.key.endswith("*"):
        total = await context.store.tasks.count(sought)
    shown = tuple(rows[:AT_ONCE])
    return TaskList(shown, shown[-1].id if len(rows) > AT_ONCE else None, total)


def _add_up(counts: Mapping[str, Mapping[TaskStatus, int]], route: str) -> dict[TaskStatus, int]:
    chosen = [counts.get(route, {})] if route else list(counts.values())
    return {status: sum(one.get(status, 0) for one in chosen) for status in TaskStatus}


async def _carry_out(
    context: Context,
    deed: Deed,
    selection: TaskSelection,
    fields: ImmutableMultiDict[str, str],
    *,
    by: str,
    is_dry: bool,
) -> Changed:
    """Do it, or count what it would be done to."""
    store, sought = context.store, selection.to_filter()
    may_repeat = fields.get("may_repeat") == "yes" and bool(selection.ids)
    reason = fields.get("reason", "").strip()
    if deed.name == "retry":
        return await change.retry(store, sought, may_repeat=may_repeat, is_dry=is_dry)
    if deed.name == "skip":
        return await change.skip(store, sought, by=by, reason=reason, is_dry=is_dry)
    wanted = fields.get("as", "")
    outcome = Resolution(wanted) if wanted in set(Resolution) else Resolution.DONE
    return await change.resolve(store, sought, outcome, by=by, reason=reason, may_repeat=may_repeat, is_dry=is_dry)


def tell_changed(deed: Deed, changed: Changed, wanted: str = "") -> str:
    """Return what came of it, in a sentence."""
    told = deed.change.told
    if wanted:
        told = _SETTLED[Resolution(wanted)][changed.number != 1]
    parts = [f"{changed.number:,} {'task' if changed.number == 1 else 'tasks'} {told}"]
    left = changed.unknown + changed.half_done + len(changed.refusals)
    if left:
        parts.append(f"{left:,} left alone")
    return "; ".join(parts)


def _tell_how(deed: Deed, fields: ImmutableMultiDict[str, str]) -> dict[str, str]:
    names = {"retry": ("may_repeat",), "skip": ("reason",), "resolve": ("as", "reason", "may_repeat")}[deed.name]
    return {name: fields[name] for name in names if fields.get(name)}


def _name_subject(selection: TaskSelection) -> str:
    return str(selection.ids[0]) if len(selection.ids) == 1 else selection.to_words()


def _find_back(fields: ImmutableMultiDict[str, str]) -> str:
    """Return the page from which it was asked for: one of our own, else the list."""
    back = fields.get("back", "")
    is_own = back == "/tasks" or back.startswith(("/tasks?", "/tasks/", "/unknown"))
    return back if is_own and "\\" not in back and "\n" not in back and "\r" not in back else "/tasks"


def _to_ask(fields: ImmutableMultiDict[str, str]) -> str:
    """Return the address of the page that asks, with what was filled in but the reason."""
    kept = [(name, value) for name, value in fields.multi_items() if name not in {"csrf", "reason"}]
    return f"/tasks/change?{urlencode(kept)}"


def _without_ids(fields: ImmutableMultiDict[str, str]) -> ImmutableMultiDict[str, str]:
    return type(fields)([(name, value) for name, value in fields.multi_items() if name != "id"])


def _filter_query(fields: ImmutableMultiDict[str, str]) -> str:
    return read_selection(_without_ids(fields)).to_query()
