"""`Store.accounts`: who may come in. Passwords and tokens are known by their hashes alone, which are made elsewhere."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import BigInteger, SmallInteger, Text, and_, bindparam, delete, func, or_, select, update

from connector.store.rows import SessionRow, TokenRow, UserRow
from connector.store.statement import mend
from connector.store.tables import sessions, tokens, users

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement

_USER: Final = (
    users.c.name,
    users.c.password_hash,
    users.c.role,
    users.c.created_at,
    users.c.changed_at,
    users.c.is_disabled,
)
_TOKEN: Final = (
    tokens.c.id,
    tokens.c.name,
    tokens.c.hash,
    tokens.c.roles,
    tokens.c.created_at,
    tokens.c.created_by,
    tokens.c.expires_at,
    tokens.c.last_used_at,
    tokens.c.revoked_at,
)
_SESSION: Final = (
    sessions.c.hash,
    sessions.c.user,
    sessions.c.csrf,
    sessions.c.created_at,
    sessions.c.seen_at,
    sessions.c.expires_at,
    sessions.c.address,
    sessions.c.agent,
)


class Accounts:
    """Users, tokens and sessions. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def users(self) -> list[UserRow]:
        """Return all users by name."""
        rows = await self._database.read(lambda transaction: transaction.run(self._list_users))
        return [_read_user(row) for row in rows]

    async def user(self, name: str) -> UserRow | None:
        """Return a user, or None where nobody has the name."""
        rows = await self._database.read(lambda transaction: transaction.run(self._find_user, name=mend(name)))
        return _read_user(rows[0]) if rows else None

    async def put_user(
        self, name: str, *, password_hash: str, role: str, is_disabled: bool = False, may_replace: bool = True
    ) -> bool:
        """Keep a user, new or changed, and return whether it was kept.

        Whoever gets another password, another role, or is disabled, is logged out everywhere.

        Args:
            name: By which they log in.
            password_hash: As whoever checks passwords writes it.
            role: What they may.
            is_disabled: Whether they may not log in.
            may_replace: Whether a user of that name may be there; else nothing is changed then.
        """
        values = {
            "name": mend(name),
            "password_hash": password_hash,
            "role": role,
            "is_disabled": int(is_disabled),
        }

        def work(transaction: Transaction) -> bool:
            kept = transaction.run(self._put_user if may_replace else self._add_user, now=transaction.now_ms, **values)
            if kept and may_replace:
                transaction.run(self._close_of, user=mend(name), but="")
            return bool(kept)

        return await self._database.write(work)

    async def remove_user(self, name: str) -> bool:
        """Delete a user and their sessions, and return whether there was one."""
        return await self._database.write(
            lambda transaction: transaction.change(self._remove_user, name=mend(name)) > 0
        )

    async def tokens(self) -> list[TokenRow]:
        """Return all tokens, valid or not, oldest first."""
        rows = await self._database.read(lambda transaction: transaction.run(self._list_tokens))
        return [_read_token(row) for row in rows]

    async def token_by_hash(self, hash: str) -> TokenRow | None:  # noqa: A002 - what it is
        """Return the token whose secret has this SHA-256, in hex, valid or not; None where there is none."""
        rows = await self._database.read(lambda transaction: transaction.run(self._find_token, hash=hash))
        return _read_token(rows[0]) if rows else None

    async def add_token(
        self,
        name: str,
        *,
        hash: str,  # noqa: A002 - what it is
        roles: Sequence[str],
        created_by: str,
        expires_at_ms: int | None = None,
    ) -> TokenRow | None:
        """Keep a new token, and return it; None where a valid one has the name.

        Args:
            name: What people call it. One of that name which is not valid any more stays, for the record.
            hash: SHA-256 of its secret, in hex.
            roles: What it may.
            created_by: Who makes it.
            expires_at_ms: From when on it is not valid any more, or None for never.
        """
        values = {
            "name": mend(name),
            "hash": hash,
            "roles": orjson.dumps(list(roles)).decode(),
            "created_by": mend(created_by),
            "expires_at": expires_at_ms,
        }

        def work(transaction: Transaction) -> TokenRow | None:
            now = transaction.now_ms
            transaction.run(self._retire_token, name=values["name"], now=now)
            rows = transaction.run(self._add_token, now=now, **values)
            return _read_token(rows[0]) if rows else None

        return await self._database.write(work)

    async def revoke_token(self, token: int | str) -> bool:
        """Have a token let nobody in any more, by its id or by its name, and return whether there was a valid one."""
        statement = self._revoke_id if isinstance(token, int) else self._revoke_name
        meant = token if isinstance(token, int) else mend(token)
        return await self._database.write(
            lambda transaction: transaction.change(statement, token=meant, now=transaction.now_ms) > 0
        )

    async def touch_tokens(self, used: Mapping[int, int]) -> None:
        """Note when tokens were used last: ms since the epoch, by id."""
        if used:
            await self._database.write(lambda transaction: transaction.run_batch(self._touch_tokens, used.items()))

    async def open_session(
        self,
        *,
        hash: str,  # noqa: A002 - what it is
        user: str,
        csrf: str,
        expires_at_ms: int,
        address: str = "",
        agent: str = "",
    ) -> SessionRow:
        """Keep that somebody has logged in; the user must be there.

        Args:
            hash: SHA-256 of what the browser keeps, in hex.
            user: Who.
            csrf: What a form has to bring along.
            expires_at_ms: From when on they have to log in anew.
            address: From where.
            agent: What their browser calls itself.

        Raises:
            StoreError: There is no such user, or the database cannot be used.
        """
        values = {
            "hash": hash,
            "user": mend(user),
            "csrf": csrf,
            "expires_at": expires_at_ms,
            "address": mend(address),
            "agent": mend(agent),
        }
        rows = await self._database.write(
            lambda transaction: transaction.run(self._open_session, now=transaction.now_ms, **values)
        )
        return SessionRow(*rows[0])

    async def session_by_hash(self, hash: str) -> SessionRow | None:  # noqa: A002 - what it is
        """Return a session that has not expired, of a user who is not disabled, or None."""
        rows = await self._database.read(
            lambda transaction: transaction.run(self._find_session, hash=hash, now=transaction.now_ms)
        )
        return SessionRow(*rows[0]) if rows else None

    async def sessions_of(self, user: str) -> list[SessionRow]:
        """Return where a user is logged in, newest first."""
        rows = await self._database.read(
            lambda transaction: transaction.run(self._list_sessions, user=mend(user), now=transaction.now_ms)
        )
        return [SessionRow(*row) for row in rows]

    async def touch_session(
        self,
        hash: str,  # noqa: A002 - what it is
        *,
        expires_at_ms: int | None = None,
    ) -> None:
        """Note that somebody was seen just now, and until when they stay logged in, where that changes."""
        await self._database.write(
            lambda transaction: transaction.run(
                self._touch_session, hash=hash, now=transaction.now_ms, expires_at=expires_at_ms
            )
        )

    async def close_session(self, hash: str) -> bool:  # noqa: A002 - what it is
        """Log somebody out, and return whether they were in."""
        return await self._database.write(lambda transaction: transaction.change(self._close_session, hash=hash) > 0)

    async def close_sessions_of(self, user: str, *, but: str = "") -> int:
        """Log a user out everywhere, but for the session with a hash, and return from how many."""
        return await self._database.write(
            lambda transaction: transaction.change(self._close_of, user=mend(user), but=but)
        )

    @cached_property
    def _list_users(self) -> Statement:
        return self._statements.prepare(select(*_USER).order_by(users.c.name))

    @cached_property
    def _find_user(self) -> Statement:
        return self._statements.prepare(select(*_USER).where(users.c.name == bindparam("name", type_=Text())))

    @cached_property
    def _put_user(self) -> Statement:
        fresh = self._new_user()
        new = fresh.excluded
        changes = {name: new[name] for name in ("password_hash", "role", "changed_at", "is_disabled")}
        return self._statements.prepare(
            fresh.on_conflict_do_update(index_elements=[users.c.name], set_=changes).returning(users.c.name)
        )

    @cached_property
    def _add_user(self) -> Statement:
        return self._statements.prepare(self._new_user().on_conflict_do_nothing().returning(users.c.name))

    def _new_user(self) -> Any:
        now = bindparam("now", type_=BigInteger())
        return self._statements.insert(users).values(
            name=bindparam("name", type_=Text()),
            password_hash=bindparam("password_hash", type_=Text()),
            role=bindparam("role", type_=Text()),
            created_at=now,
            changed_at=now,
            is_disabled=bindparam("is_disabled", type_=SmallInteger()),
        )

    @cached_property
    def _remove_user(self) -> Statement:
        return self._statements.prepare(delete(users).where(users.c.name == bindparam("name", type_=Text())))

    @cached_property
    def _list_tokens(self) -> Statement:
        return self._statements.prepare(select(*_TOKEN).order_by(tokens.c.id))

    @cached_property
    def _find_token(self) -> Statement:
        return self._statements.prepare(select(*_TOKEN).where(tokens.c.hash == bindparam("hash", type_=Text())))

    @cached_property
    def _retire_token(self) -> Statement:
        """Revoke what has expired under a name, so that the name is free."""
        now = bindparam("now", type_=BigInteger())
        return self._statements.prepare(
            update(tokens)
            .where(
                tokens.c.name == bindparam("name", type_=Text()),
                tokens.c.revoked_at.is_(None),
                tokens.c.expires_at <= now,
            )
            .values(revoked_at=tokens.c.expires_at)
        )

    @cached_property
    def _add_token(self) -> Statement:
        return self._statements.prepare(
            self._statements.insert(tokens)
            .values(
                name=bindparam("name", type_=Text()),
                hash=bindparam("hash", type_=Text()),
                roles=bindparam("roles", type_=Text()),
                created_at=bindparam("now", type_=BigInteger()),
                created_by=bindparam("created_by", type_=Text()),
                expires_at=bindparam("expires_at", type_=BigInteger()),
            )
            .on_conflict_do_nothing()
            .returning(*_TOKEN)
        )

    @cached_property
    def _revoke_id(self) -> Statement:
        return self._revoke(tokens.c.id == bindparam("token", type_=BigInteger()))

    @cached_property
    def _revoke_name(self) -> Statement:
        return self._revoke(tokens.c.name == bindparam("token", type_=Text()))

    def _revoke(self, condition: Any) -> Statement:
        return self._statements.prepare(
            update(tokens)
            .where(condition, tokens.c.revoked_at.is_(None))
            .values(revoked_at=bindparam("now", type_=BigInteger()))
        )

    @cached_property
    def _touch_tokens(self) -> Statement:
        rows = self._statements.rows("rows", id=BigInteger(), at=BigInteger())
        is_later = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < rows.c.at)
        return self._statements.prepare(
            update(tokens).where(tokens.c.id == rows.c.id, is_later).values(last_used_at=rows.c.at)
        )

    @cached_property
    def _open_session(self) -> Statement:
        now = bindparam("now", type_=BigInteger())
        return self._statements.prepare(
            self._statements.insert(sessions)
            .values(
                hash=bindparam("hash", type_=Text()),
                user=bindparam("user", type_=Text()),
                csrf=bindparam("csrf", type_=Text()),
                created_at=now,
                seen_at=now,
                expires_at=bindparam("expires_at", type_=BigInteger()),
                address=bindparam("address", type_=Text()),
                agent=bindparam("agent", type_=Text()),
            )
            .returning(*_SESSION)
        )

    @cached_property
    def _find_session(self) -> Statement:
        is_theirs = and_(users.c.name == sessions.c.user, users.c.is_disabled == 0)
        return self._statements.prepare(
            select(*_SESSION)
            .join_from(sessions, users, is_theirs)
            .where(
                sessions.c.hash == bindparam("hash", type_=Text()),
                sessions.c.expires_at > bindparam("now", type_=BigInteger()),
            )
        )

    @cached_property
    def _list_sessions(self) -> Statement:
        return self._statements.prepare(
            select(*_SESSION)
            .where(
                sessions.c.user == bindparam("user", type_=Text()),
                sessions.c.expires_at > bindparam("now", type_=BigInteger()),
            )
            .order_by(sessions.c.created_at.desc(), sessions.c.hash)
        )

    @cached_property
    def _touch_session(self) -> Statement:
        until = bindparam("expires_at", type_=BigInteger())
        return self._statements.prepare(
            update(sessions)
            .where(sessions.c.hash == bindparam("hash", type_=Text()))
            .values(
                seen_at=bindparam("now", type_=BigInteger()), expires_at=func.coalesce(until, sessions.c.expires_at)
            )
        )

    @cached_property
    def _close_session(self) -> Statement:
        return self._statements.prepare(delete(sessions).where(sessions.c.hash == bindparam("hash", type_=Text())))

    @cached_property
    def _close_of(self) -> Statement:
        return self._statements.prepare(
            delete(sessions).where(
                sessions.c.user == bindparam("user", type_=Text()), sessions.c.hash != bindparam("but", type_=Text())
            )
        )


def _read_user(row: Sequence[Any]) -> UserRow:
    name, password_hash, role, created_at, changed_at, is_disabled = row
    return UserRow(name, password_hash, role, created_at, changed_at, bool(is_disabled))


def _read_token(row: Sequence[Any]) -> TokenRow:
    number, name, digest, roles, *rest = row
    return TokenRow(number, name, digest, tuple(orjson.loads(roles)), *rest)
