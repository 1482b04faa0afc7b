"""Every page and every answer of the whole service, asked for by somebody who may see everything."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from connector.app.project import load
from connector.config.settings import Settings
from connector.redaction import Redactor
from connector.server.application import make_application
from connector.server.assembly import make_context
from connector.server.doors.policy import CONTENT_POLICY, STATIC
from connector.server.observe.ring import LogRing
from connector.server.service import Service
from connector.store.rows import NewTask
from connector.store.store import open_store
from tests.server.doors.conftest import PASSWORD, Browser, Clock, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

SECRETS: Final = {
    "SHOP_KEY": "shop-key-4f1c9b27d0",
    "ERP_TOKEN": "erp token/with+odd&signs=7",
    "PROXY_PASSWORD": "proxy-password-88aa",
    "HMAC_SECRET": "hmac-secret-19af",
    "HOOK_TOKEN": "hook-token-5522bb",
    "HOOK_PASSWORD": "hook-password-0b0b",
    "HOOK_HEADER": "hook-header-777c",
    "ALERT_SECRET": "alert-secret-ee12",
    "ALERT_URL": "http://alerts.test/services/T00/B11/verysecretpath",
}
CONFIG: Final = """
clients:
  shop: {connector: opencart, base_url: "http://shop.test/", key: "${SHOP_KEY}", log_requests: true}
  erp: {connector: http, base_url: "http://erp.test/", auth: {bearer: "${ERP_TOKEN}"}}
incoming:
  signed: {webhook: {path: /signed, auth: {hmac: {header: X-Signature, secret: "${HMAC_SECRET}"}}}}
  shown: {webhook: {path: /shown, auth: {bearer: {token: "${HOOK_TOKEN}"}}}}
  basic: {webhook: {path: /basic, auth: {basic: {username: me, password: "${HOOK_PASSWORD}"}}}}
  headed: {webhook: {path: /headed, auth: {header: {name: X-Secret, value: "${HOOK_HEADER}"}}}}
  orders:
    subscriber: {client: erp, route: orders, records: "$.orders[*]"}
    schedule: {every: 1h}
routes:
  place:
    incoming: signed
    outgoing:
      publisher:
        client: shop
        entity: coupon.apply
        data: {coupon: "${HOOK_TOKEN}"}
  fetch: {incoming: orders, outgoing: {publisher: {client: erp, route: orders}}}
alerts:
  team: {url: "${ALERT_URL}", secret: "${ALERT_SECRET}", on: [route_stopped]}
"""
WANTED: Final[dict[str, list[str]]] = {
    "route": ["place", "absent"],
    "task": ["1", "2", "999"],
    "task_id": ["1", "999"],
    "client": ["shop", "erp", "absent"],
    "entity": ["coupon.apply", "absent"],
    "incoming": ["orders", "signed", "absent"],
    "path": ["signed"],
    "name": ["place", "shop", "orders", "absent"],
    "number": ["1"],
    "version": ["000000000000"],
}
"""What is put into the addresses, by the name of their part. An endpoint with another name is added here."""


EVERY_OTHER: Final = "/api/v1/{rest:path}"
"""Answers what is nothing else, without a look at who asks."""


class Endpoint(NamedTuple):
    """A path with its methods."""

    path: str
    methods: frozenset[str]


class Walked(House):
    """The whole service."""

    routes: list[Endpoint]


def list_endpoints(application: Any) -> list[Endpoint]:
    """Return the endpoints of an application, whatever stands in front of it, those of included routers among them."""
    while not hasattr(application, "routes"):
        application = application._app
    return list(_list_endpoints(application, ""))


def _list_endpoints(router: Any, prefix: str) -> Iterator[Endpoint]:
    for route in router.routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from _list_endpoints(included, prefix + route.include_context.prefix)
        elif (path := prefix + route.path) != EVERY_OTHER:
            yield Endpoint(path, frozenset(route.methods or {"GET", "POST"}) - {"HEAD"})


def list_addresses(endpoint: Endpoint) -> Iterator[str]:
    """Give the addresses of an endpoint, each part of them filled in with each thing of its name."""
    parts = re.findall(r"{(\w+)(?::\w+)?}", endpoint.path)
    unknown = [part for part in parts if part not in WANTED]
    assert not unknown, f"say in WANTED what stands for {unknown} in {endpoint.path}"
    for place in range(max(len(WANTED[part]) for part in parts) if parts else 1):
        address = endpoint.path
        for part in parts:
            chosen = WANTED[part][min(place, len(WANTED[part]) - 1)]
            address = re.sub(rf"{{{part}(?::\w+)?}}", chosen, address)
        yield address


@pytest.fixture
async def walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Walked]:
    """The whole service, with secrets wherever a configuration can have them, and tasks that quote them."""
    for name, text in SECRETS.items():
        monkeypatch.setenv(name, text)
    config = tmp_path / "whole.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    project = load(config)
    settings = Settings(admin_password=PASSWORD)  # type: ignore[arg-type]
    redactor = Redactor([*project.document.secrets, *settings.secrets])
    clock, ring = Clock(), LogRing()
    async with open_store(tmp_path / "whole.db", clock=clock) as store:
        service = Service(project, store, str(tmp_path / "whole.db"), redactor=redactor)
        async with make_context(store, service, settings, redactor=redactor, ring=ring) as context:
            quoted = json.dumps({"code": "2222", "note": f"it said {SECRETS['ERP_TOKEN']}"}).encode()
            await store.tasks.ingest([NewTask("place", quoted, key="a"), NewTask("fetch", b"{}")], token="walk")
            await store.routes.stop("place", f"refused: {SECRETS['SHOP_KEY']}")
            house = Walked(make_application(context), context.doors, store, settings, clock)
            house.routes = list_endpoints(house.app)
            yield house
        await service.aclose()


async def test_no_secret_is_rendered(walked):
    """Nothing that can be asked for shows a secret of configuration, settings or accounts, however it is spelt."""
    token = await walked.add_token("operate")
    browser = Browser(walked)
    logged_in = await _log_in(browser)
    (session,) = await walked.store.accounts.sessions_of("admin")
    user = await walked.store.accounts.user("admin")
    row = (await walked.store.accounts.tokens())[0]
    hidden = [*SECRETS.values(), PASSWORD, token, *browser.cookies.values(), session.hash, user.password_hash, row.hash]
    await walked.ask("POST", "/hooks/signed", ("x-signature", SECRETS["HMAC_SECRET"]), body=b"{}")

    shown: list[tuple[str, str]] = []
    for route in walked.routes:
        if "GET" not in route.methods:
            continue
        for address in list_addresses(route):
            for reply in (
                await browser.get(address),
                await walked.ask("GET", address, ("authorization", f"Bearer {token}"), ("accept", "application/json")),
            ):
                assert reply.status < 500 or address == "/readyz", (address, reply.text[:500])
                told = reply.text + "".join(value for name, value in reply.headers if name != "set-cookie")
                told += html.unescape(told)
                shown += [(address, secret) for secret in hidden if secret in told]

    assert logged_in.status == 303
    assert shown == []


async def test_every_answer_has_the_headers(walked):
    """No endpoint is without the policy, and what is no static file stays in no cache."""
    browser = Browser(walked)
    await _log_in(browser)

    bare = []
    for route in walked.routes:
        if "GET" not in route.methods:
            continue
        for address in list_addresses(route):
            reply = await browser.get(address)
            is_kept = reply["cache-control"] != "no-store" and not address.startswith(STATIC)
            if reply["content-security-policy"] != CONTENT_POLICY or is_kept or "<style" in reply.text:
                bare.append(address)

    assert bare == []


async def test_every_door_is_shut_to_strangers(walked):
    """Whoever shows nothing gets into no page and no endpoint, by whatever method; what stays open is named here."""
    open_to_all = {"/login", "/livez", "/readyz", "/api/v1/openapi.json"}
    reached = []
    for route in walked.routes:
        if route.path in open_to_all or route.path.startswith((STATIC, "/hooks/")):
            continue
        for method in route.methods:
            for address in list_addresses(route):
                reply = await walked.ask(
                    method, address, ("content-type", "application/json"), body=b"{}", peer="203.0.113.9"
                )
                is_led = reply.status == 303 and reply["location"].startswith("/login")
                if not (is_led or reply.status in {401, 403, 405, 422}):
                    reached.append((method, address, reply.status))

    assert reached == []


async def test_a_reader_changes_nothing(walked):
    """No endpoint that changes something lets a token in that may only look, whatever is asked for."""
    token = await walked.add_token("read")
    reads = {"/api/v1/validate", "/api/v1/transform", "/try"}  # they try something out, and keep nothing
    changed = []
    for route in walked.routes:
        if route.path in {"/login", "/logout"} | reads or route.path.startswith("/hooks/"):
            continue
        for method in route.methods - {"GET"}:
            for address in list_addresses(route):
                reply = await walked.ask(
                    method,
                    address,
                    ("authorization", f"Bearer {token}"),
                    ("content-type", "application/json"),
                    body=b"{}",
                )
                if reply.status < 400:
                    changed.append((method, address, reply.status))

    assert changed == []


async def test_forms_of_another_site_change_nothing(walked):
    """No endpoint takes a cookie for consent: without the token of the session everything is refused."""
    browser = Browser(walked)
    await _log_in(browser)
    kept = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    taken = []
    for route in walked.routes:
        if route.path.startswith("/hooks/"):
            continue
        for method in route.methods - {"GET"}:
            for address in list_addresses(route):
                for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
                    reply = await walked.ask(
                        method, address, ("cookie", kept), ("content-type", kind), ("origin", "https://evil.test")
                    )
                    if reply.status not in {403, 422}:
                        taken.append((method, address, kind, reply.status))

    assert taken == []


async def _log_in(browser: Browser) -> Any:
    form = await browser.get("/login")
    assert form.status == 200, form.text
    browser.csrf = browser.cookies["connector-form"]
    reply = await browser.post("/login", name="admin", password=PASSWORD)
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("/account")).text)
    assert found is not None
    browser.csrf = found[1]
    return reply
