"""Statements written once in SQLAlchemy Core, compiled once for a database, and fed whole batches of rows.

A batch travels as one JSON parameter, and stands in the statement as a table:

    rows = statements.rows("rows", id=BigInteger(), sent=Integer())
    update(tasks).where(tasks.c.id == rows.c.id).values(sent=rows.c.sent).returning(tasks.c.id)

SQLite reads it by `json_each`, PostgreSQL by `jsonb_array_elements`; all else is the same text for both. One statement
for a batch is what makes both fast: no round trip for each row on the one, no Python for each row on the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import Text, bindparam, cast, column, func, literal_column, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Dialect, FromClause, Table
    from sqlalchemy.sql.base import Executable
    from sqlalchemy.sql.expression import ColumnElement, Subquery
    from sqlalchemy.types import TypeEngine

NUL: Final = "\x00"


_POSTGRES: Final[Dialect] = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
_SQLITE: Final[Dialect] = sqlite.pysqlite.dialect(paramstyle="named")


class Statement:
    """A statement compiled for one database.

    Attributes:
        text: The SQL.
        fixed: Values of its parameters that are the same each time.
    """

    __slots__ = ("fixed", "text")

    def __init__(self, clause: Executable, dialect: Dialect) -> None:
        compiled = clause.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
        self.text: str = str(compiled)
        self.fixed: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}


class Statements:
    """Makes statements for one kind of database."""

    def __init__(self, *, is_postgres: bool) -> None:
        self.is_postgres = is_postgres
        self._dialect: Dialect = _POSTGRES if is_postgres else _SQLITE

    def prepare(self, clause: Executable) -> Statement:
        """Return a statement, ready to be executed as often as needed."""
        return Statement(clause, self._dialect)

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert into a table that knows `ON CONFLICT`."""
        return postgresql.insert(table) if self.is_postgres else sqlite.insert(table)

    def rows(self, name: str, **columns: TypeEngine[Any]) -> Subquery:
        """Return a batch as a table.

        Args:
            name: Of the parameter that holds the batch, and of the table in the statement.
            columns: Names and types of its columns, in the order in which rows are handed to `pack`.
        """
        parameter = bindparam(name, type_=Text(), required=False)
        each: FromClause
        if self.is_postgres:
            each = func.jsonb_array_elements(cast(parameter, postgresql.JSONB())).table_valued(
                column("value"), name=f"{name}_each"
            )
        else:
            read = func.json_each(parameter).table_valued(column("value"), name=f"{name}_read")
            # The limit that is none keeps SQLite from writing a row's JSON anew for each field that is read from it.
            each = select(read.c.value).limit(literal_column("-1")).subquery(f"{name}_each")
        fields: list[ColumnElement[Any]] = []
        for place, (field, kind) in enumerate(columns.items()):
            value = each.c.value.op("->>")(literal_column(str(place)))
            typed = cast(value, kind) if self.is_postgres and not isinstance(kind, Text) else type_coerce(value, kind)
            fields.append(typed.label(field))
        return select(*fields).subquery(name)


def pack(rows: Iterable[Sequence[Any]]) -> str:
    """Return a batch as the JSON that `Statements.rows` reads.

    Text that a database cannot keep is made to fit: NUL characters and halves of surrogate pairs become `\ufffd`.
    """
    rows = list(rows)
    try:
        packed = orjson.dumps(rows).decode()
    except TypeError:  # half a surrogate pair; or a number beyond 64 bits, which is a fault of ours and raised again
        return orjson.dumps([[_mend(value) for value in row] for row in rows]).decode()
    if "\\u0000" in packed:  # also in records, where `\\u0000` is an escape in JSON of their own, and stays
        return orjson.dumps([[_mend(value) for value in row] for row in rows]).decode()
    return packed


def mend(text: str) -> str:
    """Return a text as the databases can keep it: NUL and halves of surrogate pairs become `\ufffd`."""
    if NUL in text:
        text = text.replace(NUL, "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not text.isascii() else text


def _mend(value: Any) -> Any:
    return mend(value) if isinstance(value, str) else value
