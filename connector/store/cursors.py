"""How far each incoming has read.

A cursor that is forgotten leaves an empty value: its versions go on, so that whoever read an earlier one is never taken
for somebody who knows of what came after.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, Text, bindparam, literal_column, null, select, update

from connector.errors import CursorMovedError
from connector.store.phrases import NOTHING
from connector.store.rows import Cursor
from connector.store.tables import cursors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.database import Database, Transaction
    from connector.store.rows import CursorMove
    from connector.store.statement import Statement


class Cursors:
    """Reads and moves cursors inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def move(self, transaction: Transaction, move: CursorMove) -> None:
        """Move a cursor.

        Raises:
            CursorMovedError: It does not stand where the move starts from.
        """
        moved = transaction.run(
            self._move_from if move.version is not None else self._move,
            name=move.name,
            value=orjson.dumps(move.value).decode(),
            pending=None if move.pending is None else orjson.dumps(move.pending).decode(),
            now=transaction.now_ms,
            **({} if move.version is None else {"version": move.version}),
        )
        if move.version is not None and (not moved or moved[0][0] != move.version + 1):
            raise CursorMovedError(move.name)

    def find(self, transaction: Transaction, name: str) -> tuple[Cursor | None, int]:
        """Return a cursor, or None where nothing was read yet; and the version from which it moves on."""
        rows = transaction.run(self._find, name=name)
        if not rows:
            return None, 0
        return _read(rows[0]) if rows[0][1] else None, rows[0][3]

    def list_all(self, transaction: Transaction) -> list[Cursor]:
        """Return all cursors by name."""
        return [_read(row) for row in transaction.run(self._list)]

    def forget(self, transaction: Transaction, name: str) -> bool:
        """Forget a cursor, and return whether there was one."""
        return transaction.change(self._forget, name=name, now=transaction.now_ms) > 0

    @cached_property
    def _move(self) -> Statement:
        return self._statements.prepare(self._upsert())

    @cached_property
    def _move_from(self) -> Statement:
        return self._statements.prepare(self._upsert(cursors.c.version == bindparam("version", type_=BigInteger())))

    def _upsert(self, *conditions: Any) -> Any:
        fresh = self._statements.insert(cursors).values(
            name=bindparam("name", type_=Text()),
            value=bindparam("value", type_=Text()),
            pending=bindparam("pending", type_=Text()),
            version=literal_column("1"),
            updated_at=bindparam("now", type_=BigInteger()),
        )
        new = fresh.excluded
        changes = {
            "value": new.value,
            "pending": new.pending,
            "version": cursors.c.version + literal_column("1"),
            "updated_at": new.updated_at,
        }
        where = conditions[0] if conditions else None
        return fresh.on_conflict_do_update(index_elements=[cursors.c.name], set_=changes, where=where).returning(
            cursors.c.version
        )

    @cached_property
    def _find(self) -> Statement:
        return self._statements.prepare(self._query().where(cursors.c.name == bindparam("name")))

    @cached_property
    def _list(self) -> Statement:
        return self._statements.prepare(self._query().where(cursors.c.value != NOTHING).order_by(cursors.c.name))

    @cached_property
    def _forget(self) -> Statement:
        return self._statements.prepare(
            update(cursors)
            .where(cursors.c.name == bindparam("name", type_=Text()), cursors.c.value != NOTHING)
            .values(
                value=NOTHING,
                pending=null(),
                version=cursors.c.version + literal_column("1"),
                updated_at=bindparam("now", type_=BigInteger()),
            )
        )

    @staticmethod
    def _query() -> Any:
        return select(cursors.c.name, cursors.c.value, cursors.c.pending, cursors.c.version, cursors.c.updated_at)


def _read(row: Sequence[Any]) -> Cursor:
    name, value, pending, version, updated_at = row
    return Cursor(name, orjson.loads(value), None if pending is None else orjson.loads(pending), version, updated_at)
