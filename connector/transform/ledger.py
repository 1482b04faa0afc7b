"""What the steps of one record ask the value store for, and what they want kept there once the record is sent.

Steps are synchronous and touch no database, so shaping a record is a conversation: `Transformer.ask` yields the values
its steps ask for, is handed them, and starts again, until nothing is missing. What comes out are records, each with the
values that its own way through the steps wants kept:

```python
asking = transformer.ask(record)
try:
    needed = next(asking)
    while True:
        needed = asking.send(await store.state.values(needed))
except StopIteration as end:
    shaped = end.value
```

Whoever sends the records keeps the values of those that were sent, and of no others: a mark of `changed` for a record
that a filter left out later would hide it for good.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from connector.errors import TransformError
from connector.frozen import dataclass
from connector.interfaces import ValueNeeded

if TYPE_CHECKING:
    from types import TracebackType

    from connector.record import Record

Pair: TypeAlias = tuple[str, str]
"""A store's name and a key in it."""

MOST_ROUNDS: Final = 100
"""How often the steps of one record may ask. Once will do, unless a key is made of another stored value."""

_NOTHING: Final[Mapping[Pair, bytes | None]] = {}


@dataclass(frozen=True, slots=True)
class Put:
    """One value to be kept.

    Attributes:
        store: Name of the value store.
        key: Under which it is kept, in place of what is there.
        value: JSON, as `connector.record_codec` writes it.
    """

    store: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Shaped:
    """A record as the steps left it.

    Attributes:
        record: What is to be sent.
        puts: What is to be kept once it is, in order; a later one of the same key counts.
    """

    record: Record
    puts: tuple[Put, ...] = ()


Asking: TypeAlias = Generator[frozenset[Pair], Mapping[Pair, bytes | None], tuple[Shaped, ...]]
"""Yields what has to be fetched, never nothing, and is sent what was found: a value, or None or no entry where there is
none. Returns the shaped records."""


class Ledger:
    """The value store in one run of a record's steps. Implements `connector.interfaces.Values`.

    Attributes:
        needed: What was asked for and is not known.
    """

    __slots__ = ("_known", "_latest", "_puts", "needed")

    def __init__(self, known: Mapping[Pair, bytes | None] = _NOTHING) -> None:
        self._known = known
        self._latest: dict[Pair, bytes] = {}
        self._puts: list[tuple[Put, bytes | None]] = []  # with what was put under the key before
        self.needed: set[Pair] = set()

    def __repr__(self) -> str:
        return f"Ledger({len(self._known)} known, {len(self._puts)} put, {len(self.needed)} needed)"

    @property
    def length(self) -> int:
        """How many values were put so far."""
        return len(self._puts)

    def get(self, store: str, key: str) -> bytes | None:
        """Return a value, as `Values.get`."""
        pair = store, key
        if pair in self._latest:
            return self._latest[pair]
        if pair not in self._known:
            self.needed.add(pair)
            raise ValueNeeded(store, key)
        return self._known[pair]

    def put(self, store: str, key: str, value: bytes) -> None:
        """Take note of a value, as `Values.put`."""
        pair = store, key
        self._puts.append((Put(store, key, value), self._latest.get(pair)))
        self._latest[pair] = value

    def since(self, length: int) -> tuple[Put, ...]:
        """Return what was put after there were so many."""
        return tuple(put for put, _ in self._puts[length:])

    def take_back(self, length: int) -> None:
        """Forget what was put after there were so many."""
        while len(self._puts) > length:
            put, before = self._puts.pop()
            if before is None:
                del self._latest[put.store, put.key]
            else:
                self._latest[put.store, put.key] = before


class Questions:
    """Puts questions off until what stands side by side has asked its own, so that one answer serves them all.

    ```python
    questions = Questions()
    for part in parts:
        with questions:
            ...  # steps on the part
    questions.ask()
    ```
    """

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: ValueNeeded | None = None

    def __enter__(self) -> None:
        """Begin a part."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Hold a question back, and what went wrong after one: it may be for want of the answer."""
        if isinstance(error, ValueNeeded):
            self._first = self._first or error
            return True
        return self._first is not None and isinstance(error, TransformError)

    def ask(self) -> None:
        """Do nothing where nobody asked.

        Raises:
            ValueNeeded: The first question.
        """
        if self._first is not None:
            raise self._first
