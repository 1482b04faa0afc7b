"""The practice shop as a command: start it, say where it is, run until told to stop."""

import asyncio
import signal
from collections.abc import Callable

from connector.sandbox.server import CONTROL_PREFIX, SandboxServer
from connector.sandbox.shop.seed import DEFAULT_KEY

DEFAULT_PORT = 8300
"""Where ``connector sandbox`` listens unless told otherwise."""


def serve(
    *,
    dialect: str = "3.0",
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    key: str = DEFAULT_KEY,
    display_errors: bool = False,
    echo: Callable[[str], None] = print,
) -> None:
    """Run a practice shop until Ctrl-C or SIGTERM.

    Args:
        dialect: The generation to play.
        host: Where to listen.
        port: Where to listen; 0 for any free port.
        key: The key of the API user ``Default``.
        display_errors: Whether PHP shows errors itself, as with a development ``php.ini``.
        echo: Takes the lines that say where the shop is and how to stop it.

    Raises:
        ValueError: There is no such dialect.
        OSError: The port is taken.
    """
    server = SandboxServer(dialect, host=host, port=port, key=key, display_errors=display_errors)
    asyncio.run(_run(server, echo))


async def _run(server: SandboxServer, echo: Callable[[str], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopped.set)
    async with server:
        echo(f"Practice shop, OpenCart {server.dialect}")
        echo(f"  base URL  {server.base_url}")
        echo(f"  username  {server.username}")
        echo(f"  key       {server.key}")
        echo(f"  controls  {server.base_url}{CONTROL_PREFIX}")
        echo("Stop it with Ctrl-C.")
        await stopped.wait()
