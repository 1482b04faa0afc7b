"""What each step of a list makes of a record: its way through the steps, written down as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.record import Record
    from connector.transform.step import Context, Move


class Trace:
    """Written by `Transformer.ask`; read it when that has ended, be it with an error.

    Attributes:
        before: For each step, the records that came to it.
        after: For each step, the records that it made of them: none where it filtered all of them out.
        last: Index of the step that was begun last: after an error, the one that failed. None before the first.
    """

    __slots__ = ("after", "before", "last")

    def __init__(self) -> None:
        self.before: list[list[Record]] = []
        self.after: list[list[Record]] = []
        self.last: int | None = None

    def watch(self, moves: Sequence[Move]) -> tuple[Move, ...]:
        """Return the same steps, each of which tells this trace what it is given and what it gives.

        What was written down before is forgotten: steps that ask for a stored value begin anew when it is there.
        """
        self.before = [[] for _ in moves]
        self.after = [[] for _ in moves]
        self.last = None
        return tuple(self._watch(index, move) for index, move in enumerate(moves))

    def _watch(self, index: int, move: Move) -> Move:
        def leave(record: Record, _context: Context) -> tuple[Sequence[Record], tuple[Move, ...]]:
            self.after[index].append(record)
            return [record], ()

        def enter(record: Record, context: Context) -> tuple[Sequence[Record], tuple[Move, ...]]:
            self.last = index
            self.before[index].append(record)
            records, ahead = move(record, context)
            if not ahead:
                self.after[index] += records
                return records, ()
            return records, (*ahead, leave)  # its own result is what the steps it chose make of the record

        return enter
