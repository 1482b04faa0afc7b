"""Records taken through a route, with what a person sees of it: `connector run ROUTE` and `connector push ROUTE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.app.names import find_named
from connector.app.runtime import open_project
from connector.cli.exits import UNKNOWN, exit_for_summary
from connector.cli.interrupt import run_stoppable
from connector.cli.lines import BadLine, RecordLines, encode_json, read_chunks
from connector.cli.report import RunReport, describe_result
from connector.errors import ConnectorError
from connector.route.result import Result, Status

if TYPE_CHECKING:
    from connector.app.project import Project
    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.cli.progress import Progress
    from connector.route.result import Summary
    from connector.route.run import RouteRunner


def deliver(
    invocation: Invocation,
    project: Project,
    route: str,
    *,
    descriptor: int | None = None,
    limit: int | None = None,
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
        is_dry: Send nothing outward, print what would be sent.
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
                async with open_project(project, redactor=invocation.redactor) as runtime:
                    runner = runtime.route(route)
                    stop.on_ask(runner.stop)
                    summary = await delivery.run(runner, limit)
            except ConnectorError as error:
                if not delivery.show_end(None).unknown:
                    raise
                invocation.screen.tell_error(error)  # told here, since the unknown outcome decides the exit code
                return UNKNOWN
            except BaseException:
                delivery.show_end(None)  # nothing that was sent goes untold
                raise
        return exit_for_summary(delivery.show_end(summary))

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
        self._is_dry = is_dry
        self._sends_json = sends_json
        self._prints_results = prints_results
        self._lines = lines = None if descriptor is None else RecordLines(read_chunks(descriptor), self._take_bad_line)
        self._bad_lines = 0
        self._report = RunReport(
            route,
            invocation.screen,
            progress=progress,
            is_dry=is_dry,
            find_line=None if lines is None else lines.find_line,
            on_result=self._print_result,
        )

    async def run(self, runner: RouteRunner, limit: int | None) -> Summary:
        """Carry the run out and return its counts, lines that gave no record left out."""
        take = self._report.take
        if self._lines is None:
            return await runner.run(on_result=take, limit=limit, is_dry=self._is_dry)
        return await runner.push(self._lines.batches(), on_result=take, limit=limit, is_dry=self._is_dry)

    def show_end(self, summary: Summary | None) -> Summary:
        """Show the counts and return them.

        Args:
            summary: What the run returned, or None where it broke off.
        """
        counts = self._report.close(summary)
        if summary is not None:
            counts.taken += self._bad_lines
        screen = self._invocation.screen
        if counts.stopped is not None:
            screen.tell_error(counts.stopped)
            screen.tell("the run was ended: every further record would be refused as well")
        if self._prints_results or self._is_dry:  # standard output belongs to the lines
            for line in self._report.to_lines():
                screen.tell(line)
        elif self._invocation.is_json:
            screen.show_json(self._report.to_json())
        else:
            for line in self._report.to_lines():
                screen.show(line)
        return counts

    def _take_bad_line(self, line: BadLine) -> None:
        self._bad_lines += 1
        result = Result(line.number - 1, None, Status.FAILED, step="standard input", reason=line.reason, attempts=0)
        self._report.take(result, line=line.number)

    def _print_result(self, result: Result, line: int | None) -> None:
        screen = self._invocation.screen
        if self._is_dry:
            for preview in result.previews:
                shown: dict[str, Any] = {"index": result.index} if line is None else {"line": line}
                key = None if result.key is None else screen.mask(result.key)
                shown |= {"key": key, "step": preview.step, "entity": preview.entity, "payload": preview.payload}
                more = {"reason": preview.reason, "dialect": preview.dialect, "note": preview.note}
                shown |= {name: screen.mask(text) for name, text in more.items() if text}
                screen.show_bytes(encode_json(shown, has_numbers=self._sends_json) + b"\n")
        elif self._prints_results:
            screen.show_bytes(encode_json(describe_result(result, line, mask=screen.mask)) + b"\n")
