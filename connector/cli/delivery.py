"""Records taken through a route, with what a person sees of it: `connector run ROUTE` and `connector push ROUTE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.app.names import find_named
from connector.app.runtime import open_project
from connector.cli.exits import FAILED, UNKNOWN, exit_for_summary
from connector.cli.interrupt import run_stoppable
from connector.cli.lines import BadLine, RecordLines, read_chunks
from connector.cli.report import RunReport, describe_result
from connector.cli.screen import count
from connector.desk.json_text import encode_json
from connector.errors import ConnectorError
from connector.route.result import Result, Status, Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.app.project import Project
    from connector.cli.durable import DurableRun
    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.cli.progress import Progress
    from connector.cli.report import Place, Remains
    from connector.subscriber.subscriber import Incoming


def deliver(
    invocation: Invocation,
    project: Project,
    route: str,
    *,
    descriptor: int | None = None,
    limit: int | None = None,
    wait_s: float,
    is_kept: bool = True,
    is_dry: bool = False,
    prints_results: bool = False,
) -> int:
    """Take records through a route, tell what fails, show the counts, and return the exit code.

    Args:
        invocation: Of the command.
        project: Where the route is.
        route: Its name.
        descriptor: A file of JSON lines to take records from; None for the route's own incoming.
        limit: Stop after so many records.
        wait_s: Wait so many seconds for tries that are due later.
        is_kept: Keep each record as a task before it is sent; what is not waited for is left for later then.
        is_dry: Send nothing outward, print what would be sent. Nothing is kept then.
        prints_results: Print what became of each record as a JSON line.

    Raises:
        ConnectorError: The incoming failed; what was sent before has been told.
    """
    prints_lines = is_dry or prints_results

    async def work(stop: Stop) -> int:
        with invocation.screen.progress(route, total=limit, prints_data=prints_lines) as progress:
            delivery = _Delivery(
                invocation,
                route,
                progress,
                descriptor=descriptor,
                is_dry=is_dry,
                sends_json=_sends_json(project, route),
                prints_results=prints_results,
            )
            try:
                if is_kept and not is_dry:
                    await delivery.run_kept(project, stop, limit, wait_s)
                else:
                    await delivery.run_unkept(project, stop, limit, wait_s)
            except ConnectorError as error:
                if delivery.show_end() != UNKNOWN:
                    raise
                invocation.screen.tell_error(error)  # told here, since the unknown outcome decides the exit code
                return UNKNOWN
            except BaseException:
                delivery.show_end()  # nothing that was sent goes untold
                raise
        return delivery.show_end()

    return run_stoppable(work, invocation.screen, in_hand="the records in hand")


def _sends_json(project: Project, route: str) -> bool:
    """Whether the payloads of a route travel as JSON; a preview then shows numbers where numbers are sent."""
    plan = find_named("route", route, project.routes)
    return project.clients[plan.outgoing.call.target.client].options.sends_json


class _Delivery:
    """One run, as the person at the terminal follows it."""

    def __init__(
        self,
        invocation: Invocation,
        route: str,
        progress: Progress | None,
        *,
        descriptor: int | None,
        is_dry: bool,
        sends_json: bool,
        prints_results: bool,
    ) -> None:
        self._invocation = invocation
        self._screen = invocation.screen
        self._route = route
        self._is_dry = is_dry
        self._sends_json = sends_json
        self._prints_results = prints_results
        self._lines = lines = None if descriptor is None else RecordLines(read_chunks(descriptor), self._take_bad_line)
        self._bad_lines = 0
        self._summary: Summary | None = None
        self._durable: DurableRun | None = None
        self._report = RunReport(
            route,
            invocation.screen,
            progress=progress,
            is_dry=is_dry,
            find_line=None if lines is None else lines.find_line,
            on_result=self._print_result,
            on_duplicate=self._print_duplicate,
        )

    async def run_unkept(self, project: Project, stop: Stop, limit: int | None, wait_s: float) -> None:
        """Carry the run out, and keep nothing.

        Raises:
            ConnectorError: The incoming failed.
        """
        take, is_dry = self._report.take, self._is_dry
        async with open_project(project, redactor=self._invocation.redactor) as runtime:
            runner = runtime.route(self._route)
            stop.on_ask(runner.stop)
            if self._lines is None:
                stored = await self._find_start(runner.incoming)
                self._summary = await runner.run(
                    on_result=take, limit=limit, is_dry=is_dry, wait_s=wait_s, stored=stored
                )
            else:
                batches = self._lines.batches()
                self._summary = await runner.push(batches, on_result=take, limit=limit, is_dry=is_dry, wait_s=wait_s)

    async def _find_start(self, incoming: Incoming | None) -> Any:
        """Return where a run that keeps nothing begins: where the next one would, if nothing is sent, else anew."""
        if incoming is None or not incoming.has_state:
            return None
        if self._is_dry:
            from connector.cli.stored import find_cursor

            return await find_cursor(self._invocation, incoming.name)
        self._screen.tell(f"{incoming.name}: read from its start, since no cursor is known without the database")
        return None

    async def run_kept(self, project: Project, stop: Stop, limit: int | None, wait_s: float) -> None:
        """Carry the run out by way of the store.

        Raises:
            ConnectorError: The incoming failed, the store cannot be used, or the route is paused.
        """
        from connector.cli.durable import DurableRun, Errand

        lines = None if self._lines is None else self._lines.batches()
        errand = Errand(self._route, "run" if lines is None else "push", lines, limit, wait_s)
        self._durable = DurableRun(self._invocation, project, errand, self._report)
        await self._durable.run(stop.event)

    def show_end(self) -> int:
        """Show the counts, and return the exit code."""
        durable = self._durable
        if durable is not None:
            if not durable.has_begun:
                return FAILED
            self._summary = Summary(durable.taken, stopped=durable.stopped)
        counts = self._report.close(self._summary)
        if self._summary is not None:
            counts.taken += self._bad_lines
        if counts.stopped is not None and durable is None:
            self._screen.tell_error(counts.stopped)
            self._screen.tell("the run was ended: every further record would be refused as well")
        if self._prints_results or self._is_dry:  # standard output belongs to the lines
            for line in self._report.to_lines():
                self._screen.tell(line)
        elif self._invocation.is_json:
            self._screen.show_json(self._report.to_json())
        else:
            for line in self._report.to_lines():
                self._screen.show(line)
        remains = self._report.remains
        if remains is not None:
            for line in _explain(remains, self._route):
                self._screen.tell(line)
        return exit_for_summary(counts, remains)

    def _take_bad_line(self, line: BadLine) -> None:
        self._bad_lines += 1
        result = Result(line.number - 1, None, Status.FAILED, step="standard input", reason=line.reason, attempts=0)
        self._report.take(result, line=line.number)

    def _print_result(self, result: Result, place: Place) -> None:
        screen = self._screen
        if self._is_dry:
            for preview in result.previews:
                key = None if result.key is None else screen.mask(result.key)
                shown: dict[str, Any] = {**place.describe(), "key": key}
                shown |= {"step": preview.step, "entity": preview.entity, "payload": preview.payload}
                more = {"reason": preview.reason, "dialect": preview.dialect, "note": preview.note}
                shown |= {name: screen.mask(text) for name, text in more.items() if text}
                screen.show_bytes(encode_json(shown, has_numbers=self._sends_json) + b"\n")
        elif self._prints_results:
            screen.show_bytes(encode_json(describe_result(result, place, mask=screen.mask)) + b"\n")

    def _print_duplicate(self, key: str | None, place: Place) -> None:
        if self._prints_results:
            shown = {**place.describe(), "key": None if key is None else self._screen.mask(key), "status": "duplicate"}
            self._screen.show_bytes(encode_json(shown) + b"\n")


def _explain(remains: Remains, route: str) -> Iterator[str]:
    """Yield what a person has to know about what a run leaves behind."""
    if remains.unknown:
        outcomes = count(remains.unknown, "outcome is", "outcomes are")
        yield f"{outcomes} unknown: connector tasks list --route {route} --status unknown"
    if remains.left:
        tasks = count(sum(remains.left.values()), "task is", "tasks are")
        yield f"{tasks} left for the next run, or a worker: connector tasks list --route {route}"
    for name, number in remains.others.items():
        yield f"{count(number, 'new task')} of the route {name} too: connector run {name}, or a worker, delivers them"
