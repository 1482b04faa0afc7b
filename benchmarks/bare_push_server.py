"""The least that can answer a push: uvicorn, and an application that reads the body and says 202. It keeps nothing.

    python benchmarks/bare_push_server.py

Listens on a free port of loopback, writes it to standard output, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn

ANSWER = b'{"tasks":[1]}'


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body", False):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def main() -> None:
    """Serve."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio does for sockets of its own
    config = uvicorn.Config(
        application, http="httptools", loop="asyncio", lifespan="off", log_config=None, access_log=False, ws="none"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    print(listening.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main())
