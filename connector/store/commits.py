"""What became of a transaction whose COMMIT was not answered.

Each connection has a row of its own, into which each of its transactions writes a random token. Whether one was
committed is told by the row: a transaction's number would not do, since a server that crashes in the middle of COMMIT
gives the number of a transaction that left no trace to another one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Text, bindparam

from connector.frozen import dataclass
from connector.store.phrases import ZERO
from connector.store.tables import commits

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from connector.store.statement import Statement, Statements


@dataclass(frozen=True, slots=True)
class Mark:
    """What a transaction left behind, if it was committed.

    Attributes:
        id: Of the row: a connection's own, never used again.
        token: What it wrote there: random.
    """

    id: str
    token: int


class Commits:
    """Marks transactions, and finds their marks."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def leave(self, connection: Connection, mark: Mark, now_ms: int) -> None:
        """Write a mark, in the transaction that it stands for."""
        connection.exec_driver_sql(self._leave.text, {"id": mark.id, "token": mark.token, "now": now_ms})

    def is_left(self, connection: Connection, mark: Mark, now_ms: int) -> bool:
        """Return whether a mark is there, once it is decided.

        It is asked for by writing: the server lets one write a row only after whoever was about to write it has
        committed or is gone, also where the row was not there before. A mark that is not there cannot come later.
        """
        values = {"id": mark.id, "now": now_ms}
        return bool(
            connection.exec_driver_sql(self._find.text, {**self._find.fixed, **values}).scalar_one() == mark.token
        )

    @cached_property
    def _leave(self) -> Statement:
        fresh = self._statements.insert(commits).values(
            id=bindparam("id", type_=Text()),
            token=bindparam("token", type_=BigInteger()),
            made_at=bindparam("now", type_=BigInteger()),
        )
        new = fresh.excluded
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[commits.c.id], set_={"token": new.token, "made_at": new.made_at}
            )
        )

    @cached_property
    def _find(self) -> Statement:
        fresh = self._statements.insert(commits).values(
            id=bindparam("id", type_=Text()), token=ZERO, made_at=bindparam("now", type_=BigInteger())
        )
        return self._statements.prepare(
            fresh.on_conflict_do_update(
                index_elements=[commits.c.id], set_={"made_at": fresh.excluded.made_at}
            ).returning(commits.c.token)
        )
