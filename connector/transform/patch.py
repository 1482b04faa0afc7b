"""Changing a record without touching it: only what lies along a changed path is copied, and each of it once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from connector.errors import TransformError
from connector.frozen import dataclass
from connector.transform.conversion import name_type
from connector.transform.path import Key, Spot, format_spot, parse_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connector.config.place import Place
    from connector.record import Record

Tree: TypeAlias = "dict[Key, Tree | int]"
"""Targets by their keys; a leaf is the position of its value."""

_SPECIAL: Final = re.compile(r"[.\[\]$*'\"]")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step writes to.

    Attributes:
        keys: Never empty, no wildcards.
        where: The place in the configuration.
    """

    keys: Spot
    where: str


def compile_target(text: str, place: Place, *, is_key: bool = True) -> Target | None:
    """Return where a step writes to, or report a fault and return None.

    Args:
        text: `total`, `customer.name`, `$.lines[0].sku`; `$['a.b']` for a name with a dot in it. A text without
            dots, brackets, quotes, `$` and `*` is a name as it stands.
        place: Where it stands.
        is_key: Whether it is the key there, rather than the value.
    """
    report = place.key_fault if is_key else place.fault
    if place.is_broken and not is_key:
        return None
    if not _SPECIAL.search(text) and text:
        return Target((text,), place.where)
    keys, rest = parse_keys(text)
    definite = [key for key in keys if isinstance(key, str | int)]
    if rest:
        report(f"{text} is no target", f"write a name with other characters in quotes: $['{text}']")
    elif len(definite) < len(keys):
        report(f"{text} is many targets, and one is needed", "change each entry of a list with the step each")
    elif not keys:
        report("a target names a field", "write total, or customer.name, or $['a.b']")
    else:
        return Target(tuple(definite), place.where)
    return None


class Patch:
    """Several targets that are written to together."""

    def __init__(self, targets: Sequence[Target], tree: Tree) -> None:
        self._targets = targets
        self._tree = tree

    def __repr__(self) -> str:
        return f"Patch({', '.join(format_spot(target.keys) for target in self._targets)})"

    def put(self, record: Record, values: Sequence[Any]) -> Record:
        """Return the record with every target set to the value at its position.

        Objects on the way are made where there are none, or null; lists must be there, and long enough.

        Raises:
            TransformError: What stands on the way is no object or list.
        """
        return self._put(record, self._tree, values)  # type: ignore[no-any-return]

    def _put(self, value: Any, tree: Tree, values: Sequence[Any]) -> Any:
        copy = self._copy(value, tree)
        for key, branch in tree.items():
            if isinstance(branch, int):
                new = values[branch]
            else:
                old = copy.get(key) if isinstance(copy, dict) else copy[key]
                new = self._put(old, branch, values)
            copy[key] = new
        return copy

    def _copy(self, value: Any, tree: Tree) -> Any:
        if isinstance(value, dict):
            wrong: Key | None = next((key for key in tree if isinstance(key, int)), None)
            if wrong is None:
                return {**value}
        elif isinstance(value, list):
            wrong = next((key for key in tree if isinstance(key, str) or not -len(value) <= key < len(value)), None)
            if wrong is None:
                return [*value]
        else:
            wrong = next(iter(tree)) if value is not None else next((key for key in tree if isinstance(key, int)), None)
            if wrong is None:
                return {}
        raise self._refuse(value, tree[wrong], wrong)

    def _refuse(self, value: Any, branch: Tree | int, key: Key) -> TransformError:
        while not isinstance(branch, int):
            branch = next(iter(branch.values()))
        target = self._targets[branch]
        what = f"a list of {len(value)}" if isinstance(value, list) else name_type(value)
        holder = format_spot(target.keys[: target.keys.index(key)])
        return TransformError(
            f"{format_spot(target.keys)} cannot be set: {holder} is {what}, which has no {_name_key(key)}",
            step=target.where,
        )


def build_patch(targets: Sequence[tuple[Target, Place]]) -> Patch | None:
    """Return the targets as one patch, or report those that stand in one another and return None."""
    tree: Tree = {}
    is_sound = True
    for position, (target, place) in enumerate(targets):
        branch = tree
        for key in target.keys[:-1]:
            below = branch.setdefault(key, {})
            if isinstance(below, int):
                break
            branch = below
        else:
            if target.keys[-1] not in branch:
                branch[target.keys[-1]] = position
                continue
        is_sound = False
        other = format_spot(_find_rival(target, [one for one, _ in targets[:position]]).keys)
        place.key_fault(f"{format_spot(target.keys)} and {other} are one within the other, and both are written to")
    return Patch([target for target, _ in targets], tree) if is_sound else None


def _find_rival(target: Target, others: Iterable[Target]) -> Target:
    return next(
        other for other in others if all(mine == theirs for mine, theirs in zip(target.keys, other.keys, strict=False))
    )


Rewrites: TypeAlias = "dict[Key, Rewrites | tuple[Any, ...]]"
"""Changes by their keys; a leaf holds what comes in place of the value: nothing, one value, several in a list."""


def rewrite(record: Record, changes: Mapping[Spot, Sequence[Any]], *, step: str) -> Record:
    """Return the record with the values at these spots replaced.

    Args:
        record: Not touched.
        changes: By spot, which must exist, what comes in place of the value: nothing to leave it out, one value, or
            several where it stands in a list.
        step: For errors.

    Raises:
        TransformError: Several values for a field of an object, a change within another change, or of the whole.
    """
    tree: Rewrites = {}
    for spot, values in changes.items():
        if not spot:
            raise TransformError("the path matches the whole record, and a part is meant", step=step)
        branch = tree
        for key in spot[:-1]:
            below = branch.setdefault(key, {})
            if isinstance(below, tuple):
                break
            branch = below
        else:
            if not isinstance(branch.get(spot[-1]), dict):
                branch[spot[-1]] = tuple(values)
                continue
        raise TransformError(f"the path matches {format_spot(spot)} and what it is part of", step=step)
    return _rewrite(record, tree, (), step)  # type: ignore[no-any-return]


def remove(record: Record, spots: Iterable[Spot], *, step: str) -> Record:
    """Return the record without the values at these spots; what is within a removed value goes with it."""
    kept: dict[Spot, tuple[Any, ...]] = {}
    for spot in sorted(set(spots), key=len):
        if not any(spot[:length] in kept for length in range(1, len(spot))):
            kept[spot] = ()
    return rewrite(record, kept, step=step) if kept else record


def _rewrite(value: Any, tree: Rewrites, trail: Spot, step: str) -> Any:
    if isinstance(value, list):
        entries: list[Any] = []
        for index, child in enumerate(value):
            change = tree.get(index)
            if change is None:
                entries.append(child)
            elif isinstance(change, tuple):
                entries.extend(change)
            else:
                entries.append(_rewrite(child, change, (*trail, index), step))
        return entries
    fields = {**value}
    for key, change in tree.items():
        if isinstance(change, dict):
            fields[key] = _rewrite(value[key], change, (*trail, key), step)
        elif len(change) == 1:
            fields[key] = change[0]
        elif change:
            raise TransformError(
                f"{format_spot((*trail, key))} became {len(change)} records, and a field holds one", step=step
            )
        else:
            del fields[key]
    return fields


def _name_key(key: Key) -> str:
    return f"[{key}]" if isinstance(key, int) else f'"{key}"'
