"""What the other dialects do otherwise than the one in which an entity is told, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.catalog.listing import describe_entity, find_main_dialect, tell_call
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Absence, Entity
    from connector.catalog.listing import EntityDetail, FieldRow


@dataclass(frozen=True, slots=True)
class Difference:
    """How some dialects differ from the one in which an entity is told.

    Attributes:
        dialects: Those it holds for, oldest first.
        is_absent: Whether they lack the entity.
        lines: What differs, one phrase or sentence each; empty where only the version of the shop does.
    """

    dialects: tuple[str, ...]
    is_absent: bool
    lines: tuple[str, ...]


def find_differences(catalog: Catalog, entity: Entity) -> list[Difference]:
    """Return what differs in the other dialects, those that differ alike together, oldest first."""
    main = describe_entity(catalog, entity, find_main_dialect(catalog, entity))
    groups: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for dialect in catalog.dialects:
        if dialect == main.dialect:
            continue
        is_absent = dialect not in entity.variants
        lines = (
            (_tell_absence(entity.absences[dialect]),)
            if is_absent
            else tuple(_compare(main, describe_entity(catalog, entity, dialect)))
        )
        groups.setdefault((is_absent, lines), []).append(dialect)
    return [Difference(tuple(dialects), is_absent, lines) for (is_absent, lines), dialects in groups.items()]


def _tell_absence(absence: Absence) -> str:
    return f"{absence.reason}; use `{absence.instead}`" if absence.instead else absence.reason


def _compare(main: EntityDetail, other: EntityDetail) -> Iterator[str]:
    yield from _compare_calls(main, other)
    if other.summary != main.summary:
        yield other.summary
    yield from _compare_fields(main, other)
    for label, ours, theirs, none in (
        ("effect: ", main.effect, other.effect, ""),
        ("repeat: ", main.repeat, other.repeat, ""),
        ("needs before: ", "; ".join(main.needs), "; ".join(other.needs), "nothing"),
        ("a success clears: ", main.clears_on_success, other.clears_on_success, "nothing"),
        ("a refusal clears: ", main.clears_on_failure, other.clears_on_failure, "nothing"),
        ("a success has: ", _mark(main.success_keys), _mark(other.success_keys), ""),
        ("`[]` means: ", main.empty, other.empty, "nothing that is known"),
        ("records: ", f"`{main.records}`", f"`{other.records}`", ""),
    ):
        if theirs != ours:
            yield label + (theirs or none)
    yield from _compare_warnings(main, other)


def _compare_calls(main: EntityDetail, other: EntityDetail) -> Iterator[str]:
    call = tell_call(other.route, other.query)
    if call and call != tell_call(main.route, main.query):
        yield f"calls `{call}`"
    if other.draft and other.draft != main.draft:
        yield other.draft


def _compare_fields(main: EntityDetail, other: EntityDetail) -> Iterator[str]:
    ours = {row.name: row for row in main.fields}
    theirs = {row.name: row for row in other.fields}
    for name, row in theirs.items():
        told = _tell_field(row)
        if name not in ours:
            yield f"takes {told}"
        elif told != _tell_field(ours[name]):
            yield told
    for name in ours:
        if name not in theirs:
            reason = other.refuses.get(name)
            yield f"takes no `{name}`: {reason}" if reason else f"takes no `{name}`"
    for name in main.query_fields:
        if name in theirs and name not in other.query_fields:
            yield f"`{name}` travels in the form"
    renamed = [f"`{row.name}` as `{row.wire_name}`" for row in other.fields if row.wire_name]
    if renamed and len(renamed) == len([name for name in theirs if "." not in name]) > 1:
        prefix = other.fields[0].wire_name.removesuffix(other.fields[0].name)
        yield f"sends every field under its name with `{prefix}` in front"
    elif renamed:
        yield f"sends {', '.join(renamed)}"
    if other.codes != main.codes:
        yield from other.codes


def _tell_field(row: FieldRow) -> str:
    required = "required; " if row.is_required else ""
    default = f"; left out: {row.default}" if row.default else ""
    return f"`{row.name}` ({required}{row.accepts}{default}): {row.meaning}"


def _compare_warnings(main: EntityDetail, other: EntityDetail) -> Iterator[str]:
    more = [warning for warning in other.warnings if warning not in main.warnings]
    gone = [warning for warning in main.warnings if warning not in other.warnings]
    if gone and not other.warnings:
        yield "what to mind above does not hold"
    elif gone:
        yield f"mind, in place of what stands above: {' '.join(other.warnings)}"
    elif more:
        yield f"mind also: {' '.join(more)}"


def _mark(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" for name in names)
