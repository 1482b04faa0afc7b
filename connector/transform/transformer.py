"""A `transform` list: steps, compiled once, through which every record goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.config.wording import describe, did_you_mean, join_names
from connector.frozen import dataclass
from connector.transform.step import Shaper, Spreader
from connector.transform.steps import STEPS
from connector.transform.template import CONTEXT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.step import Context, Step
    from connector.transform.template import Templates

_NOTHING: Final[Context] = {}


class Transformer:
    """Shapes records by a list of steps. Without I/O, and without touching the record it is given."""

    __slots__ = ("_shapes", "_spreads", "_steps")

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self._steps = tuple(steps)
        # What kind a step is, asked once: isinstance with a protocol takes longer than most steps.
        shapes = [step.shape if isinstance(step, Shaper) else None for step in steps]
        # Where no step can filter or split, there is always one record, and no list to go through.
        self._shapes = None if None in shapes else tuple(shape for shape in shapes if shape is not None)
        self._spreads = tuple(step.spread if isinstance(step, Spreader) else _spread(step) for step in steps)

    def __repr__(self) -> str:
        return f"Transformer({', '.join(type(step).__name__ for step in self._steps)})"

    def __len__(self) -> int:
        return len(self._steps)

    def apply(self, record: Record, context: Context = _NOTHING) -> list[Record]:
        """Return the records there are after all steps: none for one that was filtered, several for one that was split.

        Args:
            record: Not touched. Parts of it that no step changes are shared with what is returned.
            context: What templates can speak of besides `record`: `steps`, `page`, …

        Raises:
            TransformError: A step cannot be carried out on this record; `step` is its place in the configuration.
        """
        if self._shapes is not None:
            for shape in self._shapes:
                record = shape(record, context)
            return [record]
        records = [record]
        for spread in self._spreads:
            records = [made for one in records for made in spread(one, context)]
        return records


def _spread(step: Shaper) -> Callable[[Record, Context], list[Record]]:
    shape = step.shape
    return lambda record, context: [shape(record, context)]


def compile_transform(place: Place, templates: Templates, *, names: frozenset[str] = CONTEXT_NAMES) -> Transformer:
    """Return the compiled form of a `transform` list, reporting every fault of every step.

    After a fault, the transformer lacks the steps that have one. Where nothing is written, it has no steps.

    Args:
        place: Where the list stands, or could stand.
        templates: What compiles its templates.
        names: What its templates may speak of.
    """
    return _Compiler(templates, names).compile_steps(place)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Builds steps, and the lists of steps within them."""

    templates: Templates
    names: frozenset[str]

    def compile_steps(self, place: Place, *extra_names: str) -> Transformer:
        compiler = _Compiler(self.templates, self.names.union(extra_names)) if extra_names else self
        if not place.is_present or place.is_broken:
            return Transformer()
        if not isinstance(place.value, list):
            place.fault(f"found {describe(place.value)}, accepted is a list of steps", '- set: {total: "{{ … }}"}')
            return Transformer()
        steps = [_build_step(child, compiler) for child in place.children()]
        return Transformer([step for step in steps if step is not None])


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
    return None if child.is_broken else kind.build(child, compiler)
