"""The steps that decide: `filter` and `if`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from connector.config.check import check
from connector.config.options import Options
from connector.config.options import Steps as WrittenSteps
from connector.config.shape import Kind
from connector.config.wording import describe
from connector.transform.template import Condition, compile_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.step import Compiler, Context, Step, Steps


WrittenCondition = Annotated[Any, Kind("a condition")]
"""One template that is true or false, or one of these two."""


class FilterOptions(Options):
    """The long form of `filter`: one of the two keys."""

    all: list[WrittenCondition] | None = Field(None, description="Conditions that must all be true.", min_length=1)
    any: list[WrittenCondition] | None = Field(None, description="Conditions of which one must be true.", min_length=1)


class FilterStep:
    """Keeps a record when a condition is true, and leaves it out otherwise.

    The condition is one template that gives true or false; text such as `"false"` is an error, not a yes. A list of
    conditions must all be true, `{any: […]}` asks for one of them. Conditions are tried in order, and not further than
    needed.

    ```yaml
    - filter: "{{ record.total | decimal > 0 }}"
    - filter: {any: ["{{ record.status == 'paid' }}", "{{ record.status == 'shipped' }}"]}
    ```
    ```json
    {"total": "12.50", "status": "paid"}
    ```
    ```json
    [{"total": "12.50", "status": "paid"}]
    ```
    """

    __slots__ = ("_conditions", "_is_any")

    def __init__(self, conditions: Sequence[Condition], *, is_any: bool = False) -> None:
        self._conditions = tuple(conditions)
        self._is_any = is_any

    def spread(self, record: Record, context: Context) -> list[Record]:
        """Return the record alone, or nothing."""
        scope = {**context, "record": record}
        for condition in self._conditions:
            if condition.holds(scope) is self._is_any:
                return [record] if self._is_any else []
        return [] if self._is_any else [record]


class IfOptions(Options):
    """The step `if`."""

    when: WrittenCondition = Field(
        description="The condition: one template that is true or false.", examples=["{{ record.total > 0 }}"]
    )
    then: WrittenSteps = Field(description="Steps for a record for which it is true.")
    else_: WrittenSteps = Field([], alias="else", description="Steps for a record for which it is false.")


class IfStep:
    """Runs one list of steps when a condition is true, and another, or none, when it is false.

    ```yaml
    - if:
        when: "{{ record.country == 'GB' }}"
        then: [{set: {tax: "20"}}]
        else: [{set: {tax: "0"}}]
    ```
    ```json
    {"country": "GB"}
    ```
    ```json
    [{"country": "GB", "tax": "20"}]
    ```
    """

    __slots__ = ("_condition", "_else", "_then")

    def __init__(self, condition: Condition, then: Steps, otherwise: Steps) -> None:
        self._condition = condition
        self._then = then
        self._else = otherwise

    def choose(self, record: Record, context: Context) -> Steps:
        """Return the steps of one branch."""
        return self._then if self._condition.holds({**context, "record": record}) else self._else

    def spread(self, record: Record, context: Context) -> list[Record]:
        """Return what the steps of one branch make of the record."""
        return self.choose(record, context).apply(record, context)


def build_filter(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    listed, is_any = place, False
    if isinstance(place.value, dict):
        options = check(FilterOptions, place)
        if options is None:
            return None
        if (options.all is None) == (options.any is None):
            place.fault('one of the keys "all" and "any" is needed, and not both')
            return None
        is_any = options.any is not None
        listed = place.child("any" if is_any else "all")
    places = list(listed.children()) if isinstance(listed.value, list) else [listed]
    if not places:
        place.fault(f"found {describe(place.value)}, accepted is a condition, or a list of them")
        return None
    return FilterStep([_build_condition(one, compiler) for one in places], is_any=is_any)


def build_if(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    if check(IfOptions, place) is None:
        return None
    return IfStep(
        _build_condition(place.child("when"), compiler),
        compiler.compile_steps(place.child("then")),
        compiler.compile_steps(place.child("else")),
    )


def _build_condition(place: Place, compiler: Compiler) -> Condition:
    return compile_condition(place.value, place, compiler.templates, names=compiler.names)
