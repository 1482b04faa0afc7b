"""`connector sandbox`: a practice shop on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from connector.cli.exits import OK, ArgumentError
from connector.cli.interrupt import run_stoppable
from connector.cli.invocation import Invocation, shared_options
from connector.errors import SandboxError

if TYPE_CHECKING:
    from connector.cli.interrupt import Stop
    from connector.sandbox.server import SandboxServer

DEFAULT_PORT = 8030

EPILOG = """\b
Examples:
  connector sandbox
  connector sandbox --port 0 --display-errors
  connector sandbox --dialect 4.0
  connector sandbox --output json > shop.json
"""


@click.command(epilog=EPILOG)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--dialect", default="3.0", show_default=True, help="Generation to play: 2.3, 3.0, 4.0 or 4.1.")
@click.option("--key", help="Key of the first API user.  [default: a fixed one, for practice]")
@click.option("--display-errors", is_flag=True, help="Let PHP print its warnings in front of answers.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, port: int, host: str, dialect: str, key: str | None, display_errors: bool) -> int:
    """Start a practice shop on this machine.

    It answers like OpenCart over real HTTP: sessions, products with options and stock, coupons, vouchers, orders. It
    starts the same each time and forgets everything when it stops. The examples in configs/ run against it as they are.

    It is for practice: who reaches it may do anything with it, so leave it on this machine.
    """
    from connector.sandbox.generations import GENERATIONS
    from connector.sandbox.server import SandboxServer
    from connector.sandbox.shop.seed import DEFAULT_KEY

    if dialect not in GENERATIONS:
        raise ArgumentError(f'the practice shop plays no dialect "{dialect}", there are: {", ".join(GENERATIONS)}')
    server = SandboxServer(dialect, host=host, port=port, key=key or DEFAULT_KEY, display_errors=display_errors)

    async def work(stop: Stop) -> int:
        try:
            await server.start()
        except OSError as error:
            raise SandboxError(
                f"the practice shop cannot listen on {host}:{port}: {_tell(error)}",
                cure="choose another port with --port, or --port 0 for a free one",
            ) from error
        try:
            _show(invocation, server)
            await stop.event.wait()
        finally:
            await server.stop()
        return OK

    return run_stoppable(work, invocation.screen, in_hand="the calls in hand")


def _tell(error: OSError) -> str:
    """Return the system's own words; asyncio wraps them in an account of what it tried."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _show(invocation: Invocation, server: SandboxServer) -> None:
    from connector.sandbox.server import CONTROL_PREFIX

    screen = invocation.screen
    controls = f"{server.base_url}{CONTROL_PREFIX}"
    if invocation.is_json:
        shop = {"dialect": server.dialect, "base_url": server.base_url, "username": server.username, "key": server.key}
        screen.show_json(shop | {"controls": controls})
    else:
        screen.show(f"practice shop: OpenCart {server.dialect}")
        screen.show(f"  address   {server.base_url}/")
        screen.show(f"  username  {server.username}")
        screen.show(f"  key       {server.key}")
        screen.show(f"  controls  {controls}")
    screen.flush()
    screen.tell("Ctrl-C stops it; its orders are gone then")
