"""Who may come in, and who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.errors import StoreError
from connector.store.rows import AuditEntry, SessionRow, UserRow

if TYPE_CHECKING:
    from connector.store.store import Store

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


async def put(store: Store, name: str = "ann", **options: Any) -> bool:
    """Keep a user."""
    return await store.accounts.put_user(name, **{"password_hash": "$argon2", "role": "operate", **options})


async def log_in(store: Store, key: str = "s1", user: str = "ann", *, expires_in_ms: int = HOUR_MS) -> SessionRow:
    """Open a session."""
    return await store.accounts.open_session(
        hash=key, user=user, csrf="c", expires_at_ms=store.now_ms() + expires_in_ms, address="::1", agent="Firefox"
    )


async def add_token(store: Store, name: str = "erp", **options: Any) -> Any:
    """Keep a token whose hash is its name."""
    values = {"hash": f"hash of {name}", "roles": ["read", "push:orders"], "created_by": "ann", **options}
    return await store.accounts.add_token(name, **values)


async def test_a_user_is_kept(store: Store, clock) -> None:
    """All of them are listed by name; a name nobody has finds nobody."""
    began = clock.now_ms
    await put(store, "bob", role="read")
    await put(store)

    assert await store.accounts.user("ann") == UserRow("ann", "$argon2", "operate", began, began)
    assert [user.name for user in await store.accounts.users()] == ["ann", "bob"]
    assert await store.accounts.user("eve") is None


async def test_a_user_is_changed(store: Store, clock) -> None:
    """When they were made stays; whoever is changed is logged out everywhere."""
    began = clock.now_ms
    await put(store)
    await put(store, "bob")
    await log_in(store)
    await log_in(store, "s2", "bob")
    clock.advance(5)

    assert await put(store, password_hash="other", role="read", is_disabled=True)

    assert await store.accounts.user("ann") == UserRow("ann", "other", "read", began, began + 5, is_disabled=True)
    assert await store.accounts.session_by_hash("s1") is None
    assert await store.accounts.session_by_hash("s2") is not None


async def test_a_user_is_not_replaced_unasked(store: Store) -> None:
    """Whoever wants to make one learns that the name is taken."""
    await put(store)

    assert not await put(store, password_hash="other", may_replace=False)

    kept = await store.accounts.user("ann")
    assert kept is not None
    assert kept.password_hash == "$argon2"


async def test_a_user_who_is_removed_is_logged_out(store: Store) -> None:
    """Their sessions go with them."""
    await put(store)
    await log_in(store)

    assert await store.accounts.remove_user("ann")
    assert not await store.accounts.remove_user("ann")

    assert await store.accounts.session_by_hash("s1") is None
    assert await store.accounts.users() == []


async def test_a_token_is_found_by_its_hash(store: Store, clock) -> None:
    """With all there is to know of it."""
    made = await add_token(store, expires_at_ms=clock.now_ms + 10)

    found = await store.accounts.token_by_hash("hash of erp")

    assert found == made
    assert (found.name, found.roles, found.created_by) == ("erp", ("read", "push:orders"), "ann")
    assert (found.is_valid(clock.now_ms), found.is_valid(clock.now_ms + 10)) == (True, False)
    assert await store.accounts.token_by_hash("other") is None


async def test_two_valid_tokens_never_share_a_name(store: Store, clock) -> None:
    """A name is free again when its token was revoked or has expired; the old one stays on record."""
    await add_token(store, expires_at_ms=clock.now_ms + 10)
    taken = await add_token(store, hash="h2")
    clock.advance(10)
    second = await add_token(store, hash="h3")
    await store.accounts.revoke_token("erp")
    third = await add_token(store, hash="h4")

    assert taken is None
    assert second is not None
    assert third is not None
    tokens = await store.accounts.tokens()
    assert [(token.hash, token.is_valid(clock.now_ms)) for token in tokens] == [
        ("hash of erp", False),
        ("h3", False),
        ("h4", True),
    ]


@pytest.mark.parametrize("is_by_id", [True, False])
async def test_a_revoked_token_is_not_valid(store: Store, clock, is_by_id) -> None:
    """By its id or its name, once; when that was stays."""
    made = await add_token(store)
    meant = made.id if is_by_id else made.name

    assert await store.accounts.revoke_token(meant)
    clock.advance(5)
    assert not await store.accounts.revoke_token(meant)

    found = await store.accounts.token_by_hash("hash of erp")
    assert found is not None
    assert (found.revoked_at_ms, found.is_valid(clock.now_ms)) == (clock.now_ms - 5, False)


async def test_the_last_use_of_a_token_never_goes_back(store: Store) -> None:
    """Processes note it in bunches, in whatever order."""
    made = await add_token(store)

    await store.accounts.touch_tokens({made.id: 20})
    await store.accounts.touch_tokens({made.id: 10, 999: 5})
    await store.accounts.touch_tokens({})

    assert [token.last_used_at_ms for token in await store.accounts.tokens()] == [20]


async def test_a_session_is_found_until_it_expires(store: Store, clock) -> None:
    """Being seen may put that off."""
    await put(store)
    opened = await log_in(store)
    clock.advance(HOUR_MS - 1)
    assert await store.accounts.session_by_hash("s1") == opened

    await store.accounts.touch_session("s1", expires_at_ms=clock.now_ms + HOUR_MS)
    clock.advance(HOUR_MS - 1)
    found = await store.accounts.session_by_hash("s1")
    clock.advance(1)

    assert found is not None
    assert (found.seen_at_ms, found.user, found.csrf) == (opened.seen_at_ms + HOUR_MS - 1, "ann", "c")
    assert await store.accounts.session_by_hash("s1") is None


async def test_a_disabled_user_has_no_session(store: Store) -> None:
    """Also not one that is opened behind it."""
    await put(store, is_disabled=True)

    await log_in(store)

    assert await store.accounts.session_by_hash("s1") is None


async def test_nobody_has_no_session(store: Store) -> None:
    """A session is somebody's."""
    with pytest.raises(StoreError):
        await log_in(store, user="eve")


async def test_sessions_are_closed(store: Store) -> None:
    """One, or all of a user but the one they ask from."""
    await put(store)
    for key in ("s1", "s2", "s3"):
        await log_in(store, key)

    assert await store.accounts.close_session("s1")
    assert not await store.accounts.close_session("s1")
    assert await store.accounts.close_sessions_of("ann", but="s3") == 1

    assert [session.hash for session in await store.accounts.sessions_of("ann")] == ["s3"]
    assert await store.accounts.close_sessions_of("ann") == 1


async def test_expired_sessions_are_pruned(store: Store, clock) -> None:
    """What nobody can use is not kept."""
    await put(store)
    await log_in(store)
    await log_in(store, "s2", expires_in_ms=2 * HOUR_MS)
    clock.advance(HOUR_MS)

    await store.prune_kept()
    clock.now_ms -= HOUR_MS

    assert [session.hash for session in await store.accounts.sessions_of("ann")] == ["s2"]


async def test_what_was_done_is_kept(store: Store) -> None:
    """Newest first, page by page, or what was done to one subject."""
    entries = [
        AuditEntry(at, "ann", "user", "::1", "routes.pause", f"route-{at % 2}", {"reason": "é\x00"}) for at in range(5)
    ]
    await store.audit.add(*entries)
    await store.audit.add()

    newest = await store.audit.list(2)
    next_page = await store.audit.list(2, newest[-1].id)
    of_one = await store.audit.list(subject="route-1")

    assert [entry.at_ms for entry in newest] == [4, 3]
    assert [entry.at_ms for entry in next_page] == [2, 1]
    assert [entry.at_ms for entry in of_one] == [3, 1]
    assert newest[0].detail == {"reason": "é\x00"}


async def test_the_audit_log_goes_back_a_year(store: Store, clock) -> None:
    """And some time: 400 days."""
    await store.audit.add(AuditEntry(clock.now_ms, "ann", "user", "::1", "login"))
    clock.advance(400 * DAY_MS)
    await store.prune_kept()
    assert len(await store.audit.list()) == 1
    clock.advance(1)

    await store.prune_kept()

    assert await store.audit.list() == []
