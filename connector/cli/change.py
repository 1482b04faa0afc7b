"""What a person at the terminal wants done with tasks: carried out, or refused as a whole, and told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connector.cli.audit import note_change
from connector.cli.exits import OK, ArgumentError
from connector.cli.screen import count
from connector.cli.stored import run_on_store
from connector.desk.change import find_half_done, find_refusals, narrow
from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from connector.cli.filters import Selection
    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.desk.change import Change
    from connector.store.rows import TaskFilter
    from connector.store.store import Store

_MOST_TOLD: Final = 10
_UNKNOWN_CURE: Final = "say what became of it, or have it looked for: connector tasks resolve"
_HALF_DONE_CURE: Final = "look what the other side has; skip it, or say --repeat-done with its id to do all of it again"


class TypedChange:
    """A change that was typed: which tasks it concerns, and how it is told."""

    def __init__(
        self, change: Change, action: str, *, told: str | None = None, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Prepare.

        Args:
            change: What is wanted.
            action: What is written down to have been done, such as `tasks.retry`.
            told: How it is told afterwards, where that is not as the change has it.
            detail: What else is written down.
        """
        self._change = change
        self._action = action
        self._detail = detail or {}
        self._told = told or change.told

    def carry_out(
        self,
        invocation: Invocation,
        selection: Selection,
        change: Callable[[Store, TaskFilter], Awaitable[int]],
        *,
        is_all: bool,
        is_dry: bool,
        may_repeat: bool = True,
    ) -> int:
        """Make the change, say to how many tasks, and return the exit code.

        Args:
            invocation: Of the command.
            selection: Which tasks are meant.
            change: Changes those of the filter, and returns how many it were.
            is_all: Whether a selection that leaves nothing out is meant so.
            is_dry: Whether nothing is changed.
            may_repeat: Whether it can be done to tasks for which something was carried out that would be done twice.

        Raises:
            ArgumentError: Every task would be meant, or one is that it cannot be done to; nothing was changed.
        """
        meant = self.choose(selection, is_all=is_all)

        async def work(store: Store, _stop: Stop) -> int:
            await self.check_ids(store, selection)
            half_done = 0 if may_repeat else await self._count_half_done(store, selection, meant)
            number = await change(store, meant)
            if not is_dry:
                await self.note(store, selection, number)
            left = await self._count_unknown(store, selection)
            self._tell(invocation, number, left, half_done, is_dry=is_dry)
            return OK

        return run_on_store(invocation, "admin", work)

    async def note(self, store: Store, selection: Selection, number: int) -> None:
        """Write down that it was done, to how many tasks and of which."""
        subject = str(selection.ids[0]) if len(selection.ids) == 1 else selection.route or ""
        meant = selection.to_arguments().strip() or "all"
        await note_change(store, self._action, subject, {"number": number, "meant": meant, **self._detail})

    def choose(self, selection: Selection, *, is_all: bool) -> TaskFilter:
        """Return the filter for those tasks that are meant and allow it.

        Raises:
            ArgumentError: As `carry_out`.
        """
        if selection.is_empty and not is_all:
            raise ArgumentError(
                "that would concern tasks of every route",
                cure="name tasks by their ids or with filters such as --route and --status, or say --all",
            )
        change = self._change
        for status in selection.statuses:
            if status not in change.allowed:
                reason = change.obstacles[status]
                raise ArgumentError(
                    f"{status.value} tasks cannot be {change.done}: {reason}", cure=_find_cure([status])
                )
        return narrow(change, selection.to_filter())

    async def check_ids(self, store: Store, selection: Selection) -> None:
        """Refuse ids that nothing has, or whose tasks stand so that it cannot be done to them.

        Raises:
            ArgumentError: There are such; the message has them all, up to a bound.
        """
        refusals = await find_refusals(store, self._change, selection.ids)
        problems = [
            refusal.reason
            if refusal.status is None
            else f"task {refusal.task} is {refusal.status.value} and cannot be {self._change.done}: {refusal.reason}"
            for refusal in refusals
        ]
        if problems:
            named = (refusal.status for refusal in refusals)
            raise ArgumentError(join_problems(problems), cure=_find_cure(named))

    async def _count_half_done(self, store: Store, selection: Selection, meant: TaskFilter) -> int:
        """Return how many of those meant are left alone because something of them would be done twice.

        Raises:
            ArgumentError: There are such, and they were named by their ids.
        """
        if not selection.ids:
            return await store.tasks.count(replace(meant, is_half_done=True))
        problems = [f"task {one.task}: {one.reason}" for one in await find_half_done(store, meant)]
        if problems:
            raise ArgumentError(join_problems(problems), cure=_HALF_DONE_CURE)
        return 0

    async def _count_unknown(self, store: Store, selection: Selection) -> int:
        """Return how many of those meant are left alone because nobody knows what became of them."""
        if TaskStatus.UNKNOWN in self._change.allowed or selection.ids or selection.statuses:
            return 0
        return await store.tasks.count(selection.to_filter((TaskStatus.UNKNOWN,)))

    def _tell(self, invocation: Invocation, number: int, left: int, half_done: int, *, is_dry: bool) -> None:
        screen = invocation.screen
        if invocation.is_json:
            value: dict[str, Any] = {"changed": number, "dry_run": is_dry}
            value |= {"unknown_left_alone": left} if left else {}
            screen.show_json(value | ({"half_done_left_alone": half_done} if half_done else {}))
            return
        tasks = count(number, "task")
        screen.show(
            f"dry run: {tasks} would be {self._change.done}, nothing was" if is_dry else f"{tasks} {self._told}"
        )
        if left:
            screen.tell(f"{count(left, 'unknown task')} left alone: {_UNKNOWN_CURE}")
        if half_done:
            screen.tell(f"{count(half_done, 'half-done task')} left alone: {_HALF_DONE_CURE}")


def join_problems(problems: list[str]) -> str:
    """Return several sentences as one message, one a line; of very many the first ones, and how many more there are."""
    told = problems[:_MOST_TOLD]
    if len(problems) > len(told):
        told.append(f"and {len(problems) - len(told):,} more")
    return "\n".join(told)


def _find_cure(statuses: Iterable[TaskStatus | None]) -> str | None:
    return _UNKNOWN_CURE if TaskStatus.UNKNOWN in statuses else None
