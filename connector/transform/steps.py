"""The table of steps: one row a kind. Adding a step is one class and one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.transform.assign import SetStep, build_set
from connector.transform.branch import FilterOptions, FilterStep, IfOptions, IfStep, build_filter, build_if
from connector.transform.fan import EachOptions, EachStep, SplitOptions, SplitStep, build_each, build_split
from connector.transform.relocate import (
    CopyStep,
    MoveStep,
    PickStep,
    RemoveOptions,
    RemoveStep,
    SourceOptions,
    build_copy,
    build_move,
    build_pick,
    build_remove,
)
from connector.transform.step import StepKind
from connector.transform.stored import (
    ChangedOptions,
    ChangedStep,
    GetOptions,
    PutOptions,
    StoreGetStep,
    StorePutStep,
    build_changed,
    build_store_get,
    build_store_put,
)
from connector.transform.translate import CastOptions, CastStep, MapOptions, MapStep, build_cast, build_map

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final = (
    StepKind("set", SetStep, build_set),
    StepKind("copy", CopyStep, build_copy, SourceOptions),
    StepKind("move", MoveStep, build_move, SourceOptions),
    StepKind("remove", RemoveStep, build_remove, RemoveOptions),
    StepKind("pick", PickStep, build_pick, SourceOptions),
    StepKind("map", MapStep, build_map, MapOptions),
    StepKind("cast", CastStep, build_cast, CastOptions),
    StepKind("filter", FilterStep, build_filter, FilterOptions),
    StepKind("if", IfStep, build_if, IfOptions),
    StepKind("split", SplitStep, build_split, SplitOptions),
    StepKind("each", EachStep, build_each, EachOptions),
    StepKind("store.get", StoreGetStep, build_store_get, GetOptions, uses_store=True),
    StepKind("store.put", StorePutStep, build_store_put, PutOptions, uses_store=True),
    StepKind("changed", ChangedStep, build_changed, ChangedOptions, uses_store=True),
)

STEPS: Final[Mapping[str, StepKind]] = {kind.name: kind for kind in _KINDS}
"""Every step a `transform` list can hold, by the name users write, in the order of the reference page."""
