"""`connector call`: one call, and the whole answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from connector.cli.arguments import parse_data, parse_payload, parse_step
from connector.cli.exits import OK, ArgumentError, exit_for_error
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.app.project import Project
    from connector.app.runtime import Runtime
    from connector.call.plan import CallPlan
    from connector.cli.interrupt import Stop
    from connector.desk.call import Called
    from connector.request import Answer

EPILOG = """\b
Examples:
  connector call shop cart.products
  connector call shop coupon.apply coupon=2222 --before 'cart.add product_id=40'
  connector call shop cart.add product_id=30 option[226]=15 quantity:=2 --output json
  connector call shop order.info order_id=1
  connector call shop api/my_extension/do --effect read --data '{"since": "2026-01-01"}'
"""


@click.command(epilog=EPILOG)
@click.argument("client")
@click.argument("entity")
@click.argument("fields", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--data", metavar="JSON", help="The payload as a JSON object: in place, @FILE, or - for standard input.")
@click.option(
    "--before",
    multiple=True,
    metavar="'ENTITY NAME=VALUE…'",
    help="A step that comes first in the same session; may be given several times. Its answer is steps.<name>, "
    "where name is the entity with _ for the dot.",
)
@click.option(
    "--effect",
    type=click.Choice(["read", "session", "commit"]),
    help="With a route: what the call changes.  [default: commit, which is never sent twice]",
)
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    client: str,
    entity: str,
    fields: tuple[str, ...],
    data: str | None,
    before: tuple[str, ...],
    effect: str | None,
) -> int:
    """Make one call to a client and show the answer.

    ENTITY is the id or title of an entity; a name with a slash is a route that the catalog does not list. A field is
    name=text, name[inner]=text for nested ones, or name:=json. The exit code follows the verdict: 0 ok or empty, 1
    anything else; 4 where something may have been committed and no answer tells.
    """
    payload = parse_payload(fields, parse_data(data))
    steps = [parse_step(text) for text in before]
    project = invocation.load_project()
    plan = _compile(invocation, project, client, entity, payload, steps, effect)
    invocation.start_logging()
    from connector.app.runtime import open_project

    async def work(_stop: Stop) -> int:
        async with open_project(project, redactor=invocation.redactor) as runtime:
            return await _call(invocation, runtime, plan)

    return run_stoppable(work, invocation.screen, in_hand="the call in hand")


def _compile(
    invocation: Invocation,
    project: Project,
    client: str,
    entity: str,
    payload: dict[str, Any],
    steps: list[tuple[str, dict[str, Any]]],
    effect: str | None,
) -> CallPlan:
    from connector.app.call import compile_typed_call

    warnings: list[Any] = []
    try:
        plan = compile_typed_call(project, client, entity, payload, before=steps, effect=effect, warnings=warnings)
    except ConfigError as error:
        told = [": ".join(filter(None, (fault.where, fault.message))) for fault in error.faults]
        hints = [fault.hint for fault in error.faults if fault.hint]
        raise ArgumentError("\n       ".join(told), cure="; ".join(hints) or None) from error
    for warning in warnings:
        invocation.screen.tell(f"warning: {warning.message}" + (f"; {warning.hint}" if warning.hint else ""))
    return plan


async def _call(invocation: Invocation, runtime: Runtime, plan: CallPlan) -> int:
    """Carry the call out, show what came of it and return the exit code.

    Raises:
        ConnectorError: A payload could not be made from earlier answers, or nothing could be opened.
    """
    from connector.desk.call import carry_out, describe_call

    try:
        called = await carry_out(runtime, plan)
    except asyncio.CancelledError:
        commits = [step.operation.entity for step in plan.steps if step.operation.effect.commits]
        if commits:
            invocation.screen.tell(
                f"{' and '.join(commits)} may have been carried out: look on the other side before calling it again"
            )
        raise
    if invocation.is_json:
        invocation.screen.show_json(describe_call(called, invocation.redactor))
    elif called.answer is not None:
        _show(invocation, called, called.answer)
    if called.error is not None:
        raise called.error
    if called.failure is None:
        return OK
    invocation.screen.tell_error(called.failure)
    return exit_for_error(called.failure)


def _show(invocation: Invocation, called: Called, answer: Answer) -> None:
    screen, failure = invocation.screen, called.failure
    facts = [called.entity]
    if answer.status is not None:
        facts.append(f"HTTP {answer.status}")
    if called.exchanges:
        facts.append(f"{called.exchanges[-1].duration_ms:.0f} ms")
    screen.show(f"{answer.verdict.value} ({', '.join(facts)})")
    for error in answer.errors:
        words = error.message.partition(": ")[2] or error.message
        if failure is not None and words in answer.reason:  # standard error has it: no reason is told twice
            continue
        screen.show(f"  {error.field}: {error.message}" if error.field else f"  {error.message}")
    if answer.value is not None and (failure is None or not answer.errors):
        screen.show_json(answer.value)
    for notice in answer.notices:
        screen.tell(f"notice: {notice}")
