"""What a step is, and what it is made with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.config.options import Options
    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.template import Templates

Context: TypeAlias = Mapping[str, Any]
"""What templates can speak of besides `record`: `steps`, `page`, and `parent` inside `each`. Steps alone can speak of
what stands under `VALUES`."""

VALUES: Final = "@values"
"""Where a context holds the value store (`connector.interfaces.Values`). A name no template can write."""


@runtime_checkable
class Shaper(Protocol):
    """A step that turns one record into one record."""

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record as it is after this step, leaving the one given as it was.

        Lists and objects that are not touched may be shared between the two.

        Raises:
            TransformError: The step cannot be carried out on this record.
        """
        ...


@runtime_checkable
class Spreader(Protocol):
    """A step that turns one record into none, one or several."""

    def spread(self, record: Record, context: Context) -> list[Record]:
        """Return the records there are after this step, leaving the one given as it was.

        Raises:
            TransformError: The step cannot be carried out on this record.
        """
        ...


@runtime_checkable
class Chooser(Spreader, Protocol):
    """A step that does nothing but choose which steps come next."""

    def choose(self, record: Record, context: Context) -> Steps:
        """Return the steps for this record.

        Raises:
            TransformError: It cannot be told which.
        """
        ...


Step: TypeAlias = Shaper | Spreader


class Steps(Protocol):
    """A compiled list of steps, as a step that holds others sees it."""

    @property
    def moves(self) -> tuple[Move, ...]:
        """The steps, one by one."""
        ...

    def apply(self, record: Record, context: Context) -> list[Record]:
        """Return the records there are after all steps."""
        ...


Move: TypeAlias = "Callable[[Record, Context], tuple[Sequence[Record], tuple[Move, ...]]]"
"""One step as a function of its own: from a record to the records there are after it, and to the steps that come ahead
of those behind it, which a `Chooser` gives."""


class Compiler(Protocol):
    """What a step is built with."""

    @property
    def templates(self) -> Templates:
        """What compiles templates."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """What templates may speak of here."""
        ...

    def compile_steps(self, place: Place, *extra_names: str) -> Steps:
        """Return the compiled form of a list of steps in which templates may speak of more names."""
        ...

    def name_marks(self, place: Place, name: str | None, key: str) -> str | None:
        """Return the name of the store that a step `changed` keeps its marks in.

        Args:
            place: Where the step stands. Where another step of the list has the store, a fault is reported there, and
                None returned.
            name: What the user calls it; None for one named after what the list belongs to.
            key: The template of its key.
        """
        ...


@dataclass(frozen=True, slots=True)
class StepKind:
    """One kind of step: a row of the table that the reference page is generated from.

    Attributes:
        name: What the user writes.
        component: The class; its docstring explains the step, with a YAML example, a record in and the records out.
        build: Makes the step from what stands at a place; reports faults and gives None where it cannot.
        options: The model of the mapping that can be written (a long form), or None.
        uses_store: Whether it works with the value store, and so stands in few places.
    """

    name: str
    component: type
    build: Callable[[Place, Compiler], Step | None]
    options: type[Options] | None = None
    uses_store: bool = False

    @property
    def docs(self) -> str:
        """The docstring of the step's class."""
        return inspect.getdoc(self.component) or ""
