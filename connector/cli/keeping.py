"""Options of commands that deliver: what is kept, how much is on its way at once, how long is waited."""

from __future__ import annotations

from typing import Final

import click

from connector.cli.filters import Duration

wait_option: Final = click.option(
    "--wait",
    type=Duration(),
    default="30s",
    show_default=True,
    metavar="TIME",
    help="Wait for tries that are due within this time; others are left for later, and fail with --no-store.",
)
no_store_option: Final = click.option(
    "--no-store", is_flag=True, help="Keep nothing: send at once, and forget what became of it."
)
concurrency_option: Final = click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most records on their way at once over all routes, in this process.  [default: as many as the routes allow]",
)
grace_option: Final = click.option(
    "--grace",
    type=Duration(),
    default="25s",
    show_default=True,
    metavar="TIME",
    help="Asked to stop, finish what is in hand within this time; then break it off.",
)
