"""How much a database holds, for people who look after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from connector.frozen import dataclass
from connector.store.database import Database
from connector.store.tables import metadata
from connector.store.target import read_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from connector.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a database holds.

    Attributes:
        size_bytes: What it takes on the disk, indexes included.
        rows: How many rows each of our tables has, by name.
    """

    size_bytes: int
    rows: Mapping[str, int]


async def measure_store(url: str | Path) -> Measure:
    """Return how much a database holds, beside whoever works on it. Its tables have to be there.

    Args:
        url: As `open_store`.

    Raises:
        StoreError: The database cannot be used.
    """
    target = read_target(url)
    database = Database(target)
    try:
        rows, size_bytes = await database.read(_count)
    finally:
        await database.aclose()
    if target.path is not None:
        files = (target.path, target.path.with_name(f"{target.path.name}-wal"))
        size_bytes = sum(file.stat().st_size for file in files if file.exists())
    return Measure(size_bytes, rows)


def _count(transaction: Transaction) -> tuple[dict[str, int], int]:
    rows = {
        table.name: int(transaction.fetch(select(func.count()).select_from(table))[0][0])
        for table in metadata.sorted_tables
    }
    if not transaction.is_postgres:
        return rows, 0
    size = transaction.fetch(select(func.pg_database_size(func.current_database())))[0][0]
    return rows, int(size)
