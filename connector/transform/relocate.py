"""The steps that bring values from one place to another, types kept: `copy`, `move`, `pick`, `remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from connector.config.check import check
from connector.config.options import Options
from connector.config.wording import describe
from connector.frozen import dataclass
from connector.transform.patch import Patch, Target, build_patch, compile_target, remove
from connector.transform.path import Selector, Spot, compile_path
from connector.transform.template import Value, compile_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.step import Compiler, Context, Step

ABSENT: Final = object()
"""In place of a value that is not there."""

_PICK_CURE: Final = "write {name: {from: …, optional: true}} where it may be missing"
_REMOVE_CURE: Final = "write {paths: […], optional: true} where it may be missing"


class SourceOptions(Options):
    """The long form of where a value comes from."""

    path: str = Field(alias="from", description="Path of the value.", examples=["$.customer.email"])
    optional: bool = Field(False, description="Whether nothing is done where the path matches nothing.")
    default: Any = Field(None, description="Used where the path matches nothing; may hold templates.")
    take: Literal["all", "first"] = Field(
        "all",
        description="Of a path that can match several (`$.lines[*].sku`): `all` as a list, or the `first` match.",
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from.

    Attributes:
        selector: The path.
        is_optional: Whether it may be missing.
        default: What is used instead, or None for nothing.
        is_list: Whether all matches are taken, as a list.
    """

    selector: Selector
    is_optional: bool
    default: Value | None
    is_list: bool

    def read(self, record: Record, context: Context) -> Any:
        """Return the value, the default, or `ABSENT` where it is missing and may be.

        Raises:
            TransformError: It is missing and may not be.
        """
        selector = self.selector
        if self.is_list:
            found: Any = selector.find(record)
            if found:
                return found
            if self.default is None and not self.is_optional:
                selector.require(record)
                return []
        elif not self.is_optional and self.default is None:
            return selector.first(record)
        else:
            found = selector.first_or(record, ABSENT)
            if found is not ABSENT:
                return found
        return ABSENT if self.default is None else self.default.render({**context, "record": record})


@dataclass(frozen=True, slots=True)
class _Relocation:
    """Sources with their targets.

    Attributes:
        sources: In the order of the targets.
        targets: Where each goes.
        patch: All targets together.
    """

    sources: tuple[Source, ...]
    targets: tuple[Target, ...]
    patch: Patch

    def put(self, record: Record, values: Sequence[Any]) -> Record:
        """Return the record with the values that are there put in."""
        if not any(value is ABSENT for value in values):
            return self.patch.put(record, values)
        for target, value in zip(self.targets, values, strict=True):
            if value is not ABSENT:
                record = _put_one(record, target, value)
        return record

    def read(self, record: Record, context: Context) -> list[Any]:
        """Return the value of every source, `ABSENT` for those that are missing and may be."""
        return [source.read(record, context) for source in self.sources]


class CopyStep:
    """Brings values to other fields, types kept.

    Each key is a target as in `set`, each value a path. A path that can match several gives a list. A path that
    matches nothing is an error, unless the long form says `optional: true` or has a `default`. All paths see the record
    as it was before the step.

    ```yaml
    - copy:
        email: $.customer.email
        skus: $.lines[*].sku
        phone: {from: $.customer.phone, optional: true}
        country: {from: $.address.country, default: GB}
    ```
    ```json
    {"customer": {"email": "ann@example.com"}, "lines": [{"sku": "A"}, {"sku": "B"}]}
    ```
    ```json
    [{"customer": {"email": "ann@example.com"}, "lines": [{"sku": "A"}, {"sku": "B"}], "email": "ann@example.com",
      "skus": ["A", "B"], "country": "GB"}]
    ```
    """

    __slots__ = ("_relocation",)

    def __init__(self, relocation: _Relocation) -> None:
        self._relocation = relocation

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with the values copied."""
        return self._relocation.put(record, self._relocation.read(record, context))


class MoveStep:
    """Brings values to other fields and takes them away where they were; otherwise as `copy`.

    ```yaml
    - move:
        email: $.customer.mail
    ```
    ```json
    {"customer": {"mail": "ann@example.com", "name": "Ann"}}
    ```
    ```json
    [{"customer": {"name": "Ann"}, "email": "ann@example.com"}]
    ```
    """

    __slots__ = ("_relocation", "_where")

    def __init__(self, relocation: _Relocation, where: str) -> None:
        self._relocation = relocation
        self._where = where

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with the values moved."""
        values = self._relocation.read(record, context)
        spots: list[Spot] = []
        for source in self._relocation.sources:
            found = source.selector.locate(record)
            spots.extend(found if source.is_list else found[:1])
        return self._relocation.put(remove(record, spots, step=self._where), values)


class PickStep:
    """Keeps what is named and leaves out everything else.

    A list keeps fields where they are; a mapping gives new names, and takes the long form of `copy`.

    ```yaml
    - pick: [id, customer.name]
    - pick: {reference: $.id, name: $.customer.name}
    ```
    ```json
    {"id": 7, "customer": {"name": "Ann", "age": 30}, "note": "x"}
    ```
    ```json
    [{"reference": 7, "name": "Ann"}]
    ```
    """

    __slots__ = ("_relocation",)

    def __init__(self, relocation: _Relocation) -> None:
        self._relocation = relocation

    def shape(self, record: Record, context: Context) -> Record:
        """Return a new record of the values picked."""
        return self._relocation.put({}, self._relocation.read(record, context))


class RemoveOptions(Options):
    """The long form of `remove`."""

    paths: list[str] = Field(
        description="Paths of what goes.", examples=[["$.internal", "$.lines[*].cost"]], min_length=1
    )
    optional: bool = Field(False, description="Whether a path may match nothing.")


class RemoveStep:
    """Takes fields away.

    One path or a list of them. A path that matches nothing is an error, since a slip of the pen would let pass what
    should have been left out; `{paths: […], optional: true}` allows it.

    ```yaml
    - remove: [internal, "$.lines[*].cost"]
    ```
    ```json
    {"id": 7, "internal": true, "lines": [{"sku": "A", "cost": 3}]}
    ```
    ```json
    [{"id": 7, "lines": [{"sku": "A"}]}]
    ```
    """

    __slots__ = ("_is_optional", "_selectors", "_where")

    def __init__(self, selectors: Sequence[Selector], where: str, *, is_optional: bool) -> None:
        self._selectors = selectors
        self._where = where
        self._is_optional = is_optional

    def shape(self, record: Record, context: Context) -> Record:  # noqa: ARG002  # no template here
        """Return the record without the fields."""
        spots: list[Spot] = []
        for selector in self._selectors:
            if not self._is_optional:
                selector.require(record)
            spots.extend(selector.locate(record))
        return remove(record, spots, step=self._where)


def build_copy(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    relocation = _build_relocation(place, compiler)
    return CopyStep(relocation) if relocation else None


def build_move(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    relocation = _build_relocation(place, compiler)
    if relocation is None:
        return None
    for source in relocation.sources:
        if source.selector.plain == ():
            place.fault("the whole record cannot be moved", "copy it, or pick the fields that stay")
            return None
    return MoveStep(relocation, place.where)


def build_pick(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    if isinstance(place.value, dict):
        relocation = _build_relocation(place, compiler)
        return PickStep(relocation) if relocation else None
    paths = _read_paths(place, "a list of fields, or a mapping of new names and paths")
    pairs: list[tuple[Target, Source, Place]] = []
    for text, child in paths or ():
        target = compile_target(text, child)
        if target is not None:
            pairs.append((target, Source(compile_path(text, child, cure=_PICK_CURE), False, None, False), child))
    relocation = _join(pairs, len(paths or ()))
    return PickStep(relocation) if relocation else None


def build_remove(place: Place, compiler: Compiler) -> Step | None:  # noqa: ARG001  # no template here
    """Return the step, or report faults and return None."""
    is_optional = False
    listed = place
    if isinstance(place.value, dict):
        options = check(RemoveOptions, place)
        if options is None:
            return None
        is_optional, listed = options.optional, place.child("paths")
    paths = _read_paths(listed, "a path, or a list of paths")
    if paths is None:
        return None
    selectors = [compile_path(text, child, cure=_REMOVE_CURE) for text, child in paths]
    for selector, (_, child) in zip(selectors, paths, strict=True):
        if selector.plain == ():
            child.fault("the whole record cannot be removed", "leave a record out with the step filter")
    return RemoveStep(selectors, place.where, is_optional=is_optional)


def _read_paths(place: Place, accepted: str) -> list[tuple[str, Place]] | None:
    value = place.value
    entries = [(value, place)] if isinstance(value, str) else [(one.value, one) for one in place.children()]
    if isinstance(value, str | list) and entries and all(isinstance(text, str) and text for text, _ in entries):
        return entries
    for text, child in entries if isinstance(value, list) else ():
        if not isinstance(text, str) or not text:
            child.fault(f"found {describe(text)}, accepted is a path")
    if not isinstance(value, list) or not entries:
        place.fault(f"found {describe(value)}, accepted is {accepted}")
    return None


def _build_relocation(place: Place, compiler: Compiler) -> _Relocation | None:
    value = place.value
    if not isinstance(value, dict) or not value:
        place.fault(f"found {describe(value)}, accepted is a mapping of targets and paths", "{email: $.customer.email}")
        return None
    pairs: list[tuple[Target, Source, Place]] = []
    for text in value:
        child = place.child(text)
        target = compile_target(text, child)
        source = build_source(child, compiler)
        if target is not None and source is not None:
            pairs.append((target, source, child))
    return _join(pairs, len(value))


def _join(pairs: Sequence[tuple[Target, Source, Place]], wanted: int) -> _Relocation | None:
    patch = build_patch([(target, place) for target, _, place in pairs])
    if patch is None or not pairs or len(pairs) < wanted:
        return None
    return _Relocation(tuple(source for _, source, _ in pairs), tuple(target for target, _, _ in pairs), patch)


def build_source(place: Place, compiler: Compiler) -> Source | None:
    """Return where a value comes from: a path, or the long form of it. Reports faults, and returns None after one."""
    value = place.value
    if isinstance(value, str) and value:
        selector = compile_path(
            value, place, cure="write {from: …, optional: true} where it may be missing, or a default"
        )
        return Source(selector, False, None, not selector.is_definite)
    if not isinstance(value, dict):
        place.fault(
            f"found {describe(value)}, accepted is a path, or {{from: a path, …}}",
            "{from: $.a, optional: true}",
        )
        return None
    options = check(SourceOptions, place)
    if options is None:
        return None
    selector = compile_path(options.path, place.child("from"))
    default = None
    if "default" in options.model_fields_set:
        default = compile_value(options.default, place.child("default"), compiler.templates, names=compiler.names)
    return Source(selector, options.optional, default, not selector.is_definite and options.take == "all")


def _put_one(record: Record, target: Target, value: Any) -> Record:
    tree: Any = 0
    for key in reversed(target.keys):
        tree = {key: tree}
    return Patch([target], tree).put(record, [value])
