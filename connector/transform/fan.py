"""The steps that work on the parts of a record: `split` makes records of them, `each` shapes them in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from connector.config.check import check
from connector.config.options import Options
from connector.config.options import Steps as WrittenSteps
from connector.config.wording import describe
from connector.errors import TransformError
from connector.transform.conversion import name_type
from connector.transform.ledger import Questions
from connector.transform.patch import remove, rewrite
from connector.transform.path import Selector, Spot, compile_path, format_spot, read_spot

if TYPE_CHECKING:
    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.step import Compiler, Context, Step, Steps

_CURE: Final = "write optional: true where it may be missing"
_SPLIT_CURE: Final = "write {path: …, optional: true} where it may be missing"


class SplitOptions(Options):
    """The long form of `split`."""

    path: str = Field(description="Path of the parts, of which each becomes a record.", examples=["$.lines[*]"])
    as_: str | None = Field(
        None, alias="as", description="Field that holds the part; without it the part's fields are the record's."
    )
    keep: bool | list[str] | None = Field(
        None,
        description="Which of the whole record's fields stay: all (without what was split), none, or those listed. "
        "All with `as`, none without it, unless given.",
    )
    number: str | None = Field(None, description="Field for the position of the part, from 1.", examples=["line"])
    optional: bool = Field(False, description="Whether a record without the path is left out, which is an error else.")


class SplitStep:
    """Makes one record of every match of a path.

    By itself, the part is the record. With `as`, the fields of the whole stay, and the part stands in that field.
    `keep` says which fields of the whole stay. No match means no record; a path whose beginning is not there is an
    error.

    ```yaml
    - split: {path: "$.lines[*]", as: line, number: position}
    ```
    ```json
    {"order": 7, "lines": [{"sku": "A"}, {"sku": "B"}]}
    ```
    ```json
    [{"order": 7, "line": {"sku": "A"}, "position": 1}, {"order": 7, "line": {"sku": "B"}, "position": 2}]
    ```
    """

    __slots__ = ("_as", "_is_optional", "_keep", "_number", "_selector", "_where")

    def __init__(
        self,
        selector: Selector,
        *,
        where: str,
        name: str | None = None,
        keep: bool | frozenset[str] = False,
        number: str | None = None,
        is_optional: bool = False,
    ) -> None:
        self._selector = selector
        self._where = where
        self._as = name
        self._keep = keep
        self._number = number
        self._is_optional = is_optional

    def spread(self, record: Record, context: Context) -> list[Record]:  # noqa: ARG002  # no template here
        """Return one record for every match."""
        if not self._is_optional:
            self._selector.require(record)
        spots = self._selector.locate(record)
        kept = self._keep_fields(record) if spots else {}
        return [self._make(record, spot, kept, position) for position, spot in enumerate(spots, 1)]

    def _keep_fields(self, record: Record) -> Record:
        if self._keep is True:
            return remove(record, [self._selector.base], step=self._where) if self._selector.base else record
        if self._keep is False:
            return {}
        return {name: value for name, value in record.items() if name in self._keep}

    def _make(self, record: Record, spot: Spot, kept: Record, position: int) -> Record:
        part = read_spot(record, spot)
        if self._as is not None:
            made = {**kept, self._as: part}
        elif isinstance(part, dict):
            made = {**kept, **part}
        else:
            raise TransformError(
                f"{format_spot(spot)} is {name_type(part)}, and a record is an object",
                step=self._where,
                cure="give it a field: {path: …, as: value}",
            )
        if self._number is not None:
            made[self._number] = position
        return made


class EachOptions(Options):
    """The step `each`."""

    path: str = Field(description="Path of the parts to shape.", examples=["$.lines[*]"])
    transform: WrittenSteps = Field(description="Steps; in them `record` is the part, and `parent` the whole.")
    optional: bool = Field(False, description="Whether the path may be missing.")


class EachStep:
    """Runs steps on every match of a path, in place.

    In its templates `record` is the part and `parent` the record that holds it. A part that is filtered is left out; a
    part of a list that is split is replaced by what it became.

    ```yaml
    - each:
        path: $.lines[*]
        transform:
          - filter: "{{ record.quantity > 0 }}"
          - set: {sku: "{{ parent.prefix }}-{{ record.sku }}"}
    ```
    ```json
    {"prefix": "W", "lines": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 0}]}
    ```
    ```json
    [{"prefix": "W", "lines": [{"sku": "W-A", "quantity": 2}]}]
    ```
    """

    __slots__ = ("_is_optional", "_selector", "_steps", "_where")

    def __init__(self, selector: Selector, steps: Steps, where: str, *, is_optional: bool = False) -> None:
        self._selector = selector
        self._steps = steps
        self._where = where
        self._is_optional = is_optional

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with its parts shaped."""
        if not self._is_optional:
            self._selector.require(record)
        scope = {**context, "parent": record}
        changes: dict[Spot, list[Any]] = {}
        questions = Questions()
        for spot in self._selector.locate(record):
            with questions:
                changes[spot] = self._shape_part(record, spot, scope)
        questions.ask()
        return rewrite(record, changes, step=self._where) if changes else record

    def _shape_part(self, record: Record, spot: Spot, scope: Context) -> list[Any]:
        part = read_spot(record, spot)
        if not isinstance(part, dict):
            raise TransformError(
                f"{format_spot(spot)} is {name_type(part)}, and steps work on objects", step=self._where
            )
        try:
            return [*self._steps.apply(part, scope)]
        except TransformError as error:
            raise TransformError(f"{format_spot(spot)}: {error.message}", step=error.step, cure=error.cure) from error


def build_split(place: Place, compiler: Compiler) -> Step | None:  # noqa: ARG001  # no template here
    """Return the step, or report faults and return None."""
    if isinstance(place.value, str) and place.value:
        return SplitStep(compile_path(place.value, place, cure=_SPLIT_CURE), where=place.where)
    if not isinstance(place.value, dict):
        place.fault(f"found {describe(place.value)}, accepted is a path, or {{path: …, as: …}}")
        return None
    options = check(SplitOptions, place)
    if options is None:
        return None
    keep = options.keep if options.keep is not None else options.as_ is not None
    return SplitStep(
        compile_path(options.path, place.child("path"), cure=_CURE),
        where=place.where,
        name=options.as_,
        keep=keep if isinstance(keep, bool) else frozenset(keep),
        number=options.number,
        is_optional=options.optional,
    )


def build_each(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    options = check(EachOptions, place)
    if options is None:
        return None
    selector = compile_path(options.path, place.child("path"), cure=_CURE)
    if selector.plain == ():
        place.child("path").fault("the whole record is shaped without each", "write its steps in the list itself")
        return None
    steps = compiler.compile_steps(place.child("transform"), "parent")
    return EachStep(selector, steps, place.where, is_optional=options.optional)
