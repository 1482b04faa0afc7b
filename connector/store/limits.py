"""`Store.limits`: rate limits of clients, held over all processes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Text, bindparam, case, or_

from connector.store.tables import limits

if TYPE_CHECKING:
    from connector.store.database import Database
    from connector.store.statement import Statement

LONGEST_AHEAD_MS: Final = 600_000
"""Turns are never given for later than this; a time beyond it comes from a clock that was set back."""


class Limits:
    """Gives out turns. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements

    async def reserve(self, client: str, per_second: float, turns: int = 1) -> int:
        """Take the next turns of a client, and return when the first one is, ms since the epoch.

        The others follow at even distances. Turns that nobody took are gone: there is no burst after a rest.

        Args:
            client: Whose rate it is.
            per_second: The rate.
            turns: How many.
        """
        taken_us = round(turns * 1_000_000 / per_second)

        rows = await self._database.write(
            lambda transaction: transaction.run(
                self._reserve,
                client=client,
                now=transaction.now_ms * 1000,
                taken=taken_us,
                latest=(transaction.now_ms + LONGEST_AHEAD_MS) * 1000 + taken_us,
            )
        )
        first_us: int = rows[0][0] - taken_us
        return -(-first_us // 1000)  # rounded up: a turn never begins early

    @cached_property
    def _reserve(self) -> Statement:
        now, taken = bindparam("now", type_=BigInteger()), bindparam("taken", type_=BigInteger())
        fresh = self._statements.insert(limits).values(client=bindparam("client", type_=Text()), next_us=now + taken)
        is_free = or_(limits.c.next_us < now, limits.c.next_us > bindparam("latest", type_=BigInteger()))
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[limits.c.client],
                set_={"next_us": case((is_free, now), else_=limits.c.next_us) + taken},
            ).returning(limits.c.next_us)
        )
