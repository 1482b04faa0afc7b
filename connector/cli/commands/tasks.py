"""`connector tasks`: what became of every record, and what a person does about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from connector.cli.change import TypedChange
from connector.cli.exits import OK, ArgumentError
from connector.cli.filters import Duration, Number, Selection, selecting
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import count
from connector.cli.stored import run_on_store, tell_who
from connector.desk.change import RESOLVE, RETRY, SKIP, tell_skipped
from connector.errors import ConnectorError, UnknownNameError
from connector.store.rows import TERMINAL, Resolution, TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.cli.interrupt import Stop
    from connector.store.rows import TaskRow
    from connector.store.store import Store

EPILOG = """\b
Examples:
  connector tasks list --status failed
  connector tasks show 12
  connector tasks retry --route place-orders --status failed
  connector tasks resolve 12 --as done --reason "it is order 815 in the shop"
"""

_LINES_AT_ONCE: Final = 200

limit_option = click.option("--limit", type=Number(), metavar="N", help="At most so many, oldest first.")
dry_option = click.option("--dry-run", is_flag=True, help="Count what it would concern, and change nothing.")
repeat_option = click.option(
    "--repeat-done", is_flag=True, help="With ids: do again also what was carried out before they failed."
)
all_option = click.option("--all", "is_all", is_flag=True, help="Mean every task it can concern, of every route.")


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See what became of every record, and settle what is open.

    A task is one record on its way through one route. It is kept from the moment it was taken in; `list` finds it,
    `show` tells its whole story, and what else is to be done with it has a command here. A worker at work sees the
    change within a second.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  connector tasks list
  connector tasks list --status failed --status unknown --newer 2h
  connector tasks list --key WEB-1001 --output json
""",
)
@selecting
@click.option("--limit", type=Number(), default=50, show_default=True, help="At most so many.")
@click.option("--before", type=Number(), metavar="ID", help="Only older ones than this: the next page.")
@shared_options
@click.pass_obj
def list_tasks(invocation: Invocation, selection: Selection, limit: int, before: int | None) -> int:
    """List tasks, the newest first."""

    async def work(store: Store, _stop: Stop) -> int:
        rows = await store.tasks.find(selection.to_filter(), limit=limit + 1, before_id=before)
        is_more = len(rows) > limit
        total = await store.tasks.count(selection.to_filter())
        _show_list(invocation, selection, rows[:limit], total, is_more=is_more)
        route = selection.route
        if not total and route is not None and not await store.tasks.find(TaskFilter(route=route), limit=1):
            await _tell_if_unknown(invocation, store, route)
        return OK

    return run_on_store(invocation, "read", work)


def _show_list(
    invocation: Invocation, selection: Selection, rows: Sequence[TaskRow], total: int, *, is_more: bool
) -> None:
    from connector.desk.task import describe_row

    screen = invocation.screen
    last = rows[-1].id if is_more else None
    if invocation.is_json:
        screen.show_json({"tasks": [describe_row(row) for row in rows], "count": total, "next_before": last})
        return
    if rows:
        screen.show_columns(  # drawing a table takes half as long again as finding the tasks
            ("id", "route", "key", "status", "attempts", "updated", "reason"), [_to_cells(row) for row in rows]
        )
    told = f"{len(rows):,} of {count(total, 'task')}" if len(rows) < total else count(total, "task")
    if last is not None:
        told += f"; older ones: connector tasks list{selection.to_arguments()} --before {last}"
    screen.tell(told)


async def _tell_if_unknown(invocation: Invocation, store: Store, route: str) -> None:
    """Say so where nobody knows a route of that name: most likely it is misspelt."""
    from connector.desk.route import check_names

    try:
        project = invocation.load_project()
    except ConnectorError:  # tasks are listed without it, too
        project = None
    try:
        await check_names(store, project, [route])
    except UnknownNameError as error:
        invocation.screen.tell(str(error))


def _to_cells(row: TaskRow) -> tuple[str, ...]:
    from connector.desk.moment import show_local

    reason = f"{row.step}: {row.reason}" if row.step and row.reason else row.reason
    return (
        str(row.id),
        row.route,
        row.key or "",
        row.status.value,
        str(row.attempts),
        show_local(row.updated_at_ms),
        " ".join(reason.split()),
    )


@command.command(
    "show",
    epilog="""\b
Examples:
  connector tasks show 12
  connector tasks show 12 --output json
""",
)
@click.argument("task", type=Number(), metavar="ID")
@shared_options
@click.pass_obj
def show_task(invocation: Invocation, task: int) -> int:
    """Tell the whole story of one task.

    Where it stands and what to do about it, its record, what the steps of the present configuration make of that, and
    each attempt with every request and answer, masked.
    """
    from connector.cli.reshape import reshape_on_disk
    from connector.cli.timeline import tell_task
    from connector.desk.task import describe_task

    async def work(store: Store, _stop: Stop) -> int:
        detail = await store.tasks.show(task)
        if detail is None:
            raise ArgumentError(f"there is no task {task}", cure="connector tasks list names those there are")
        reshaped = await reshape_on_disk(invocation, store, detail)
        if invocation.is_json:
            invocation.screen.show_json(describe_task(detail, reshaped))
        else:
            for line in tell_task(detail, reshaped, now_ms=store.now_ms()):
                invocation.screen.show(invocation.screen.mask(line))
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "retry",
    epilog="""\b
Examples:
  connector tasks retry 12 15
  connector tasks retry --route place-orders --status failed --dry-run
""",
)
@selecting
@limit_option
@dry_option
@repeat_option
@all_option
@shared_options
@click.pass_obj
def retry_tasks(
    invocation: Invocation, selection: Selection, limit: int | None, dry_run: bool, repeat_done: bool, is_all: bool
) -> int:
    """Have tasks tried again, now.

    Those that failed, those that wait for their next try, and, where they are named or --status says so, those that
    were left out. Their tries are counted anew. An unknown outcome is never sent again this way: see `connector tasks
    resolve`. Neither is one that failed after a part of it was carried out, unless its id and --repeat-done say so.
    """
    _check_repeat(selection, is_wanted=repeat_done)
    return TypedChange(RETRY, "tasks.retry").carry_out(
        invocation,
        selection,
        lambda store, meant: store.tasks.retry(meant, may_repeat=repeat_done, limit=limit, is_dry=dry_run),
        is_all=is_all,
        is_dry=dry_run,
        may_repeat=repeat_done,
    )


def _check_repeat(selection: Selection, *, is_wanted: bool) -> None:
    """Refuse to do again what was done where no single tasks are named.

    Raises:
        ArgumentError: It is wanted, and there are no ids.
    """
    if is_wanted and not selection.ids:
        raise ArgumentError(
            "--repeat-done goes with ids: what was carried out is done a second time", cure="name the tasks one by one"
        )


@command.command(
    "skip",
    epilog="""\b
Examples:
  connector tasks skip 12 --reason "cancelled by the customer"
  connector tasks skip --route place-orders --status failed --older 30d --reason "too late" --dry-run
""",
)
@selecting
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the task.")
@limit_option
@dry_option
@all_option
@shared_options
@click.pass_obj
def skip_tasks(
    invocation: Invocation, selection: Selection, reason: str, limit: int | None, dry_run: bool, is_all: bool
) -> int:
    """Leave tasks out: they will not be sent.

    Those that failed, and those that have not been sent yet.
    """
    kept = tell_skipped(tell_who(), reason)
    return TypedChange(SKIP, "tasks.skip", detail={"reason": reason}).carry_out(
        invocation,
        selection,
        lambda store, meant: store.tasks.skip(meant, kept, limit=limit, is_dry=dry_run),
        is_all=is_all,
        is_dry=dry_run,
    )


@command.command(
    "resolve",
    epilog="""\b
Examples:
  connector tasks resolve 12 --look
  connector tasks resolve 12 --as done --reason "it is order 815 in the shop"
  connector tasks resolve --route place-orders --older 1h --as retry
""",
)
@selecting
@click.option(
    "--as",
    "outcome",
    type=click.Choice([resolution.value for resolution in Resolution]),
    help="What you found: done, it is there; retry, it is not, send it again; failed, it is not, and need not be.",
)
@click.option("--look", is_flag=True, help="Ask the remote system itself, where it can be asked.")
@click.option("--reason", default="", metavar="TEXT", help="What you saw; it is kept with the task.")
@limit_option
@dry_option
@repeat_option
@all_option
@shared_options
@click.pass_obj
def resolve_tasks(
    invocation: Invocation,
    selection: Selection,
    outcome: str | None,
    look: bool,
    reason: str,
    limit: int | None,
    dry_run: bool,
    repeat_done: bool,
    is_all: bool,
) -> int:
    """Say what became of tasks whose outcome is unknown.

    Look on the other side first: a task that is said to be `retry` is sent again. Those behind it with the same key go
    on afterwards. With --look the remote system is asked; what it has settles the task, and what it does not have
    proves nothing, so that the task stays unknown. The exit code is then 4.
    """
    if (outcome is None) == (not look):
        raise ArgumentError(
            "say either what became of it or that it is to be looked for",
            cure="add --as done, --as retry, --as failed or --look",
        )
    told = "looked for" if outcome is None else f"resolved as {outcome}"
    change = TypedChange(RESOLVE, "tasks.resolve", told=told, detail={"as": outcome or "look", "reason": reason})
    if outcome is None:
        from connector.cli.look import look_for

        return look_for(invocation, selection, change, limit=limit, is_all=is_all, is_dry=dry_run)
    _check_repeat(selection, is_wanted=repeat_done)
    resolution, who = Resolution(outcome), tell_who()
    may_repeat = repeat_done or resolution is not Resolution.RETRY
    return change.carry_out(
        invocation,
        selection,
        lambda store, meant: store.tasks.resolve(
            meant, resolution, by=who, reason=reason, may_repeat=may_repeat, limit=limit, is_dry=dry_run
        ),
        is_all=is_all,
        is_dry=dry_run,
        may_repeat=may_repeat,
    )


@command.command(
    "export",
    epilog="""\b
Examples:
  connector tasks export --status failed > failed.jsonl
  connector tasks export --route place-orders --newer 1d | jq -c .record
""",
)
@selecting
@limit_option
@shared_options
@click.pass_obj
def export_tasks(invocation: Invocation, selection: Selection, limit: int | None) -> int:
    """Print tasks as JSON lines, the oldest first.

    Each line has what `list` shows of a task, its record, and the last answer (`value`). Records are as they are, not
    masked: they may hold personal data. Nothing is held in memory, so there may be any number of them.
    """
    from connector.desk.json_text import encode_json
    from connector.desk.task import describe_kept

    async def work(store: Store, stop: Stop) -> int:
        lines: list[bytes] = []
        exported = 0
        async for detail in store.tasks.export(selection.to_filter(), limit=limit):
            lines.append(encode_json(describe_kept(detail)) + b"\n")
            exported += 1
            if len(lines) == _LINES_AT_ONCE:
                invocation.screen.show_bytes(b"".join(lines))
                lines.clear()
            if stop.is_asked:
                break
        invocation.screen.show_bytes(b"".join(lines))
        invocation.screen.tell(f"{count(exported, 'task')} exported")
        return OK

    return run_on_store(invocation, "read", work)


@command.command(
    "prune",
    epilog="""\b
Examples:
  connector tasks prune --dry-run
  connector tasks prune --route place-orders --status finished --older 7d
""",
)
@click.option("--route", metavar="NAME", help="Only tasks of this route.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice([status.value for status in TaskStatus if status in TERMINAL]),
    help="Only tasks that ended so; may be given several times.",
)
@click.option(
    "--older", type=Duration(), metavar="TIME", help="Those that ended longer ago; left out: as `retention` says."
)
@dry_option
@shared_options
@click.pass_obj
def prune_tasks(
    invocation: Invocation, route: str | None, status: tuple[str, ...], older: int | None, dry_run: bool
) -> int:
    """Delete tasks that ended long ago, with their attempts and exchanges.

    How long ago is what each route's `retention` says, or --older. Tasks that are open, unknown ones among them, are
    never deleted. Of a deleted task the key is forgotten too: a record that comes again is then a new one. A worker
    does this by itself.
    """
    statuses = tuple(map(TaskStatus, dict.fromkeys(status))) or tuple(one for one in TaskStatus if one in TERMINAL)
    ages: dict[str | None, dict[TaskStatus, int]]
    if older is not None:
        ages = {route: dict.fromkeys(statuses, older)}
    else:
        ages = {
            name: {one: age_ms for one, age_ms in kept.items() if one in statuses}
            for name, kept in _read_retention(invocation).items()
            if route in {None, name}
        }

    async def work(store: Store, _stop: Stop) -> int:
        pruned = await store.tasks.prune(ages, is_dry=dry_run)
        _show_pruned(invocation, pruned, is_dry=dry_run)
        return OK

    return run_on_store(invocation, "admin", work)


def _read_retention(invocation: Invocation) -> dict[str, dict[TaskStatus, int]]:
    """Return for how long each route of the configuration keeps what, ms; what it keeps for good has no entry."""
    from connector.app.runtime import read_retention

    return {
        name: {
            status: age // timedelta(milliseconds=1)
            for status, age in read_retention(plan.options.retention).items()
            if age is not None
        }
        for name, plan in invocation.load_project().routes.items()
    }


def _show_pruned(invocation: Invocation, pruned: Mapping[str, Mapping[TaskStatus, int]], *, is_dry: bool) -> None:
    screen = invocation.screen
    total = sum(number for statuses in pruned.values() for number in statuses.values())
    if invocation.is_json:
        counts = {name: {one.value: number for one, number in kept.items()} for name, kept in pruned.items()}
        screen.show_json({"deleted": total, "dry_run": is_dry, "routes": counts})
        return
    rows = [
        (name, status.value, f"{number:,}") for name, statuses in pruned.items() for status, number in statuses.items()
    ]
    if rows:
        screen.show_table(("route", "status", "tasks"), rows)
    tasks = count(total, "task")
    screen.tell(f"dry run: {tasks} would be deleted, nothing was" if is_dry else f"{tasks} deleted")
