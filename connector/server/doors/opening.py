"""What is seen to before the doors open: that somebody can come in, and nobody comes in whom no one has asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.errors import AccessError, SettingsError
from connector.server.doors.arrival import Arrivals
from connector.server.doors.passwords import check_password
from connector.server.doors.roles import Role
from connector.store.rows import AuditEntry

if TYPE_CHECKING:
    from connector.config.settings import Settings
    from connector.server.doors.passwords import Passwords
    from connector.store.store import Store

ADMINISTRATOR: Final = "admin"
_SETTING: Final = "CONNECTOR_ADMIN_PASSWORD"


async def make_administrator(store: Store, settings: Settings, passwords: Passwords) -> bool:
    """Make the user `admin` where the settings name a password and there is no user; return whether it was made.

    Later the setting changes nothing: who changed their password does not get the old one back with the next start.

    Args:
        store: Where accounts are kept.
        settings: How this process runs.
        passwords: Hashes the password.

    Raises:
        SettingsError: The password is too easy to guess.
        StoreError: The database cannot be used.
    """
    if settings.admin_password is None or await store.accounts.users():
        return False
    password = settings.admin_password.get_secret_value()
    try:
        check_password(ADMINISTRATOR, password)
    except AccessError as error:
        raise SettingsError(f"{_SETTING}: {error.message}", cure=error.cure) from error
    is_made = await store.accounts.put_user(
        ADMINISTRATOR, password_hash=await passwords.hash(password), role=Role.OPERATE.value, may_replace=False
    )
    if is_made:  # else another process was quicker
        entry = AuditEntry(store.now_ms(), _SETTING, "setting", "", "users.create", ADMINISTRATOR, {"outcome": "done"})
        await store.audit.add(entry)
    return is_made


async def refuse_to_start(store: Store, settings: Settings) -> None:
    """Refuse to open doors to other machines through which nobody could come, or everybody.

    They are open to other machines where the service listens on more than this one, and where a proxy or a public
    address is set: what a proxy of this machine passes on comes from anywhere.

    Args:
        store: Where accounts are kept.
        settings: How this process runs, the address it listens on as it really is.

    Raises:
        AccessError: There is neither a user nor a token.
        StoreError: The database cannot be used.
    """
    if not Arrivals(settings).is_exposed:
        return
    now_ms = store.now_ms()
    if any(not user.is_disabled for user in await store.accounts.users()):
        return
    if any(token.is_valid(now_ms) for token in await store.accounts.tokens()):
        return
    raise AccessError(
        f"on {settings.host} others than this machine can call, and there is neither a user nor a token",
        cure="make a user (connector user create NAME --role operate), or set CONNECTOR_ADMIN_PASSWORD_FILE; or listen "
        "on 127.0.0.1 alone, without CONNECTOR_PUBLIC_URL, CONNECTOR_ALLOWED_HOSTS and CONNECTOR_TRUSTED_PROXIES",
    )
