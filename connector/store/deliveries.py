"""What callers send at once: made into tasks once, however often it is sent."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, Text, and_, bindparam, literal_column, select, update

from connector.store.phrases import NOTHING
from connector.store.rows import Accepted
from connector.store.statement import mend
from connector.store.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.store.database import Database, Transaction
    from connector.store.ingest import Ingest
    from connector.store.rows import Delivery
    from connector.store.statement import Statement

Place = tuple[str, str]
"""Source and digest of a delivery."""


class Deliveries:
    """Accepts deliveries inside transactions."""

    def __init__(self, database: Database, ingest: Ingest) -> None:
        self._statements = database.statements
        self._ingest = ingest

    def accept(self, transaction: Transaction, batch: Sequence[Delivery]) -> list[Accepted]:
        """Make tasks of deliveries that are new, and return what became of each, in order.

        Each leaves a row: by its digest, or by its token where it has none. Whoever writes the row first makes the
        tasks; on PostgreSQL the others wait for it until it is known what came of that.
        """
        now = transaction.now_ms
        places = [_place(delivery) for delivery in batch]
        first: dict[Place, Delivery] = {}
        for place, delivery in zip(places, batch, strict=True):
            first.setdefault(place, delivery)
        rows = [
            (*place, delivery.token, _write(delivery), now + (delivery.window_ms if delivery.digest is not None else 0))
            for place, delivery in sorted(first.items())  # in one order everywhere: nobody waits in a circle
        ]
        begun = {(source, digest) for source, digest in transaction.run_batch(self._begin, rows, now=now)}
        results: dict[Place, tuple[str, str, Accepted]] = {}
        fresh = [(place, delivery) for place, delivery in first.items() if place in begun]
        if fresh:
            made = self._ingest.add(transaction, [task for _, delivery in fresh for task in delivery.tasks]).ids
            start = 0
            for place, delivery in fresh:
                ids = made[start : start + len(delivery.tasks)]
                start += len(delivery.tasks)
                results[place] = delivery.token, _write(delivery), Accepted(ids, duplicates=ids.count(None))
            ended = [(*place, orjson.dumps(accepted.ids).decode()) for place, (*_, accepted) in results.items()]
            transaction.run_batch(self._end, ended)
        known = [place for place in first if place not in begun]
        if known:
            for source, digest, token, content, kept in transaction.run_batch(self._find, known):
                ids = tuple(orjson.loads(kept))
                results[source, digest] = token, content, Accepted(ids, duplicates=ids.count(None))
        accepted_all = []
        for place, delivery in zip(places, batch, strict=True):
            token, content, accepted = results[place]
            if content != _write(delivery):
                accepted = Accepted((), is_other=True)
            elif token != delivery.token:
                accepted = Accepted(accepted.ids, is_repeat=True, duplicates=accepted.duplicates)
            accepted_all.append(accepted)
        return accepted_all

    @cached_property
    def _begin(self) -> Statement:
        rows = self._statements.rows(
            "rows", source=Text(), digest=Text(), token=Text(), content=Text(), expires_at=BigInteger()
        )
        now = bindparam("now", type_=BigInteger())
        fresh = self._statements.insert(deliveries).from_select(
            ["source", "digest", "token", "content", "expires_at", "received_at", "ids"],
            select(*rows.c, now, NOTHING).where(literal_column("true")),
        )
        new = fresh.excluded
        changes: dict[str, Any] = {name: new[name] for name in ("token", "content", "expires_at", "received_at", "ids")}
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[deliveries.c.source, deliveries.c.digest],
                set_=changes,
                where=and_(deliveries.c.expires_at <= now, deliveries.c.token != new.token),
            ).returning(deliveries.c.source, deliveries.c.digest)
        )

    @cached_property
    def _end(self) -> Statement:
        rows = self._statements.rows("rows", source=Text(), digest=Text(), ids=Text())
        return self._statements.prepare(
            update(deliveries)
            .where(deliveries.c.source == rows.c.source, deliveries.c.digest == rows.c.digest)
            .values(ids=rows.c.ids)
        )

    @cached_property
    def _find(self) -> Statement:
        rows = self._statements.rows("rows", source=Text(), digest=Text())
        is_this = and_(deliveries.c.source == rows.c.source, deliveries.c.digest == rows.c.digest)
        return self._statements.prepare(
            select(
                deliveries.c.source, deliveries.c.digest, deliveries.c.token, deliveries.c.content, deliveries.c.ids
            ).join_from(rows, deliveries, is_this)
        )


def _place(delivery: Delivery) -> Place:
    """Return under what a delivery is known; without a digest, only a call repeated in doubt finds it again."""
    return mend(delivery.source), f"token {delivery.token}" if delivery.digest is None else delivery.digest.hex()


def _write(delivery: Delivery) -> str:
    """Return what is kept of the content of a delivery; empty where a repeat may have any."""
    return "" if delivery.content is None else delivery.content.hex()
