"""A small service behind the doors, asked in memory, as a browser or a program on this machine would ask it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher
from fastapi import Depends, FastAPI
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import PlainTextResponse

from connector.config.settings import Settings
from connector.redaction import Redactor
from connector.server.context import Context
from connector.server.doors.doors import Caller, Doors
from connector.server.doors.middleware import DoorMiddleware
from connector.server.doors.roles import Role
from connector.server.doors.routes import add_refusals, add_routes
from connector.server.doors.tokens import hash_token, make_token
from connector.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from connector.store.store import Store

PASSWORD = "a horse, a battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        """Return what it was set to."""
        return self.now_ms


@dataclass
class Reply:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """The one header of a name; empty for none."""
        found = [value for key, value in self.headers if key == name.lower()]
        assert len(found) <= 1, found
        return found[0] if found else ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as a JSON value."""
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, Any]:
        """What the browser is to keep."""
        jar: SimpleCookie = SimpleCookie()
        for name, value in self.headers:
            if name == "set-cookie":
                jar.load(value)
        return dict(jar)


@dataclass
class House:
    """A service and what belongs to it."""

    app: Any
    doors: Doors
    store: Store
    settings: Settings
    clock: Clock

    async def ask(
        self,
        method: str,
        path: str,
        *headers: tuple[str, str],
        body: bytes | list[bytes] = b"",
        peer: str | None = "127.0.0.1",
        host: str | None = "127.0.0.1:8484",
        scheme: str = "http",
        receive: Callable[[], Any] | None = None,
    ) -> Reply:
        """Send one request, header by header as given."""
        target, _, query = path.partition("?")
        pairs = [*([("host", host)] if host is not None else []), *headers]
        chunks = list(body) if isinstance(body, list) else [body]
        sent: list[dict[str, Any]] = []

        async def give() -> dict[str, Any]:
            if not chunks:
                return {"type": "http.disconnect"}
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def take(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": scheme,
            "path": target,
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
            "client": None if peer is None else (peer, 4711),
            "server": ("127.0.0.1", 8484),
            "state": {},
        }
        await self.app(scope, receive or give, take)
        start, *rest = sent
        answered = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return Reply(start["status"], answered, b"".join(part.get("body", b"") for part in rest))

    async def add_token(self, *roles: str, name: str = "robot", expires_at_ms: int | None = None) -> str:
        """Make a token and return it."""
        token = make_token()
        row = await self.store.accounts.add_token(
            name, hash=hash_token(token), roles=roles, created_by="test", expires_at_ms=expires_at_ms
        )
        assert row is not None
        return token

    async def add_user(self, name: str = "ann", role: str = "operate", password: str = PASSWORD) -> None:
        """Make a user."""
        await self.store.accounts.put_user(name, password_hash=QUICK.hash(password), role=role)
        self.doors.forget_people()

    async def audited(self) -> list[tuple[str, str, str, str]]:
        """Who did what to what with which outcome, oldest first."""
        entries = await self.store.audit.list()
        return [(one.by, one.action, one.subject, one.detail["outcome"]) for one in reversed(entries)]


@dataclass
class Browser:
    """Keeps cookies, and says where its requests were made, as browsers do."""

    house: House
    origin: str = "http://127.0.0.1:8484"
    host: str = "127.0.0.1:8484"
    scheme: str = "http"
    peer: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    async def get(self, path: str, *headers: tuple[str, str]) -> Reply:
        """Follow a link, or type an address."""
        return await self._ask("GET", path, ("accept", "text/html"), ("sec-fetch-mode", "navigate"), *headers)

    async def post(self, path: str, *headers: tuple[str, str], **fields: str) -> Reply:
        """Send a form of a page of ours."""
        sent = {"csrf": self.csrf, **fields}
        return await self._ask(
            "POST",
            path,
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", self.origin),
            ("sec-fetch-site", "same-origin"),
            *headers,
            body=urlencode(sent).encode(),
        )

    async def log_in(self, name: str = "ann", password: str = PASSWORD, **fields: str) -> Reply:
        """Open the form, fill it in and send it."""
        form = await self.get("/login")
        proof = next(value for key, value in self.cookies.items() if key.endswith("connector-form"))
        assert proof in form.text
        self.csrf = proof
        reply = await self.post("/login", name=name, password=password, **fields)
        session = next((value for key, value in self.cookies.items() if key.removeprefix("__Host-") == "connector"), "")
        if reply.status == 303 and session:
            self.csrf = (await self.get("/csrf")).text
        return reply

    async def _ask(self, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> Reply:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = [*headers, *([("cookie", kept)] if kept else [])]
        reply = await self.house.ask(method, path, *sent, body=body, host=self.host, scheme=self.scheme, peer=self.peer)
        for name, morsel in reply.cookies.items():
            if morsel["max-age"] == "0" or morsel.value == "":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return reply


def make_house(store: Store, clock: Clock, **settings: Any) -> House:
    """Put a service together: one page, one endpoint that changes something, one to push, the pages of the doors."""
    made = Settings(**settings)
    doors = Doors(store, made, Redactor(["hidden-secret"]), hasher=QUICK)
    context = Context(store, None, doors, None, Redactor(), made, None, None)  # type: ignore[arg-type]
    app = FastAPI()
    reader, changer = Depends(doors.page(Role.READ)), Depends(doors.page(Role.OPERATE))
    asker, asking_changer = Depends(doors.api(Role.READ)), Depends(doors.api(Role.OPERATE))
    add_refusals(app, context)
    add_routes(app, context)

    @app.get("/page")
    async def page(caller: Caller = reader) -> PlainTextResponse:
        return PlainTextResponse(f"{caller.name} {caller.kind} {caller.address}")

    @app.get("/csrf")
    async def csrf(request: Request, caller: Caller = reader) -> PlainTextResponse:
        return PlainTextResponse(doors.csrf(request))

    @app.get("/api/v1/look")
    async def look(caller: Caller = asker) -> dict[str, Any]:
        return {"name": caller.name, "kind": caller.kind, "address": caller.address}

    @app.post("/api/v1/change")
    async def change(request: Request, caller: Caller = asking_changer) -> dict[str, Any]:
        return {"name": caller.name, "bytes": len(await request.body())}

    @app.post("/change")
    async def change_page(caller: Caller = changer) -> PlainTextResponse:
        return PlainTextResponse("changed")

    @app.post("/api/v1/routes/{route}/push")
    async def push(request: Request, route: str) -> dict[str, Any]:
        caller = await doors.push(request, route)
        return {"name": caller.name, "bytes": len(await request.body())}

    @app.get("/static/abc/app.css")
    async def static() -> PlainTextResponse:
        return PlainTextResponse("", headers={"Cache-Control": "public, max-age=31536000, immutable"})

    @app.get("/livez")
    async def livez() -> PlainTextResponse:
        return PlainTextResponse("ok")

    return House(DoorMiddleware(app, context), doors, store, made, clock)


@pytest.fixture
def open_house(tmp_path: Any) -> Callable[..., AbstractAsyncContextManager[House]]:
    """Return what puts a service together, with settings, over a database of its own."""

    @asynccontextmanager
    async def open_it(**settings: Any) -> AsyncIterator[House]:
        clock = Clock()
        async with open_store(tmp_path / "doors.db", clock=clock) as store:
            house = make_house(store, clock, **settings)
            yield house
            await house.doors.aclose()

    return open_it


@pytest.fixture
async def house(open_house: Any) -> AsyncIterator[House]:
    """A service on this machine alone, with nobody in it."""
    async with open_house() as made:
        yield made


@pytest.fixture
async def public_house(open_house: Any) -> AsyncIterator[House]:
    """A service behind a proxy that speaks TLS, with one user."""
    async with open_house(host="0.0.0.0", public_url="https://hub.test", trusted_proxies="10.0.0.0/8") as made:
        await made.add_user()
        yield made
