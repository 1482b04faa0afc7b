"""`connector alerts`: who is told when something needs a person."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from connector.cli.exits import FAILED, OK, ArgumentError
from connector.cli.group import CommandGroup
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import align
from connector.config.quantity import format_duration

if TYPE_CHECKING:
    from collections.abc import Collection

    from connector.alert.judge import Conditions
    from connector.alert.plan import AlertPlan
    from connector.app.project import Project

EPILOG = """\b
Examples:
  connector alerts list
  connector alerts test team-chat
"""


@click.group(cls=CommandGroup, epilog=EPILOG)
@shared_options
def command() -> None:
    """See who is told when something needs a person, and try it.

    They stand under alerts: in the configuration; connector serve and connector worker tell them.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  connector alerts list
  connector alerts list --output json
""",
)
@shared_options
@click.pass_obj
def show_list(invocation: Invocation) -> int:
    """Show who is told, and of what."""
    project = invocation.load_project()
    screen = invocation.screen
    if invocation.is_json:
        screen.show_json([_describe(plan) for plan in project.alerts.values()])
        return OK
    if not project.alerts:
        screen.tell("nobody is told: write a webhook under alerts:")
        return OK
    for plan in project.alerts.values():
        told = _describe(plan)
        routes = "all" if told["routes"] is None else ", ".join(told["routes"])
        screen.show(plan.name)
        rows = [("on", ", ".join(told["on"])), ("routes", routes), ("repeat", told["repeat"] or "never")]
        for line in align(rows):
            screen.show(f"  {line}")
    return OK


@command.command(
    "test",
    epilog="""\b
Examples:
  connector alerts test
  connector alerts test team-chat
""",
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@shared_options
@click.pass_obj
def send_test(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Send a message that says it is a test.

    NAME names the alerts to try; without one, all of them are. The exit code is 1 where one did not arrive.
    """
    project = invocation.load_project()
    chosen = _choose(project, names)
    public_url = invocation.load_settings().public_url
    invocation.start_logging(is_late=True)
    for plan in chosen:
        invocation.redactor.add(*plan.secrets)
    return asyncio.run(_send(invocation, chosen, public_url))


def _choose(project: Project, names: Collection[str]) -> list[AlertPlan]:
    """Return the alerts that were named, or all of them.

    Raises:
        ArgumentError: There are none.
        UnknownNameError: There is none of a name.
    """
    from connector.app.names import find_named

    if not project.alerts:
        raise ArgumentError("the configuration tells nobody", cure="write a webhook under alerts:")
    return [find_named("alert", name, project.alerts) for name in dict.fromkeys(names)] or [*project.alerts.values()]


async def _send(invocation: Invocation, plans: Collection[AlertPlan], public_url: str | None) -> int:
    from connector.alert.message import write_message
    from connector.alert.sender import AlertSender
    from connector.errors import AlertError

    outcomes: list[dict[str, Any]] = []
    for plan in plans:
        message = write_message(plan, (), now_ms=time.time_ns() // 1_000_000, public_url=public_url, is_test=True)
        try:
            status = await AlertSender(plan, waits_s=()).send(message)
        except AlertError as error:
            outcomes.append({"alert": plan.name, "is_told": False, "reason": error.message, "cure": error.cure})
            if not invocation.is_json:
                invocation.screen.tell_error(error)
        else:
            outcomes.append({"alert": plan.name, "is_told": True, "status": status})
            if not invocation.is_json:
                invocation.screen.show(f"{plan.name}: told ({status})")
    if invocation.is_json:
        invocation.screen.show_json([invocation.redactor.mask(outcome) for outcome in outcomes])
    return OK if all(outcome["is_told"] for outcome in outcomes) else FAILED


def _describe(plan: AlertPlan) -> dict[str, Any]:
    """Return an alert as JSON, without its address."""
    return {
        "alert": plan.name,
        "on": _describe_conditions(plan.conditions),
        "routes": None if plan.routes is None else sorted(plan.routes),
        "repeat": None if plan.repeat_ms is None else _show_duration(plan.repeat_ms),
        "is_signed": plan.secret is not None,
    }


def _describe_conditions(conditions: Conditions) -> list[str]:
    told = [name for name in ("route_stopped", "unknown_outcome", "fetch_failed") if getattr(conditions, name)]
    if conditions.failures is not None:
        rate = conditions.failures
        told.append(
            f"failures above {rate.above * 100:g}% within {_show_duration(rate.within_ms)} of at least {rate.at_least}"
        )
    if conditions.queue_age_ms is not None:
        told.append(f"queue_age above {_show_duration(conditions.queue_age_ms)}")
    return told


def _show_duration(duration_ms: int) -> str:
    return format_duration(timedelta(milliseconds=duration_ms))
