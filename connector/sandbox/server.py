"""The HTTP edge: connections, the caller's address, faults, and the door behind the counter."""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote

from aiohttp import web

from connector.sandbox.controls import CONTROLS, ControlError, run_control
from connector.sandbox.exchange import ShopAnswer, ShopRequest
from connector.sandbox.faults import Fault, FaultPlan
from connector.sandbox.generations import GENERATIONS
from connector.sandbox.shop.seed import DEFAULT_KEY
from connector.sandbox.shop.tables import CallNote, PhpConfiguration, Shop
from connector.sandbox.views import OrderView, list_orders

CONTROL_PREFIX: Final = "/_sandbox/"
"""Where the controls are."""

SOURCE_IP_HEADER: Final = "X-Sandbox-Source-Ip"
"""Names the address a request seems to come from; a real shop knows no such header."""

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""What the web server in front of the shop takes; larger bodies get a 413."""


class SandboxServer:
    """A practice shop on a port of its own.

    ```python
    async with SandboxServer() as shop:
        print(shop.base_url, shop.username, shop.key)
    ```

    Args:
        dialect: The generation to play.
        host: Where to listen. The shop is for practice: whoever reaches it may do anything with it.
        port: Where to listen; 0 for any free port.
        key: The key of the first API user; the keys of the others are made from it.
        display_errors: Whether PHP shows errors itself and holds no output back, as with a development ``php.ini``.
        error_display: Whether the shop puts PHP notices in front of its answers; its installer switches that on.
        allowed_ips: The addresses API users may call from; those of this machine and ``host`` where it is left out.

    Raises:
        ValueError: There is no such dialect.
    """

    def __init__(
        self,
        dialect: str = "3.0",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str = DEFAULT_KEY,
        display_errors: bool = False,
        error_display: bool = True,
        allowed_ips: tuple[str, ...] | None = None,
    ) -> None:
        if dialect not in GENERATIONS:
            raise ValueError(f"no dialect {dialect!r}; there are {', '.join(GENERATIONS)}")
        self._generation = GENERATIONS[dialect]
        self._host = host
        self._port = port
        php = PhpConfiguration(display_errors=True, output_buffering=0) if display_errors else PhpConfiguration()
        settings = {"config_error_display": str(int(error_display))}
        if allowed_ips is None:
            allowed_ips = tuple(dict.fromkeys(("127.0.0.1", "::1", host)))
        self._shop = Shop(self._generation.build_seed(key, allowed_ips), f"http://{host}:{port}", settings, php)
        self._faults = FaultPlan()
        self._runner: web.ServerRunner | None = None

    @property
    def dialect(self) -> str:
        """The generation played."""
        return self._generation.name

    @property
    def base_url(self) -> str:
        """The shop's address, without a slash at the end; known once the server has started."""
        return self._shop.base_url

    @property
    def username(self) -> str:
        """The name of an API user that works."""
        return self._shop.seed.users[0].username

    @property
    def key(self) -> str:
        """The key of that user."""
        return self._shop.seed.users[0].key

    @property
    def orders(self) -> tuple[OrderView, ...]:
        """All orders, the oldest first, abandoned ones included."""
        return list_orders(self._shop)

    @property
    def calls(self) -> tuple[CallNote, ...]:
        """The last thousand calls answered since the reset, the oldest first."""
        return tuple(self._shop.calls)

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        """Run a control, as ``POST /_sandbox/<name>`` does.

        Raises:
            ControlError: There is no such control, or its fields are wrong.
        """
        return run_control(self._shop, self._faults, name, fields)

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: The port is taken, or the host is none of this machine's.
        """
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port = runner.addresses[0][:2]
        self._shop.base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        path = unquote(path)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return web.Response(status=413, text="Request Entity Too Large")
        body = await request.content.read()
        if path.startswith(CONTROL_PREFIX):
            return self._run_control(path.removeprefix(CONTROL_PREFIX), request.method, body)
        sent = ShopRequest(
            request.method,
            path,
            query.encode("utf-8", "surrogateescape"),
            _join_headers(request.headers.items()),
            body,
            request.headers.get(SOURCE_IP_HEADER) or request.remote or "",
        )
        return await self._serve(request, sent)

    async def _serve(self, request: web.BaseRequest, sent: ShopRequest) -> web.StreamResponse:
        fields = parse_qs(sent.query.decode("latin-1"))
        route = ".".join(fields[name][0] for name in ("route", "call") if name in fields)  # the latter in 4.1 alone
        fault = self._faults.take(route) or Fault()
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.drop_before_processing:
            return _drop(request)
        answer = fault.refuse()
        if answer is None:
            handling = self._generation.begin(self._shop, sent)
            if fault.work_s:
                await asyncio.sleep(fault.work_s)
            answer = fault.spoil(handling.finish())
        self._shop.calls.append(CallNote(sent.method, route, answer.status))
        if fault.drop_after_processing:
            return _drop(request)
        if fault.truncate is not None:
            return await _cut(request, answer, fault.truncate)
        return _build_response(answer)

    def _run_control(self, name: str, method: str, body: bytes) -> web.Response:
        try:
            if not name:
                return _respond(200, {"dialect": self.dialect, "controls": list(CONTROLS)})
            fields = json.loads(body) if body and method == "POST" else {}
            if not isinstance(fields, dict):
                return _respond(400, {"error": "the body is not a JSON object"})
            return _respond(200, {"ok": True, **self.control(name, **fields)})
        except ControlError as error:
            return _respond(400, {"error": str(error)})
        except ValueError as error:
            return _respond(400, {"error": f"the body is not JSON: {error}"})


def _respond(status: int, value: Mapping[str, Any]) -> web.Response:
    return web.json_response(value, status=status, dumps=lambda one: json.dumps(one, default=str))


def _join_headers(headers: Any) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]}{'; ' if key == 'cookie' else ', '}{value}" if key in joined else value
    return joined


def _build_response(answer: ShopAnswer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})
    response.headers["Server"] = "practice shop"
    for name, value in answer.headers:
        response.headers[name] = value
    for cookie in answer.cookies:
        response.headers.add("Set-Cookie", cookie.render())
    return response


async def _cut(request: web.BaseRequest, answer: ShopAnswer, length: int) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[:length])
    if request.transport is not None:
        request.transport.close()
    return response


def _drop(request: web.BaseRequest) -> web.Response:
    """Close the connection without an answer; the response returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
