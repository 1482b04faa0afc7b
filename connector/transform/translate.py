"""The steps that turn one value into another: `map` by a dictionary, `cast` by a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import Field

from connector.config.check import check
from connector.config.options import Options
from connector.config.wording import describe, did_you_mean, join_names
from connector.errors import TransformError
from connector.frozen import dataclass
from connector.redaction import is_private
from connector.transform import conversion
from connector.transform.conversion import ConversionError, TypeName
from connector.transform.patch import Patch, build_patch, compile_target, rewrite
from connector.transform.path import OPTIONAL_CURE, Selector, Spot, compile_path, format_spot, read_spot
from connector.transform.template import Value, compile_value
from connector.transform.typed import TYPE_ALIASES, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.step import Compiler, Context, Step

_ABSENT: Final = object()
_CURE: Final = "write {type: …, optional: true} where it may be missing, or a default"


class MapOptions(Options):
    """The step `map`."""

    field: str = Field(description="Path of the value to translate.", examples=["status", "$.customer.country"])
    values: dict[str, Any] = Field(
        description="What each value becomes. Numbers and booleans are looked up by their text form (`1`, `true`).",
        examples=[{"paid": 2, "open": 1}],
        min_length=1,
    )
    default: Any = Field(
        None, description="What becomes of a value that is not listed, missing or null; may hold templates."
    )
    into: str | None = Field(None, description="Where the translation goes; the field itself unless given.")
    optional: bool = Field(False, description="Whether nothing is done where the field is missing.")


class MapStep:
    """Translates a value by a dictionary.

    A value that is not listed is an error that says so, unless there is a `default`: nobody has decided yet what it
    means. `default: "{{ record.status }}"` lets it pass as it is.

    ```yaml
    - map: {field: status, values: {paid: 2, open: 1}, into: order_status_id}
    - map: {field: country, values: {UK: GB}, default: "{{ record.country }}"}
    ```
    ```json
    {"status": "paid", "country": "FR"}
    ```
    ```json
    [{"status": "paid", "country": "FR", "order_status_id": 2}]
    ```
    """

    __slots__ = ("_default", "_is_optional", "_patch", "_selector", "_values", "_where")

    def __init__(
        self,
        selector: Selector,
        values: Mapping[str, Value],
        patch: Patch,
        *,
        where: str,
        default: Value | None = None,
        is_optional: bool = False,
    ) -> None:
        self._selector = selector
        self._values = values
        self._patch = patch
        self._where = where
        self._default = default
        self._is_optional = is_optional

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with the translation."""
        found = self._selector.first_or(record, _ABSENT)
        if found is _ABSENT and self._default is None:
            if self._is_optional:
                return record
            self._selector.first(record)
        chosen = self._choose(found)
        return self._patch.put(record, [chosen.render({**context, "record": record})])

    def _choose(self, found: Any) -> Value:
        if found is not _ABSENT and found is not None:
            try:
                chosen = self._values.get(conversion.to_text(found), self._default)
            except ConversionError as error:
                raise self._refuse(f"{self._selector.text} is {error.describe(is_private=True)}") from None
        else:
            chosen = self._default
        if chosen is None:
            shown = conversion.show(found, is_private=is_private_spot(self._selector.base))
            raise self._refuse(f"nobody mapped this yet: {shown} (mapped are: {join_names(self._values)})")
        return chosen

    def _refuse(self, message: str) -> TransformError:
        return TransformError(message, step=self._where, cure="add it to values, or write a default")


class CastOptions(Options):
    """The long form of a type in `cast`."""

    type: TypeName = Field(description="The type the value gets.")
    format: str | None = Field(
        None,
        description="How a date is written, as of Python's strptime; `timestamp` for seconds since 1970.",
        examples=["%d/%m/%Y"],
    )
    timezone: str | None = Field(None, description="Where a time without offset was read.", examples=["Europe/London"])
    optional: bool = Field(False, description="Whether a missing, null or empty value is left as it is.")
    default: Any = Field(None, description="In place of a missing, null or empty value; already of the type.")


@dataclass(frozen=True, slots=True)
class Cast:
    """One path and the type that what it matches gets.

    Attributes:
        selector: The path.
        convert: Gives the type; raises ConversionError.
        is_text: Whether the type is text, of which an empty one is as good as any.
        is_optional: Whether what is missing, null or empty stays as it is.
        default: What comes in its place, or None for nothing.
    """

    selector: Selector
    convert: Callable[[Any], Any]
    is_text: bool
    is_optional: bool = False
    default: Value | None = None

    def collect(self, record: Record, context: Context, changes: dict[Spot, tuple[Any]]) -> bool:
        """Add the converted values by their spots; return whether there was any.

        Raises:
            TransformError: A value is not of that type, or the path matches nothing.
        """
        spots = self.selector.locate(record)
        for spot in spots:
            value = read_spot(record, spot)
            if value is None or (value == "" and not self.is_text):
                if self.default is not None:
                    changes[spot] = (self.default.render({**context, "record": record}),)
                    continue
                if self.is_optional:
                    continue
            try:
                changes[spot] = (self.convert(value),)
            except ConversionError as error:
                shown = error.describe(is_private=is_private_spot(spot))
                raise TransformError(
                    f"{format_spot(spot)}: {shown}", step=self.selector.where, cure=error.cure
                ) from error
        if not spots and not self.is_optional and self.default is None:
            self.selector.require(record)
        return bool(spots)


class CastStep:
    """Gives values a type, strictly.

    Each key is a path, which may match several values; each value is a type: `text`, `integer`, `number`, `decimal`,
    `boolean`, `date`, `datetime`, `list`, `object`. `"12abc"` is no integer and `"1,5"` no decimal: both are errors.
    The long form takes `format` and `timezone` for dates, and `optional: true` or a `default` for what is missing,
    null or an empty text. A datetime becomes an instant in UTC.

    ```yaml
    - cast:
        total: decimal
        $.lines[*].quantity: integer
        paid_at: {type: datetime, format: "%d/%m/%Y %H:%M", timezone: Europe/London}
        weight: {type: decimal, optional: true}
    ```
    ```json
    {"total": "12.50", "lines": [{"quantity": "2"}, {"quantity": "3"}], "paid_at": "01/07/2026 09:30", "weight": ""}
    ```
    ```json
    [{"total": 12.5, "lines": [{"quantity": 2}, {"quantity": 3}], "paid_at": "2026-07-01T08:30:00+00:00", "weight": ""}]
    ```
    """

    __slots__ = ("_casts", "_where")

    def __init__(self, casts: tuple[tuple[Cast, Patch | None], ...], where: str) -> None:
        self._casts = casts
        self._where = where

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with the types given."""
        changes: dict[Spot, tuple[Any]] = {}
        missing: list[tuple[Patch, Any]] = []
        for cast, patch in self._casts:
            if not cast.collect(record, context, changes) and cast.default is not None and patch is not None:
                missing.append((patch, cast.default.render({**context, "record": record})))
        shaped = rewrite(record, changes, step=self._where) if changes else record
        for patch, value in missing:
            shaped = patch.put(shaped, [value])
        return shaped


def is_private_spot(spot: Spot) -> bool:
    """Whether what stands here is personal or secret, judged by the names on the way."""
    return any(isinstance(key, str) and is_private(key) for key in spot)


def build_map(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    options = check(MapOptions, place)
    if options is None:
        return None
    at = place.child("field")
    selector = compile_path(options.field, at)
    into = place.child("into") if options.into else at
    target = compile_target(options.into or options.field, into, is_key=False)
    if target is None:
        return None
    patch = build_patch([(target, into)])
    assert patch is not None  # one target stands in no other
    values = {
        text: compile_value(value, place.child("values", text), compiler.templates, names=compiler.names)
        for text, value in options.values.items()
    }
    default = None
    if "default" in options.model_fields_set:
        default = compile_value(options.default, place.child("default"), compiler.templates, names=compiler.names)
    return MapStep(selector, values, patch, where=place.where, default=default, is_optional=options.optional)


def build_cast(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    fields = place.value
    if not isinstance(fields, dict) or not fields:
        place.fault(f"found {describe(fields)}, accepted is a mapping of paths and types", "cast: {total: decimal}")
        return None
    casts = [_build_cast(text, place.child(text), compiler) for text in fields]
    sound = tuple(cast for cast in casts if cast is not None)
    return CastStep(sound, place.where) if len(sound) == len(casts) else None


def _build_cast(path: str, place: Place, compiler: Compiler) -> tuple[Cast, Patch | None] | None:
    if place.is_broken:
        return None
    is_short = isinstance(place.value, str)
    selector = compile_path(path, place, cure=_CURE if is_short else OPTIONAL_CURE, is_key=True)
    if selector.plain == ():
        place.key_fault("the whole record has no type", "name a field, such as total")
        return None
    if is_short:
        if place.value not in get_args(TypeName):
            closest = TYPE_ALIASES.get(place.value)
            hint = f'did you mean "{closest}"?' if closest else did_you_mean(place.value, conversion.TYPES)
            place.fault(f'there is no type "{place.value}", accepted are {join_names(conversion.TYPES)}', hint)
            return None
        convert = conversion.get_conversion(place.value)
        return Cast(selector, convert, place.value == "text"), None
    options = check(CastOptions, place)
    if options is None:
        return None
    request = read_request(options.type, place)
    convert = conversion.get_conversion(request.kind, request.pattern, request.timezone)
    if "default" not in options.model_fields_set:
        return Cast(selector, convert, options.type == "text", options.optional), None
    default = compile_value(options.default, place.child("default"), compiler.templates, names=compiler.names)
    patch = None
    if selector.is_definite:
        target = compile_target(path, place)
        patch = build_patch([(target, place)]) if target is not None else None
    return Cast(selector, convert, options.type == "text", options.optional, default), patch
