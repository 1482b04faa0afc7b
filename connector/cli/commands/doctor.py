"""`connector doctor`: what is wrong between this machine and a shop, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector.cli.exits import FAILED, OK
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import count

if TYPE_CHECKING:
    from connector.app.doctor.finding import Finding, Report
    from connector.cli.interrupt import Stop
    from connector.cli.screen import Screen

EPILOG = """\b
Examples:
  connector doctor
  connector doctor shop --config configs/ --output json
"""

_CHECK_WIDTH = 14
_INDENT = " " * 11


@click.command(epilog=EPILOG)
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@shared_options
@click.pass_obj
def command(invocation: Invocation, clients: tuple[str, ...]) -> int:
    """Examine each client: what is wrong, and what to do about it.

    Without CLIENT, all clients of the configuration are examined: address, redirects, generation, log-in, session,
    PHP's messages, clock and signature, speed, and what the configuration asks of the shop's generation. Only log-ins
    and reads are sent, and calls that cannot succeed; nothing in the shop is changed. A problem gives exit code 1.
    """
    from connector.app.doctor.examination import examine
    from connector.app.names import find_named
    from connector.app.runtime import open_project

    project = invocation.load_project()
    names = clients or tuple(project.clients)
    for name in names:
        find_named("client", name, project.clients)
    invocation.start_logging()

    async def work(stop: Stop) -> int:
        reports: list[Report] = []
        async with open_project(project, redactor=invocation.redactor) as runtime:
            for name in dict.fromkeys(names):
                if stop.is_asked:
                    break
                reports.append(await examine(runtime, name))
                if not invocation.is_json:
                    _tell(invocation.screen, reports[-1])
        if invocation.is_json:
            invocation.screen.show_json([report.to_json() for report in reports])
        elif not reports:
            invocation.screen.show("the configuration has no clients")
        return FAILED if any(report.has_problem for report in reports) else OK

    return run_stoppable(work, invocation.screen, in_hand="the examination in hand")


def _tell(screen: Screen, report: Report) -> None:
    spoken = report.connector if report.dialect == report.connector else f"{report.connector} {report.dialect}"
    screen.show(f"{report.client}: {spoken} at {report.base_url}")
    for finding in report.findings:
        _tell_finding(screen, finding)
    if report.calls:
        screen.show(
            f"  {count(report.calls, 'call')}: log-ins, reads and calls that cannot succeed; nothing was changed"
        )
    screen.flush()


def _tell_finding(screen: Screen, finding: Finding) -> None:
    screen.show(f"  {finding.severity.value:<8} {finding.check:<{_CHECK_WIDTH}}{finding.title}")
    for name, text in (("where", finding.where), ("cause", finding.cause), ("cure", finding.cure)):
        if text is not None:
            screen.show(f"{_INDENT}{f'{name}:':<7}{text}")
