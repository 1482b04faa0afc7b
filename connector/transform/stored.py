"""The steps that work with the value store: `store.get`, `store.put` and `changed`.

They stand where a record is about to be sent, in the transform of a route or of an outgoing: what they keep is written
in the transaction that settles the record as finished, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from connector.config.check import check
from connector.config.options import Name, Options, Template
from connector.config.wording import describe
from connector.errors import TransformError
from connector.frozen import dataclass
from connector.record_codec import decode_value, encode_value
from connector.transform import conversion
from connector.transform.checker import has_template
from connector.transform.conversion import ConversionError
from connector.transform.mark import make_mark
from connector.transform.patch import Patch, build_patch, compile_target
from connector.transform.path import compile_path
from connector.transform.relocate import ABSENT, Source
from connector.transform.step import VALUES
from connector.transform.template import Value, compile_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.config.place import Place
    from connector.interfaces import Values
    from connector.record import Record
    from connector.transform.step import Compiler, Context, Step

_LONGEST_KEY: Final = 500
"""Characters of a key. Databases index keys, and PostgreSQL takes 2,704 bytes of one."""

_OPTIONAL_CURE: Final = "write optional: true where it may be missing"


@dataclass(frozen=True, slots=True)
class Key:
    """A template of the key under which something is kept.

    Attributes:
        value: The template.
    """

    value: Value

    def render(self, record: Record, context: Context) -> str:
        """Return the key for one record: 1 to 500 characters.

        Raises:
            TransformError: The template cannot be computed, or gives what is no key.
        """
        text: str = self.value.render({**context, "record": record})
        if not text:
            raise self._refuse("the key is empty, and all records without one would share what is kept")
        if len(text) > _LONGEST_KEY:
            raise self._refuse(f"the key has {len(text)} characters, and {_LONGEST_KEY} are the most")
        if not _is_kept(text):
            raise self._refuse("the key holds a character that databases do not keep")
        return text

    def show(self, key: str) -> str:
        """Return a key for a message: by its length alone where it is made of personal fields."""
        return conversion.show(key, is_private=self.value.reads_private)

    def _refuse(self, message: str) -> TransformError:
        return TransformError(message, step=self.value.where, cure="leave such records out with a filter ahead of it")


class GetOptions(Options):
    """The step `store.get`."""

    store: Name = Field(description="Name of the value store.", examples=["prices"])
    key: Template = Field(description="Under which the value is kept.", examples=["{{ record.sku }}"])
    into: str = Field(description="Field that takes the value.", examples=["old_price"])
    default: Any = Field(None, description="Used where nothing is kept under the key; may hold templates.")
    optional: bool = Field(False, description="Whether nothing is done where nothing is kept under the key.")


class StoreGetStep:
    """Reads a value that was kept for an earlier record, of this route or another.

    It comes with the type it was kept with. Where nothing is kept under the key is an error, unless there is a
    `default` (null is one) or `optional: true`. What an earlier step put for the same record is read before all else.
    Only a route and an outgoing may have the step.

    ```yaml
    - store.get: {store: prices, key: "{{ record.sku }}", into: old_price, default: null}
    ```
    ```json
    {"sku": "A-1", "price": 12.5}
    ```
    ```json
    [{"sku": "A-1", "price": 12.5, "old_price": null}]
    ```
    """

    __slots__ = ("_default", "_is_optional", "_key", "_patch", "_store", "_where")

    def __init__(
        self, store: str, key: Key, patch: Patch, *, where: str, default: Value | None, is_optional: bool
    ) -> None:
        self._store = store
        self._key = key
        self._patch = patch
        self._where = where
        self._default = default
        self._is_optional = is_optional

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with the value."""
        values = _require_values(context, self._where)
        key = self._key.render(record, context)
        kept = values.get(self._store, key)
        if kept is not None:
            return self._patch.put(record, [self._read(kept, key)])
        if self._default is not None:
            return self._patch.put(record, [self._default.render({**context, "record": record})])
        if self._is_optional:
            return record
        raise TransformError(
            f"nothing is kept under {self._key.show(key)} in {self._store}",
            step=self._where,
            cure="write optional: true or a default where that may be",
        )

    def _read(self, kept: bytes, key: str) -> Any:
        try:
            return decode_value(kept)
        except ValueError as error:
            raise TransformError(
                f"what is kept under {self._key.show(key)} in {self._store} cannot be read: {error}", step=self._where
            ) from error


class PutOptions(Options):
    """The step `store.put`."""

    store: Name = Field(description="Name of the value store.", examples=["prices"])
    key: Template = Field(description="Under which the value is kept.", examples=["{{ record.sku }}"])
    value: Template = Field(
        None, description="What is kept, with templates, as in `set`; or else `from`.", examples=["{{ record.price }}"]
    )
    path: str | None = Field(
        None, alias="from", description="Path of what is kept, as in `copy`; `$` for the whole record."
    )
    optional: bool = Field(False, description="Whether nothing is kept where the path of `from` matches nothing.")


class StorePutStep:
    """Keeps a value under a key for later records, once this one is sent.

    It is written in the same transaction that settles the record as finished, in place of what the key had: a record
    that fails, or that a later step leaves out, changes nothing. `value` is written as in `set`, and is text unless it
    says a type; `from` is a path as in `copy`. Only a route and an outgoing may have the step.

    ```yaml
    - store.put: {store: prices, key: "{{ record.sku }}", value: {value: "{{ record.price }}", type: decimal}}
    - store.put: {store: products, key: "{{ record.sku }}", from: $}
    - store.get: {store: prices, key: "{{ record.sku }}", into: kept}
    ```
    ```json
    {"sku": "A-1", "price": "12.50"}
    ```
    ```json
    [{"sku": "A-1", "price": "12.50", "kept": 12.5}]
    ```
    """

    __slots__ = ("_key", "_source", "_store", "_where")

    def __init__(self, store: str, key: Key, source: Value | Source, *, where: str) -> None:
        self._store = store
        self._key = key
        self._source = source
        self._where = where

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record as it is."""
        values = _require_values(context, self._where)
        if isinstance(self._source, Value):
            value = self._source.render({**context, "record": record})
        else:
            value = self._source.read(record, context)
        if value is not ABSENT:
            key = self._key.render(record, context)
            try:
                values.put(self._store, key, encode_value(value))
            except TypeError as error:
                raise TransformError(str(error), step=self._where) from error
        return record


class ChangedOptions(Options):
    """The long form of `changed`."""

    key: Template = Field(
        description="What tells a record from others, over all runs; one template.", examples=["{{ record.sku }}"]
    )
    of: list[str] | None = Field(
        None,
        description="Paths of what counts as a change. Left out: the whole record, as it is at this step.",
        examples=[["$.price", "$.stock"]],
        min_length=1,
    )
    optional: bool = Field(False, description="Whether a path of `of` may match nothing.")
    store: Name | None = Field(
        None,
        description="What the marks are kept under, as `changed:<name>`. Left out: the name of the route or outgoing, "
        "such as `routes.prices`.",
    )


class ChangedStep:
    """Lets a record through only where it differs from what was last sent under its key, and leaves it out otherwise.

    What was sent is remembered by a mark, which is written in the same transaction that settles the record as finished:
    a record that fails, or that a later step leaves out, is not remembered, and so comes through again. The first
    record of a key comes through. `of` says what counts as a change; the order of fields never does, nor how a number
    is written (`1`, `1.0`, `1.00`), but text counts to the letter. Other paths, another name of the route and another
    `store` begin anew, and every record comes through once more. Only a route and an outgoing may have the step.

    ```yaml
    - changed: {key: "{{ record.sku }}", of: [$.price, $.stock]}
    ```
    ```json
    {"sku": "A-1", "price": 12.5, "stock": 3, "seen_at": "2026-07-01"}
    ```
    ```json
    [{"sku": "A-1", "price": 12.5, "stock": 3, "seen_at": "2026-07-01"}]
    ```
    """

    __slots__ = ("_key", "_sources", "_store", "_where")

    def __init__(self, store: str, key: Key, sources: Mapping[str, Source] | None, *, where: str) -> None:
        self._store = store
        self._key = key
        self._sources = sources
        self._where = where

    def spread(self, record: Record, context: Context) -> list[Record]:
        """Return the record alone, or nothing."""
        values = _require_values(context, self._where)
        key = self._key.render(record, context)
        try:
            mark = encode_value(make_mark(self._select(record, context)))
        except ConversionError as error:
            raise TransformError(error.describe(is_private=True), step=self._where) from error
        if values.get(self._store, key) == mark:
            return []
        values.put(self._store, key, mark)
        return [record]

    def _select(self, record: Record, context: Context) -> Record:
        """Return what counts: the record, or by path what stands there."""
        if self._sources is None:
            return record
        found = {path: source.read(record, context) for path, source in self._sources.items()}
        return {path: value for path, value in found.items() if value is not ABSENT}


def build_store_get(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    options = check(GetOptions, place)
    if options is None:
        return None
    key = _build_key(place.child("key"), compiler)
    into = place.child("into")
    target = compile_target(options.into, into, is_key=False)
    default = None
    if "default" in options.model_fields_set:
        default = compile_value(options.default, place.child("default"), compiler.templates, names=compiler.names)
    if key is None or target is None:
        return None
    patch = build_patch([(target, into)])
    assert patch is not None  # one target stands in no other
    return StoreGetStep(options.store, key, patch, where=place.where, default=default, is_optional=options.optional)


def build_store_put(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    options = check(PutOptions, place)
    if options is None:
        return None
    key = _build_key(place.child("key"), compiler)
    if ("value" in options.model_fields_set) == (options.path is not None):
        place.fault('one of the keys "value" and "from" is needed, and not both')
        return None
    source: Value | Source
    if options.path is not None:
        source = _build_source(options.path, place.child("from"), is_optional=options.optional)
    else:
        source = compile_value(options.value, place.child("value"), compiler.templates, names=compiler.names)
        if options.optional:
            place.child("optional").key_fault("optional goes with from", "write | default(…) in the template")
    return None if key is None else StorePutStep(options.store, key, source, where=place.where)


def build_changed(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    if not isinstance(place.value, dict):
        key = _build_key(place, compiler, is_told_apart=True)
        marks = compiler.name_marks(place, None, str(place.value))
        return None if key is None or marks is None else ChangedStep(marks, key, None, where=place.where)
    options = check(ChangedOptions, place)
    if options is None:
        return None
    key = _build_key(place.child("key"), compiler, is_told_apart=True)
    marks = compiler.name_marks(place, options.store, str(options.key))
    sources = None
    if options.of is not None:
        sources = {
            path: _build_source(path, place.child("of", index), is_optional=options.optional)
            for index, path in enumerate(options.of)
        }
    elif options.optional:
        place.child("optional").key_fault("optional goes with of", "name the paths that count: of: [$.price]")
    return None if key is None or marks is None else ChangedStep(marks, key, sources, where=place.where)


def _build_key(place: Place, compiler: Compiler, *, is_told_apart: bool = False) -> Key | None:
    """Return the key, or report a fault and return None.

    Args:
        place: Where its template stands.
        compiler: What compiles it.
        is_told_apart: Whether it tells records apart, so that a fixed text is a slip.
    """
    if place.is_broken:
        return None
    value = place.value
    is_text = (isinstance(value, str) and value) or (isinstance(value, int) and not isinstance(value, bool))
    if not is_text or (is_told_apart and not has_template(value)):
        place.fault(f"found {describe(value)}, accepted is a template of a record's key", '"{{ record.sku }}"')
        return None
    return Key(compile_value(str(value), place, compiler.templates, names=compiler.names))


def _build_source(path: str, place: Place, *, is_optional: bool) -> Source:
    selector = compile_path(path, place, cure=_OPTIONAL_CURE)
    return Source(selector, is_optional, None, not selector.is_definite)


def _require_values(context: Context, where: str) -> Values:
    """Return the value store.

    Raises:
        TransformError: There is none.
    """
    values: Values | None = context.get(VALUES)
    if values is None:
        raise TransformError(
            "the value store is not there: this run stores nothing", step=where, cure="run it without --no-store"
        )
    return values


def _is_kept(text: str) -> bool:
    """Whether databases keep a text as it is: it is Unicode, without the null character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
