"""Frozen values. Every test runs with the standard decorator too, which says what is right."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from typing import Any, ClassVar, TypeAlias

import pytest

from connector import frozen

Decorator: TypeAlias = Callable[..., Callable[[type], Any]]


@pytest.fixture(params=[dataclasses.dataclass, frozen.dataclass], ids=["standard", "own"])
def dataclass(request: pytest.FixtureRequest) -> Decorator:
    """The decorator."""
    return request.param


@pytest.fixture
def line_class(dataclass: Decorator) -> Any:
    """A class with every kind of field."""

    @dataclass(frozen=True, slots=True)
    class Line:
        """A line."""

        unit: ClassVar = "piece"

        sku: str
        quantity: int = 1
        options: dict[str, str] = field(default_factory=dict)
        note: str = field(default="", repr=False, compare=False)
        total: str = field(init=False, repr=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "total", f"{self.quantity} {self.unit} of {self.sku}")

    return Line


def test_arguments_stand_in_the_order_of_the_fields(line_class: Any):
    """Fields are taken by place and by name."""
    line = line_class("A", 2, options={"size": "L"}, note="gift")

    assert (line.sku, line.quantity, line.options, line.note) == ("A", 2, {"size": "L"}, "gift")


def test_a_default_stands_in_for_what_is_left_out(line_class: Any):
    """A default is used, and one that is made is made anew for each value."""
    first, second = line_class("A"), line_class("B")

    assert (first.quantity, first.options, first.note) == (1, {}, "")
    assert first.options is not second.options


def test_a_value_is_completed_after_it_was_made(line_class: Any):
    """`__post_init__` runs when the fields are there, and may set those that are no arguments."""
    assert line_class("A", 3).total == "3 piece of A"


@pytest.mark.parametrize("arguments", [(), ("A", 1, {}, "", "total"), ("A", 1, {}, "", "total", "more")])
def test_wrong_arguments_are_refused_by_name(line_class: Any, arguments: tuple[Any, ...]):
    """Too few and too many arguments are a TypeError that names the class."""
    with pytest.raises(TypeError, match=r"Line\.__init__\(\)"):
        line_class(*arguments)


def test_a_value_cannot_be_changed(line_class: Any):
    """No field can be set, and none taken away."""
    line = line_class("A")

    with pytest.raises(FrozenInstanceError, match="sku"):
        line.sku = "B"
    with pytest.raises(FrozenInstanceError, match="sku"):
        del line.sku


def test_a_value_takes_nothing_but_its_fields():
    """What is no field cannot be set either."""
    with pytest.raises(FrozenInstanceError, match="colour"):
        Parcel(3).colour = "red"  # type: ignore[attr-defined]


def test_a_value_has_slots(line_class: Any):
    """Values are as small as their fields."""
    assert not hasattr(line_class("A"), "__dict__")


def test_values_are_equal_by_their_fields(line_class: Any):
    """Equal fields make equal values, fields that are not compared left out."""
    assert line_class("A", 2, note="gift") == line_class("A", 2, note="none")
    assert line_class("A", 2) != line_class("A", 3)


def test_values_of_two_classes_are_never_equal(dataclass: Decorator):
    """Equal fields are not enough."""

    @dataclass(frozen=True, slots=True)
    class Pear:
        size: int

    @dataclass(frozen=True, slots=True)
    class Apple:
        size: int

    assert Pear(1) != Apple(1)
    assert Pear(1) != 1


def test_equal_values_are_one_key(dataclass: Decorator):
    """Values can stand in sets, where their fields can."""

    @dataclass(frozen=True, slots=True)
    class Spot:
        line: int
        column: int

    assert len({Spot(1, 2), Spot(1, 2), Spot(2, 1)}) == 2


def test_a_value_that_holds_a_mapping_is_no_key(line_class: Any):
    """A value is hashable only if its fields are."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(line_class("A"))


def test_a_value_shows_its_fields(line_class: Any):
    """All but those that are not to be shown."""
    assert repr(line_class("A", 2)).endswith("Line(sku='A', quantity=2, options={})")


def test_what_a_class_defines_itself_stays(dataclass: Decorator):
    """A class may have a `repr` of its own."""

    @dataclass(frozen=True, slots=True)
    class Secret:
        text: str

        def __repr__(self) -> str:
            return "Secret(***)"

    assert repr(Secret("key")) == "Secret(***)"


def test_a_class_may_build_on_another(dataclass: Decorator):
    """Fields of the class above come first."""

    @dataclass(frozen=True, slots=True)
    class Above:
        first: int

    @dataclass(frozen=True, slots=True)
    class Below(Above):
        second: int = 2

    assert (Below(1).first, Below(1).second) == (1, 2)
    assert Below(1) != Below(1, 3)


def test_the_standard_functions_know_the_fields(line_class: Any):
    """`fields`, `replace` and `asdict` work."""
    line = line_class("A", 2)

    assert [one.name for one in dataclasses.fields(line)] == ["sku", "quantity", "options", "note", "total"]
    assert dataclasses.replace(line, quantity=5).total == "5 piece of A"
    assert dataclasses.asdict(line)["quantity"] == 2


def test_a_value_can_be_matched_by_place(line_class: Any):
    """`match` takes fields in their order."""
    match line_class("A", 2):
        case line_class(sku, quantity):
            assert (sku, quantity) == ("A", 2)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_value_can_be_copied(line_class: Any, duplicate: Callable[[Any], Any]):
    """A copy is equal, and has the fields that are no arguments."""
    line = line_class("A", 2, {"size": "L"})

    assert duplicate(line) == line
    assert duplicate(line).total == line.total


@frozen.dataclass(frozen=True, slots=True)
class Parcel:
    """A class that can be found by its name, as pickling needs it."""

    weight: int


def test_a_value_can_be_pickled():
    """What comes back is equal."""
    assert pickle.loads(pickle.dumps(Parcel(3))) == Parcel(3)


@pytest.mark.parametrize("wanted", [{"frozen": False, "slots": True}, {"frozen": True, "slots": False}])
def test_any_other_class_takes_the_standard_decorator(wanted: dict[str, bool]):
    """The decorator makes one kind of class, and refuses to be asked for another."""
    with pytest.raises(TypeError, match="standard decorator"):
        frozen.dataclass(**wanted)
