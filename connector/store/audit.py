"""`Store.audit`: who did what."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import BigInteger, Integer, Text, bindparam, select

from connector.store.rows import AuditEntry
from connector.store.statement import mend
from connector.store.tables import audit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.database import Database
    from connector.store.statement import Statement

_COLUMNS: Final = (
    audit.c.id,
    audit.c.at,
    audit.c.by,
    audit.c.kind,
    audit.c.address,
    audit.c.action,
    audit.c.subject,
    audit.c.detail,
)


class Audit:
    """What people and programs did through the doors. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def add(self, *entries: AuditEntry) -> None:
        """Keep entries, in order; their `id` is not looked at."""
        rows = [
            (
                entry.at_ms,
                entry.by,
                entry.kind,
                entry.address,
                entry.action,
                entry.subject,
                orjson.dumps(dict(entry.detail)).decode(),
            )
            for entry in entries
        ]
        if rows:
            await self._database.write(lambda transaction: transaction.run_batch(self._add, rows))

    async def list(
        self, limit: int = 100, before_id: int | None = None, *, subject: str | None = None
    ) -> list[AuditEntry]:
        """Return entries, newest first.

        Args:
            limit: How many at most.
            before_id: Only those with a lower id: the next page.
            subject: Only what was done to this.
        """
        below = before_id if before_id is not None else 2**63 - 1
        if subject is None:
            rows = await self._database.read(lambda transaction: transaction.run(self._list, limit=limit, below=below))
        else:
            rows = await self._database.read(
                lambda transaction: transaction.run(self._list_subject, limit=limit, below=below, subject=mend(subject))
            )
        return [_read(row) for row in rows]

    @cached_property
    def _add(self) -> Statement:
        rows = self._statements.rows(
            "rows",
            at=BigInteger(),
            by=Text(),
            kind=Text(),
            address=Text(),
            action=Text(),
            subject=Text(),
            detail=Text(),
        )
        return self._statements.prepare(
            self._statements.insert(audit).from_select([field.name for field in rows.c], select(*rows.c))
        )

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(self._query())

    @cached_property
    def _list_subject(self) -> Statement:
        return self._statements.prepare(self._query().where(audit.c.subject == bindparam("subject", type_=Text())))

    @staticmethod
    def _query() -> Any:
        return (
            select(*_COLUMNS)
            .where(audit.c.id < bindparam("below", type_=BigInteger()))
            .order_by(audit.c.id.desc())
            .limit(bindparam("limit", type_=Integer()))
        )


def _read(row: Sequence[Any]) -> AuditEntry:
    number, at, by, kind, address, action, subject, detail = row
    return AuditEntry(at, by, kind, address, action, subject, orjson.loads(detail), number)
