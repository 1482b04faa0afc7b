"""Places: positions, paths and faults."""

import pytest

from connector.config.document import read_text
from connector.config.node import format_where
from connector.config.place import Faults, Place
from connector.errors import ConfigError, Fault

TEXT = """\
clients:
  shop:
    timeout: {total: 5s}
    before:
      - entity: cart.add
      - entity: "coupon.apply"
    "option.226": x
"""


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ((), ""),
        (("clients", "shop"), "clients.shop"),
        (("before", 1, "entity"), "before[1].entity"),
        (("data", "option.226"), 'data["option.226"]'),
        (("my shop",), '["my shop"]'),
        ((0, "a"), "[0].a"),
    ],
)
def test_path_is_written_as_people_write_it(keys, where):
    """Keys are joined by dots, indexes and unusual keys stand in brackets."""
    assert format_where(keys) == where


def test_place_knows_its_value_position_and_path():
    """A written value is found by its keys."""
    place = read_text(TEXT, file="a.yaml").place("clients", "shop", "before", 1, "entity")

    assert (place.value, place.where) == ("coupon.apply", "clients.shop.before[1].entity")
    assert (place.file, place.line, place.column) == ("a.yaml", 6, 17)
    assert place.is_present


def test_unwritten_place_stands_at_its_nearest_ancestor():
    """Where nothing is written, the key of the mapping that lacks it is pointed at."""
    place = read_text(TEXT, file="a.yaml").place("clients", "shop", "timeout", "connect", "more")

    assert (place.value, place.is_present) == (None, False)
    assert place.where == "clients.shop.timeout.connect.more"
    assert (place.line, place.column) == (3, 5)


def test_children_come_in_order():
    """A mapping gives its values, a list its entries, a leaf nothing."""
    shop = read_text(TEXT).place("clients", "shop")

    assert [child.keys[-1] for child in shop.children()] == ["timeout", "before", "option.226"]
    assert [child.value for child in shop.child("before").children()] == [
        {"entity": "cart.add"},
        {"entity": "coupon.apply"},
    ]
    assert list(shop.child("timeout", "total").children()) == []


def test_fault_points_at_the_value_and_key_fault_at_the_key():
    """The two kinds of fault differ in position alone."""
    document = read_text(TEXT, file="a.yaml")
    place = document.place("clients", "shop", "timeout", "total")

    place.fault("wrong value", "change it")
    place.key_fault("wrong key")

    assert [str(fault) for fault in document.faults] == [
        "a.yaml:3:15: clients.shop.timeout.total: wrong key",
        "a.yaml:3:22: clients.shop.timeout.total: wrong value; change it",
    ]


@pytest.mark.parametrize(("text", "column"), [("a: bc", 5), ("a: 'bc'", 6), ('a: "bc"', 6), ("a: |\n  bc", 4)])
def test_fault_points_at_a_character_where_it_can(text, column):
    """A character is located in text of one line, else the text's start is given."""
    document = read_text(text, file="a.yaml")

    document.place("a").fault("wrong", index=1)

    assert [fault.column for fault in document.faults] == [column]


def test_character_is_not_located_once_variables_are_put_in():
    """Where the text is not the one that was written, its start is pointed at."""
    document = read_text("a: ${N}{{ x", file="a.yaml", environment={"N": "1234"})

    document.place("a").fault("wrong", index=4)

    assert [fault.column for fault in document.faults] == [4]


def test_detached_place_collects_for_itself():
    """A value made in Python has a place too, with a name of its own."""
    place = Place.detached("transform[0]", {"set": {"a": 1}})

    place.child("set", "a").fault("wrong")

    assert place.child("set", "a").value == 1
    assert [str(fault) for fault in place.faults] == ["<python>: transform[0].set.a: wrong"]


def test_value_cannot_be_seen_in_repr():
    """Places and nodes do not show what is written, since it may be a secret."""
    place = read_text("key: s3cret").place("key")

    assert "s3cret" not in f"{place!r} {place.node!r}"


def test_faults_are_raised_together_in_order():
    """All faults are in one error, by file and position, each once."""
    faults = Faults()
    for line in (3, 1, 3):
        faults.add(Fault("a.yaml", line, 1, "", "wrong"))

    with pytest.raises(ConfigError) as caught:
        faults.raise_if_any()

    assert str(caught.value) == "a.yaml:1:1: wrong\na.yaml:3:1: wrong"


def test_no_fault_raises_nothing():
    """Without faults nothing happens."""
    Faults().raise_if_any()


def test_known_secrets_are_masked_in_faults():
    """Whoever writes a message, a secret that is known does not show."""
    faults = Faults()
    faults.hide("s3cret")

    faults.add(Fault("a.yaml", 1, 1, "", "found s3cret", "not s3cret"))

    assert [str(fault) for fault in faults] == ["a.yaml:1:1: found ***; not ***"]
