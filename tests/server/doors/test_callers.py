"""Who calls, and what they may."""

from __future__ import annotations

import pytest

from connector.server.doors.doors import Caller
from connector.server.doors.tokens import make_token

JSON = ("content-type", "application/json")


def bearer(token: str) -> tuple[str, str]:
    """Return the header that shows a token."""
    return "authorization", f"Bearer {token}"


async def test_this_machine_comes_in_where_nobody_is_a_user(house):
    """On loopback without users, a program of this machine may do everything."""
    looked = await house.ask("GET", "/api/v1/look")
    changed = await house.ask("POST", "/api/v1/change", JSON, body=b"{}")

    assert looked.json == {"name": "local", "kind": "local", "address": "127.0.0.1"}
    assert changed.status == 200


async def test_this_machine_has_to_log_in_once_there_is_a_user(house):
    """The first user closes the doors that stood open."""
    await house.add_user()

    page = await house.ask("GET", "/page", ("accept", "text/html"))
    api = await house.ask("GET", "/api/v1/look")

    assert (page.status, page["location"]) == (303, "/login?next=%2Fpage")
    assert (api.status, api["www-authenticate"]) == (401, 'Bearer realm="connector"')
    assert api["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header",
    [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9"), ("via", "1.1 proxy"), ("x-real-ip", "::1")],
)
async def test_what_a_proxy_passes_on_is_not_of_this_machine(house, header):
    """A proxy on this machine that nobody declared opens the doors to nobody."""
    assert (await house.ask("GET", "/api/v1/look", header)).status == 401


async def test_another_machine_is_never_local(house):
    """Who is not on loopback has to show something, whatever the service listens on."""
    assert (await house.ask("GET", "/api/v1/look", peer="203.0.113.9")).status == 401


async def test_a_connection_without_an_address_is_never_local(house):
    """On a Unix socket nobody can tell who is at the other end."""
    assert (await house.ask("GET", "/api/v1/look", peer=None)).status == 401


async def test_exposed_service_knows_no_local_callers(public_house):
    """Where other machines come in, this machine has to show something too."""
    assert (await public_house.ask("GET", "/api/v1/look", host="127.0.0.1")).status == 401


async def test_a_token_is_known(house):
    """A token comes in by its header, and its use is noted."""
    token = await house.add_token("read")

    looked = await house.ask("GET", "/api/v1/look", bearer(token))
    await house.doors.aclose()

    assert looked.json == {"name": "robot", "kind": "token", "address": "127.0.0.1"}
    assert (await house.store.accounts.tokens())[0].last_used_at_ms == house.clock.now_ms


@pytest.mark.parametrize("written", ["", "cn_", "cn_x", "well-formed", "é" * 52, "hidden"])
async def test_a_token_that_nobody_gave_out_is_refused(house, written):
    """Whoever shows a token is judged by it, and not taken for a local caller instead."""
    shown = make_token() if written == "well-formed" else written

    refused = await house.ask("GET", "/api/v1/look", bearer(shown))

    assert refused.status == 401
    assert refused["www-authenticate"].endswith('error="invalid_token"')


async def test_a_revoked_token_is_refused(house, monkeypatch):
    """A token that was revoked lets nobody in any more, once what is remembered of it is old."""
    monkeypatch.setattr("connector.server.doors.doors.TOKEN_AGE_S", 0.0)
    token = await house.add_token("read")
    before = await house.ask("GET", "/api/v1/look", bearer(token))
    await house.store.accounts.revoke_token("robot")

    after = await house.ask("GET", "/api/v1/look", bearer(token))

    assert (before.status, after.status) == (200, 401)


async def test_an_expired_token_is_refused(house):
    """A token ends to the millisecond, also one that is remembered."""
    token = await house.add_token("read", expires_at_ms=house.clock.now_ms + 10)
    before = await house.ask("GET", "/api/v1/look", bearer(token))
    house.clock.now_ms += 10

    after = await house.ask("GET", "/api/v1/look", bearer(token))

    assert (before.status, after.status) == (200, 401)


async def test_a_token_is_looked_up_once(house, monkeypatch):
    """The hot path asks the database about a token every few seconds, not with every push."""
    token = await house.add_token("push:*")
    asked = []
    look_up = house.store.accounts.token_by_hash

    async def note(digest: str):
        asked.append(digest)
        return await look_up(digest)

    monkeypatch.setattr(house.store.accounts, "token_by_hash", note)

    for _ in range(20):
        assert (await house.ask("POST", "/api/v1/routes/orders/push", bearer(token), body=b"{}")).status == 200

    assert len(asked) == 1


async def test_what_cannot_be_a_token_is_not_looked_up(house, monkeypatch):
    """A wrong checksum is refused without the database."""
    monkeypatch.setattr(house.store, "accounts", None)
    wrong = "cn_" + "A" * 49

    assert (await house.ask("GET", "/api/v1/look", bearer(wrong))).status == 401


@pytest.mark.parametrize(
    ("roles", "looks", "changes", "pushes"),
    [
        (("read",), 200, 403, 403),
        (("operate",), 200, 200, 200),
        (("push:orders",), 403, 403, 200),
        (("push:other",), 403, 403, 403),
        (("push:*",), 403, 403, 200),
        (("read", "push:orders"), 200, 403, 200),
    ],
)
async def test_roles_allow_what_they_say(house, roles, looks, changes, pushes):
    """Operate holds read and push; who may only push may look at nothing."""
    token = await house.add_token(*roles)

    looked = await house.ask("GET", "/api/v1/look", bearer(token))
    changed = await house.ask("POST", "/api/v1/change", bearer(token), JSON, body=b"{}")
    pushed = await house.ask("POST", "/api/v1/routes/orders/push", bearer(token), JSON, body=b"{}")

    assert (looked.status, changed.status, pushed.status) == (looks, changes, pushes)


async def test_a_token_needs_no_further_proof(house):
    """No browser sends the header by itself, so a token may come with any origin."""
    token = await house.add_token("operate")

    changed = await house.ask(
        "POST", "/api/v1/change", bearer(token), ("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")
    )

    assert changed.status == 200


async def test_another_scheme_is_none_of_ours(house):
    """A proxy's own `Basic` does not keep a caller from being known otherwise."""
    looked = await house.ask("GET", "/api/v1/look", ("authorization", "Basic YTpi"))

    assert looked.json["kind"] == "local"


async def test_two_authorizations_are_refused(house):
    """Of two headers one would be checked, and another one meant."""
    token = await house.add_token("read")

    refused = await house.ask("GET", "/api/v1/look", bearer(token), bearer(make_token()))

    assert refused.status == 400


async def test_who_did_what_is_written_down_without_secrets(house):
    """An entry names caller, action, subject and outcome, and its details are masked."""
    caller = Caller("ann", "user", frozenset({"operate"}), "10.0.0.7")

    await house.doors.note(caller, "tasks.skip", "orders", {"reason": ["it said hidden-secret"], "count": 3})

    (entry,) = await house.store.audit.list()
    assert (entry.by, entry.kind, entry.address, entry.action) == ("ann", "user", "10.0.0.7", "tasks.skip")
    assert entry.detail == {"outcome": "done", "reason": ["it said ***"], "count": 3}
    assert entry.at_ms == house.clock.now_ms
