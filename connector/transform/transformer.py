"""A `transform` list: steps, compiled once, through which every record goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.config.wording import describe, did_you_mean, join_names
from connector.errors import TransformError
from connector.frozen import dataclass
from connector.interfaces import ValueNeeded
from connector.transform.ledger import MOST_ROUNDS, Ledger, Questions, Shaped
from connector.transform.step import VALUES, Chooser, Shaper
from connector.transform.steps import STEPS
from connector.transform.template import CONTEXT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.ledger import Asking, Pair, Put
    from connector.transform.step import Context, Move, Step
    from connector.transform.template import Templates
    from connector.transform.trace import Trace

_NOTHING: Final[Context] = {}
_NO_MARKS: Final[Mapping[str, str]] = {}


class Transformer:
    """Shapes records by a list of steps. Without I/O, and without touching the record it is given.

    Attributes:
        uses_store: Whether a step, at whatever depth, works with the value store: records go through `ask` then.
        marks: Names of the stores in which steps `changed` keep what was sent, each with the template of its key.
        moves: The steps, one by one.
    """

    __slots__ = ("_shapes", "_spreads", "_steps", "marks", "moves", "uses_store")

    def __init__(
        self, steps: Sequence[Step] = (), *, uses_store: bool = False, marks: Mapping[str, str] = _NO_MARKS
    ) -> None:
        self.uses_store = uses_store
        self.marks = marks
        self._steps = tuple(steps)
        # What kind a step is, asked once: isinstance with a protocol takes longer than most steps.
        shapes = [step.shape if isinstance(step, Shaper) else None for step in steps]
        # Where no step can filter or split, there is always one record, and no list to go through.
        self._shapes = None if None in shapes else tuple(shape for shape in shapes if shape is not None)
        self._spreads = tuple(_spread(step) if isinstance(step, Shaper) else step.spread for step in steps)
        self.moves = tuple(map(_make_move, steps, self._spreads))

    def __repr__(self) -> str:
        return f"Transformer({', '.join(type(step).__name__ for step in self._steps)})"

    def __len__(self) -> int:
        return len(self._steps)

    def then(self, other: Transformer) -> Transformer:
        """Return the steps of both, in order, as one list."""
        uses_store, marks = self.uses_store or other.uses_store, {**self.marks, **other.marks}
        return Transformer((*self._steps, *other._steps), uses_store=uses_store, marks=marks)

    def apply(self, record: Record, context: Context = _NOTHING) -> list[Record]:
        """Return the records there are after all steps: none for one that was filtered, several for one that was split.

        Args:
            record: Not touched. Parts of it that no step changes are shared with what is returned.
            context: What templates can speak of besides `record`: `steps`, `page`, …

        Raises:
            TransformError: A step cannot be carried out on this record; `step` is its place in the configuration.
        """
        ledger = context.get(VALUES)
        if isinstance(ledger, Ledger):
            return [shaped.record for shaped in _trace(record, self.moves, context, ledger)]
        if self._shapes is not None:
            for shape in self._shapes:
                record = shape(record, context)
            return [record]
        records = [record]
        for spread in self._spreads:
            records = [made for one in records for made in spread(one, context)]
        return records

    def ask(self, record: Record, context: Context = _NOTHING, *, trace: Trace | None = None) -> Asking:
        """Shape a record by steps that may work with the value store: `apply` as a conversation.

        Yields the values that are needed, is sent those there are, and returns the records with what is to be kept once
        they are sent; see `connector.transform.ledger`. Where nothing is needed, nothing is yielded.

        Args:
            record: Not touched.
            context: As `apply`.
            trace: Is told what each step makes of the record.

        Raises:
            TransformError: As `apply`; or the steps ask for other values every time.
        """
        known: dict[Pair, bytes | None] = {}
        stores: list[str] = []
        for _ in range(MOST_ROUNDS):
            ledger = Ledger(known)
            moves = self.moves if trace is None else trace.watch(self.moves)
            try:
                return tuple(_trace(record, moves, {**context, VALUES: ledger}, ledger))
            except ValueNeeded:
                stores = sorted({store for store, _ in ledger.needed})
                known.update(dict.fromkeys(ledger.needed))
                known.update((yield frozenset(ledger.needed)))
        raise TransformError(
            f"after {MOST_ROUNDS} times the steps still ask for other values of {join_names(stores)}",
            step="",
            cure="leave now() and uuid() out of the keys: they are never the same twice",
        )


def _spread(step: Shaper) -> Callable[[Record, Context], list[Record]]:
    shape = step.shape
    return lambda record, context: [shape(record, context)]


def _make_move(step: Step, spread: Callable[[Record, Context], list[Record]]) -> Move:
    if isinstance(step, Chooser):
        choose = step.choose
        return lambda record, context: ([record], choose(record, context).moves)
    return lambda record, context: (spread(record, context), ())


def _trace(
    record: Record, moves: tuple[Move, ...], context: Context, ledger: Ledger, puts: tuple[Put, ...] = ()
) -> list[Shaped]:
    """Return the records there are after all steps, each with what the steps on its own way put.

    Every record goes through to the end before the one beside it begins, so that what it put is taken back where
    nothing comes of it: the one beside it then sees the store as if it had never been there.
    """
    records: Sequence[Record] = [record]
    begun = ledger.length
    while moves and len(records) == 1:
        before = ledger.length
        records, ahead = moves[0](records[0], context)
        puts += ledger.since(before)
        moves = (*ahead, *moves[1:])
    if len(records) == 1:
        return [Shaped(records[0], puts)]
    traced: list[Shaped] = []
    questions = Questions()
    for one in records:
        with questions:
            traced += _trace(one, moves, context, ledger, puts)
    questions.ask()
    if not traced:
        ledger.take_back(begun)
    return traced


def compile_transform(
    place: Place, templates: Templates, *, names: frozenset[str] = CONTEXT_NAMES, has_store: bool = False
) -> Transformer:
    """Return the compiled form of a `transform` list, reporting every fault of every step.

    After a fault, the transformer lacks the steps that have one. Where nothing is written, it has no steps.

    Args:
        place: Where the list stands, or could stand.
        templates: What compiles its templates.
        names: What its templates may speak of.
        has_store: Whether its steps may work with the value store: it shapes records that are about to be sent.
    """
    compiler = _Compiler(templates, names, _StoreUse(_name_owner(place)) if has_store else None)
    steps = compiler.compile_list(place)
    use = compiler.store_use
    return Transformer(steps) if use is None else Transformer(steps, uses_store=use.is_used, marks=use.marks)


class _StoreUse:
    """What the steps of one list, at whatever depth, do with the value store."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.is_used = False
        self.marks: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Builds steps, and the lists of steps within them."""

    templates: Templates
    names: frozenset[str]
    store_use: _StoreUse | None = None

    def compile_steps(self, place: Place, *extra_names: str) -> Transformer:
        names = self.names.union(extra_names)
        return Transformer(_Compiler(self.templates, names, self.store_use).compile_list(place))

    def compile_list(self, place: Place) -> list[Step]:
        if not place.is_present or place.is_broken:
            return []
        if not isinstance(place.value, list):
            place.fault(f"found {describe(place.value)}, accepted is a list of steps", '- set: {total: "{{ … }}"}')
            return []
        steps = [_build_step(child, self) for child in place.children()]
        return [step for step in steps if step is not None]

    def name_marks(self, place: Place, name: str | None, key: str) -> str | None:
        use = self.store_use
        assert use is not None  # or the step that asks would not be built
        marks = f"changed:{name or use.owner}"
        if marks in use.marks:
            place.fault(
                f"two steps changed keep their marks in {marks}, and the second would find those of the first",
                "give each a store of its own: {key: …, store: a-name}",
            )
            return None
        use.marks[marks] = key
        return marks


def _name_owner(place: Place) -> str:
    """Return what a list of steps belongs to: `routes.prices` for `routes.prices.transform`."""
    return place.where.removesuffix(".transform")


def _build_step(place: Place, compiler: _Compiler) -> Step | None:
    if place.is_broken:
        return None
    value = place.value
    if not isinstance(value, dict) or not value:
        hint = f"{value}: …" if isinstance(value, str) and value in STEPS else None
        place.fault(f"found {describe(value)}, accepted is a step, which is a mapping with one key", hint)
        return None
    if len(value) > 1:
        place.fault(f"a step has one key, found: {join_names(value)}", "begin each step with a - of its own")
        return None
    (name,) = value
    kind = STEPS.get(name)
    child = place.child(name)
    if kind is None:
        child.key_fault(f'there is no step "{name}", accepted are {join_names(STEPS)}', did_you_mean(name, STEPS))
        return None
    if child.is_broken:
        return None
    if kind.uses_store:
        if compiler.store_use is None:
            child.key_fault(
                f"{name} works with the value store, which only records that are about to be sent reach",
                "move it to the transform of the route, or of its outgoing",
            )
            return None
        compiler.store_use.is_used = True
    return kind.build(child, compiler)
