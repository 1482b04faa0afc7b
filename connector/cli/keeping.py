"""What `run` and `push` are told about the store: whether records are kept, and how long later tries are waited for."""

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
