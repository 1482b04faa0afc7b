"""An entity of a remote system, and what it is in each dialect."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Any

from connector.errors import CatalogError, UnknownEntityError
from connector.frozen import dataclass
from connector.request import Effect, Operation, Repeat

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from connector.request import DraftChange


class FieldType(enum.StrEnum):
    """What a field's value must be. Numbers and flags may be text (`"2"`): templates give text."""

    TEXT = "text"  # text, a number or a date
    TEXTS = "texts"  # one text, or several in order of preference
    INTEGER = "integer"  # a whole number
    DECIMAL = "decimal"  # a number with a decimal point or none
    FLAG = "flag"  # 0, 1, true or false
    MAP = "map"  # ids to values, or to lists of values
    LIST = "list"  # entries with fields of their own
    RECORD = "record"  # one mapping with fields of its own


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload.

    Attributes:
        name: As the user writes it.
        type: What the value must be.
        meaning: What it is for, one sentence without a full stop.
        is_required: Whether a payload without it is refused.
        may_be_empty: Whether empty text counts as given, for a required field.
        default: What the other side takes when the field is left out, in words; None where that is nothing.
        minimum: Smallest number, inclusive; None for no bound.
        min_length: Fewest characters of a text that is not empty; None for no bound.
        max_length: Most characters; None for no bound.
        pattern: Regular expression that the whole text must match, or None.
        pattern_words: What the pattern means, such as `an e-mail address`; never None where there is a pattern.
        why: What the other side would do with a value that is refused here; None where it refuses by itself.
        is_personal: Whether the value speaks of a person; it shows in no message.
        is_secret: Whether the value is a credential; it shows in no message.
        fields: The fields of a record, or of a list's entries; empty for every other type.
    """

    name: str
    type: FieldType
    meaning: str
    is_required: bool = False
    may_be_empty: bool = False
    default: str | None = None
    minimum: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    pattern_words: str | None = None
    why: str | None = None
    is_personal: bool = False
    is_secret: bool = False
    fields: tuple[Field, ...] = ()

    @property
    def accepts(self) -> str:
        """What is accepted, in words: `a whole number of at least 1`, `text of 1 to 32 characters`."""
        match self.type:
            case FieldType.TEXT:
                return f"{self.pattern_words or 'text'}{self._length_words}"
            case FieldType.TEXTS:
                return "text, or a list of texts"
            case FieldType.INTEGER:
                return f"a whole number{self._bound_words}"
            case FieldType.DECIMAL:
                return f"a number such as 12.50{self._bound_words and ','}{self._bound_words}"
            case FieldType.FLAG:
                return "0 or 1"
            case FieldType.MAP:
                return "a mapping of ids to values, such as {226: 15}"
            case FieldType.LIST:
                return f"a list of entries with {', '.join(field.name for field in self.fields)}"
            case FieldType.RECORD:
                return f"a mapping with {', '.join(field.name for field in self.fields)}"

    @property
    def _bound_words(self) -> str:
        return "" if self.minimum is None else f" of at least {self.minimum}"

    @property
    def _length_words(self) -> str:
        if self.max_length is None:
            return ""
        if self.min_length is None:
            return f" of at most {self.max_length} characters"
        return f" of {self.min_length} to {self.max_length} characters"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that must have happened before, in the same session.

    Attributes:
        any_of: Catalog ids, one of which is enough.
        when: The condition under which it is needed, in words; None where it always is.
    """

    any_of: tuple[str, ...]
    when: str | None = None


@dataclass(frozen=True, slots=True)
class ExampleStep:
    """A step in front of an example.

    Attributes:
        entity: Catalog id.
        payload: The fields; None for those of the entity's own example.
    """

    entity: str
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A call as a user would write it.

    Attributes:
        before: The steps that come first, in order.
        payload: The fields; text may hold templates and variables.
    """

    before: tuple[ExampleStep, ...]
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """One entity in one dialect: everything that is known about a call before it is made.

    Attributes:
        entity: Catalog id.
        dialect: Such as `3.0`.
        route: What the dialect calls, such as `api/coupon`; empty where `is_local`, and for a composite.
        summary: What a call does, one sentence with a full stop.
        effect: What a call changes.
        repeat: What a second, equal call does.
        repeat_meaning: The same for this entity, in a sentence.
        fields: Fields of the payload, required ones first.
        refuses: Names that people try, which are no fields here, each with the reason.
        query: Fixed query parameters, such as `call`: `cart`.
        form: Fixed form fields, by their name on the wire; the payload's value goes first.
        query_fields: Names of fields that travel in the query.
        renames: Names of fields that are called otherwise on the wire.
        codes: Names of fields that hold a code, with how many parts it has on the wire: with 2, `cod` is sent as
            `cod.cod`; with 1, `cod.cod` is sent as `cod`.
        draft: Part of the client's draft that a success changes, where the remote system keeps no session.
        draft_change: What a success does to that part.
        is_local: Whether nothing is sent: only the draft changes.
        needs: What must have happened before.
        sets: Parts of the session that a success stores.
        clears_on_success: Parts of the session that are gone after a success.
        clears_on_failure: Parts of the session that are gone after a refusal.
        success_keys: Keys of which at least one stands in a successful answer.
        empty_meaning: What an empty answer (`[]`) means, in a sentence; None where none is known.
        is_empty_success: Whether an empty answer is an answer, or a sign that nothing was done.
        records: JSONPath to the records of an answer.
        is_paged: Whether the remote system can give more than one page.
        is_stateful: Whether a call uses or changes what the session holds.
        warnings: What a user must know, in sentences.
        example: A call as a user would write it.
        counts_escaped: Whether the remote system counts the length of a text after escaping it for HTML.
    """

    entity: str
    dialect: str
    route: str
    summary: str
    effect: Effect
    repeat: Repeat
    repeat_meaning: str
    success_keys: tuple[str, ...]
    example: Example
    fields: tuple[Field, ...] = ()
    refuses: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    query_fields: frozenset[str] = frozenset()
    renames: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    draft: str | None = None
    draft_change: DraftChange = "put"
    is_local: bool = False
    needs: tuple[Need, ...] = ()
    sets: tuple[str, ...] = ()
    clears_on_success: tuple[str, ...] = ()
    clears_on_failure: tuple[str, ...] = ()
    empty_meaning: str | None = None
    is_empty_success: bool = False
    records: str = "$"
    is_paged: bool = False
    is_stateful: bool = True
    warnings: tuple[str, ...] = ()
    counts_escaped: bool = False

    def unmet(self, earlier: Collection[str]) -> tuple[Need, ...]:
        """Return what must have happened before and did not; needs with a condition are left out.

        Args:
            earlier: Catalog ids called before in the same session.
        """
        return tuple(need for need in self.needs if need.when is None and not set(need.any_of) & set(earlier))

    def rename(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the payload under the names, and with codes in the parts, that this dialect has on the wire."""
        if not self.renames and not self.codes:
            return payload
        return {
            self.renames.get(name, name): _fit_code(value, self.codes[name]) if name in self.codes else value
            for name, value in payload.items()
        }


def _fit_code(value: Any, parts: int) -> Any:
    """Return a code in so many parts: `cod` and `cod.cod` are two ways to write one method."""
    if not isinstance(value, str):
        return value
    head, point, rest = value.partition(".")
    if parts == 1:
        return head if head == rest else value
    return value if point or not head else f"{head}.{head}"


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a dialect does not have an entity.

    Attributes:
        reason: A sentence without a full stop.
        instead: Catalog id of what does the same there, or None.
    """

    reason: str
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing that a remote system's API can be asked.

    Attributes:
        id: Such as `coupon.apply`; the part in front of the point is its group.
        title: The wording of the vendor's reference, such as `Coupon - Apply existing coupon`.
        aliases: Other titles that mean it.
        is_composite: Whether it stands for several calls, which a dialect plans, rather than for one.
        reserved: Why it cannot be chosen, or None where it can.
        variants: By dialect.
        absences: By dialect that lacks it.
    """

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    is_composite: bool = False
    reserved: str | None = None
    variants: Mapping[str, Variant] = field(default_factory=dict)
    absences: Mapping[str, Absence] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """What stands in front of the point, such as `coupon`."""
        return self.id.partition(".")[0]

    def variant(self, dialect: str) -> Variant:
        """Return the entity as a dialect has it.

        Raises:
            UnknownEntityError: The dialect does not have it; the cure names what does the same, where something does.
        """
        return self.offered((dialect,))[0]

    def offered(self, dialects: Sequence[str]) -> tuple[Variant, ...]:
        """Return the entity as each of these dialects has it, without those that lack it; at least one.

        Args:
            dialects: Those that a client may turn out to speak, as `Catalog.resolve` gives them.

        Raises:
            UnknownEntityError: None of them has it; the cure names what does the same, where something does.
        """
        found = tuple(self.variants[dialect] for dialect in dialects if dialect in self.variants)
        if found:
            return found
        absence = self.absences.get(dialects[0], Absence("it is not in the catalog for this dialect"))
        raise UnknownEntityError(
            f"{self.id} does not exist in {' or '.join(dialects)}: {absence.reason}",
            cure=f"use {absence.instead}" if absence.instead else f"it exists in {', '.join(self.variants)}",
        )

    def operation(self, dialect: str) -> Operation:
        """Return what a client needs to know for a call.

        Raises:
            CatalogError: The entity is reserved for the client itself.
            UnknownEntityError: The dialect does not have it.
        """
        if self.reserved is not None:
            raise CatalogError(f"{self.id} cannot be called: {self.reserved}", cure="leave it out")
        variant = self.variant(dialect)
        return Operation(
            entity=self.id,
            title=self.title,
            route=variant.route,
            effect=variant.effect,
            repeat=variant.repeat,
            success_keys=variant.success_keys,
            query=tuple(variant.query.items()),
            form=tuple(variant.form.items()),
            query_fields=frozenset(variant.renames.get(name, name) for name in variant.query_fields),
            is_stateful=variant.is_stateful,
            is_paged=variant.is_paged,
            is_empty_success=variant.is_empty_success,
            draft=variant.draft,
            draft_change=variant.draft_change,
            clears=variant.clears_on_success,
            is_local=variant.is_local,
        )


def unlisted_operation(route: str, effect: Effect = Effect.COMMIT) -> Operation:
    """Return the operation of a route that is in no catalog, such as an extension's.

    Args:
        route: What the dialect calls, such as `api/my_extension/do`.
        effect: What a call changes. The default is the careful one: nothing is sent twice, and a missing answer is an
            unknown outcome.
    """
    repeats = {Effect.READ: Repeat.SAFE, Effect.SESSION: Repeat.ADDS}
    return Operation(
        entity=route,
        title=route,
        route=route,
        effect=effect,
        repeat=repeats.get(effect, Repeat.DUPLICATES),
        is_paged=None,
        is_empty_success=effect is Effect.READ,
    )
