"""What is seen to before the doors open."""

from __future__ import annotations

import pytest

from connector.errors import AccessError, SettingsError
from tests.server.doors.conftest import PASSWORD, Browser


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "192.168.1.5"},
        {"host": "hub.test"},
        {"public_url": "https://hub.test"},
        {"trusted_proxies": "127.0.0.1"},
        {"allowed_hosts": "hub.test"},
    ],
)
async def test_nobody_opens_to_others_without_anybody_who_may_come_in(open_house, settings):
    """Off this machine, and behind a proxy on it, a user or a token has to be there first."""
    async with open_house(**settings) as house:
        with pytest.raises(AccessError, match="connector user create") as caught:
            await house.doors.open()
        await house.add_token("push:orders")
        await house.doors.open()

    assert "neither a user nor a token" in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
async def test_this_machine_alone_needs_nobody(open_house, host):
    """On loopback it starts as it is."""
    async with open_house(host=host) as house:
        await house.doors.open()

        assert await house.doors.is_open()


async def test_a_token_that_is_over_opens_nothing(open_house):
    """Only who can come in counts."""
    async with open_house(host="0.0.0.0") as house:
        await house.add_token("read", name="old", expires_at_ms=house.clock.now_ms)
        await house.add_token("read", name="gone")
        await house.store.accounts.revoke_token("gone")
        await house.store.accounts.put_user("ann", password_hash="x", role="read", is_disabled=True)

        with pytest.raises(AccessError):
            await house.doors.open()


async def test_the_administrator_is_made_once(open_house):
    """Where nobody is there; later the setting changes nothing."""
    async with open_house(host="0.0.0.0", admin_password=PASSWORD) as house:
        await house.doors.open()
        first = await house.store.accounts.user("admin")
        await house.doors.open()
        logged_in = await Browser(house, peer="127.0.0.1").log_in("admin")

        assert first is not None
        assert first.role == "operate"
        assert await house.store.accounts.user("admin") == first
        assert logged_in.status == 303
        assert ("CONNECTOR_ADMIN_PASSWORD", "users.create", "admin", "done") in await house.audited()


async def test_a_weak_administrator_is_not_made(open_house):
    """What anybody guesses is refused, with what to do; the password is not told."""
    async with open_house(admin_password="adminadmin") as house:
        with pytest.raises(SettingsError) as caught:
            await house.doors.open()

    assert "CONNECTOR_ADMIN_PASSWORD: the password is too short" in str(caught.value)
    assert "adminadmin" not in str(caught.value)
