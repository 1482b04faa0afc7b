"""`connector echo`: the effective configuration, and where each value comes from."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from connector.cli.exits import OK, ArgumentError
from connector.cli.invocation import Invocation, shared_options
from connector.config.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.config.origin import Setting

EPILOG = """\b
Examples:
  connector echo
  connector echo clients.shop
  connector echo --output json
"""


@click.command(epilog=EPILOG)
@click.argument("prefix", required=False, metavar="[WHERE]")
@shared_options
@click.pass_obj
def command(invocation: Invocation, prefix: str | None) -> int:
    """Show the effective configuration and where each value comes from.

    Variables are put in, built-in defaults are shown, secrets are masked. WHERE shows only what is below it, such as
    clients.shop.
    """
    from connector.app.echo import list_settings

    project = invocation.load_project()
    everything = list_settings(project)
    settings = [setting for setting in everything if prefix is None or _is_below(setting.where, prefix)]
    if prefix and not settings:
        hint = did_you_mean(prefix, _list_places(everything))
        raise ArgumentError(f"nothing stands below {prefix}", cure=hint)
    if invocation.is_json:
        invocation.screen.show_json([asdict(setting) for setting in settings])
        return OK
    if not settings:
        invocation.screen.tell("the configuration is empty")
        return OK
    rows = [(setting.where, _format(setting), setting.origin) for setting in settings]
    invocation.screen.show_table(["where", "value", "origin"], rows)
    return OK


def _list_places(settings: Iterable[Setting]) -> list[str]:
    """Return every place that can be asked for: of values, and of what is around them."""
    places: dict[str, None] = {}
    for setting in settings:
        places |= dict.fromkeys(setting.where[: mark.start()] for mark in re.finditer(r"[.\[]", setting.where))
        places[setting.where] = None
    return list(places)


def _is_below(where: str, prefix: str) -> bool:
    return where == prefix or where.startswith((f"{prefix}.", f"{prefix}["))


def _format(setting: Setting) -> str:
    """Return a value on one line, the way YAML would have it."""
    from connector.desk.json_text import encode_json

    value: Any = setting.value
    match value:
        case None:
            return "-"
        case str():
            return " ".join(value.split()) if value.strip() else '""'
        case _:
            return encode_json(value).decode()
