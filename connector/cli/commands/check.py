"""`connector check`: log in to each client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.exits import FAILED, OK
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import count
from connector.errors import Fault

if TYPE_CHECKING:
    from connector.cli.interrupt import Stop

EPILOG = """\b
Examples:
  connector check
  connector check shop --config configs/ --output json
"""


@click.command(epilog=EPILOG)
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@shared_options
@click.pass_obj
def command(invocation: Invocation, clients: tuple[str, ...]) -> int:
    """Log in to each client and say what came of it.

    Without CLIENT, all clients of the configuration are checked. Nothing is sent but the log-in and, where no dialect
    is written, the question for it; what was found is named. A refusal comes with its most likely cause and what to do
    about it; what the configuration asks of a client and its generation lacks is told at its place. Either gives exit
    code 1. `connector doctor` looks further.
    """
    from connector.app.names import find_named
    from connector.app.runtime import open_project
    from connector.desk.client import check_client

    project = invocation.load_project()
    names = clients or tuple(project.clients)
    for name in names:
        find_named("client", name, project.clients)
    invocation.start_logging()

    async def work(stop: Stop) -> int:
        findings: list[dict[str, Any]] = []
        async with open_project(project, redactor=invocation.redactor) as runtime:
            for name in dict.fromkeys(names):
                if stop.is_asked:
                    break
                finding = await check_client(runtime, name)
                findings.append(finding)
                if not invocation.is_json:
                    _tell(invocation, finding)
        if invocation.is_json:
            invocation.screen.show_json(findings)
        elif not findings:
            invocation.screen.show("the configuration has no clients")
        return FAILED if any(map(_is_failed, findings)) else OK

    return run_stoppable(work, invocation.screen, in_hand="the log-in in hand")


def _is_failed(finding: dict[str, Any]) -> bool:
    return finding["verdict"] not in {"ok", None} or bool(finding["misfits"])


def _tell(invocation: Invocation, finding: dict[str, Any]) -> None:
    screen = invocation.screen
    what = " ".join(dict.fromkeys([finding["connector"], finding["dialect"]]))  # plain HTTP is its own dialect
    who = f"{finding['client']}: {what} at {finding['base_url']}"
    mask = invocation.redactor.mask_text
    match finding["verdict"]:
        case None:
            screen.show(f"{who}: has no log-in, nothing was asked")
        case "ok":
            screen.show(f"{who}: logged in ({finding['duration_ms']:.0f} ms)")
        case verdict:
            screen.show(f"{who}: {verdict}")
            screen.show(mask(f"  reason: {finding['reason']}"))
            if finding["cure"]:
                screen.show(mask(f"  cure:   {finding['cure']}"))
    for misfit in finding["misfits"]:
        screen.show(mask(f"  {Fault(**misfit)}"))
    if finding["notices"]:
        screen.show(
            f"  {count(len(finding['notices']), 'warning')} in front of the answer, such as: "
            f"{mask(finding['notices'][0])}"
        )
