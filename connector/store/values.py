"""Values kept by key."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Text, and_, bindparam, delete, func, literal, literal_column, select, tuple_

from connector.store.rows import StoredValue
from connector.store.statement import mend
from connector.store.tables import stored_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.store.database import Database, Transaction
    from connector.store.statement import Statement


class Values:
    """Reads and writes values inside transactions."""

    def __init__(self, database: Database) -> None:
        self._statements = database.statements

    def write(self, transaction: Transaction, values: Sequence[StoredValue]) -> None:
        """Keep values, the last of each key; those without a value are deleted."""
        last = {(value.store, mend(value.key)): value.value for value in values}
        kept = [(store, key, value.decode()) for (store, key), value in sorted(last.items()) if value]
        gone = [place for place, value in sorted(last.items()) if not value]
        if kept:
            transaction.run_batch(self._keep, kept, now=transaction.now_ms)
        if gone:
            transaction.run_batch(self._delete, gone)

    def find(self, transaction: Transaction, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Return what is kept at these places; one that holds nothing is not in the result."""
        asked = {(store, mend(key)): (store, key) for store, key in places}
        rows = transaction.run_batch(self._find, asked) if asked else ()
        return {asked[store, key]: value.encode() for store, key, value in rows}

    def list_after(
        self, transaction: Transaction, store: str | None, after: tuple[str, str], limit: int
    ) -> list[StoredValue]:
        """Return values by store and key, those behind a place."""
        place = tuple_(stored_values.c.store, stored_values.c.key)
        query = (
            select(stored_values.c.store, stored_values.c.key, stored_values.c.value)
            .where(place > tuple_(literal(after[0]), literal(after[1])))
            .order_by(stored_values.c.store, stored_values.c.key)
            .limit(limit)
        )
        if store is not None:
            query = query.where(stored_values.c.store == store)
        return [StoredValue(name, key, value.encode()) for name, key, value in transaction.fetch(query)]

    def clear(self, transaction: Transaction, store: str) -> int:
        """Delete all values of a store, and return how many there were."""
        return transaction.change(self._clear, store=store)

    def count(self, transaction: Transaction) -> dict[str, int]:
        """Return how many values each store holds."""
        return dict(transaction.run(self._count))

    @cached_property
    def _keep(self) -> Statement:
        rows = self._statements.rows("rows", store=Text(), key=Text(), value=Text())
        fresh = self._statements.insert(stored_values).from_select(
            ["store", "key", "value", "updated_at"],
            select(rows.c.store, rows.c.key, rows.c.value, bindparam("now", type_=BigInteger())).where(
                literal_column("true")
            ),
        )
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[stored_values.c.store, stored_values.c.key],
                set_={"value": fresh.excluded.value, "updated_at": fresh.excluded.updated_at},
            )
        )

    @cached_property
    def _delete(self) -> Statement:
        rows = self._statements.rows("rows", store=Text(), key=Text())
        return self._statements.prepare(
            delete(stored_values).where(
                tuple_(stored_values.c.store, stored_values.c.key).in_(select(rows.c.store, rows.c.key))
            )
        )

    @cached_property
    def _find(self) -> Statement:
        rows = self._statements.rows("rows", store=Text(), key=Text())
        place: Any = and_(stored_values.c.store == rows.c.store, stored_values.c.key == rows.c.key)
        return self._statements.prepare(
            select(stored_values.c.store, stored_values.c.key, stored_values.c.value).join_from(
                rows, stored_values, place
            )
        )

    @cached_property
    def _clear(self) -> Statement:
        return self._statements.prepare(delete(stored_values).where(stored_values.c.store == bindparam("store")))

    @cached_property
    def _count(self) -> Statement:
        return self._statements.prepare(
            select(stored_values.c.store, func.count()).group_by(stored_values.c.store).order_by(stored_values.c.store)
        )
