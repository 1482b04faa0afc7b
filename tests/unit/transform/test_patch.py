"""Records are changed by copying what lies along the path, and nothing else."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.place import Place
from connector.errors import TransformError
from connector.transform.patch import build_patch, compile_target, remove, rewrite


def put(record, **values):
    """Write values to targets."""
    places = [Place.detached("set").child(text) for text in values]
    targets = [(compile_target(text, place), place) for text, place in zip(values, places, strict=True)]
    return build_patch(targets).put(record, list(values.values()))


def test_only_the_path_is_copied():
    """What is not on the way is shared with the record that was given."""
    record = {"a": {"b": 1}, "other": {"c": 2}, "list": [{"x": 1}, {"x": 2}]}
    before = copy.deepcopy(record)

    changed = put(record, **{"a.b": 5, "list[1].x": 6})

    assert changed == {"a": {"b": 5}, "other": {"c": 2}, "list": [{"x": 1}, {"x": 6}]}
    assert record == before
    assert changed["other"] is record["other"]
    assert changed["list"][0] is record["list"][0]


def test_objects_on_the_way_are_made():
    """A missing or null object is made; a missing list is not."""
    assert put({"b": None}, **{"a.x": 1, "b.y": 2}) == {"a": {"x": 1}, "b": {"y": 2}}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("name.x", 'name.x cannot be set: name is text, which has no "x"'),
        ("list.x", 'list.x cannot be set: list is a list of 1, which has no "x"'),
        ("list[3]", "list[3] cannot be set: list is a list of 1, which has no [3]"),
        ("box[0]", "box[0] cannot be set: box is an object, which has no [0]"),
        ("none[0].x", "none[0].x cannot be set: none is null, which has no [0]"),
    ],
)
def test_what_cannot_hold_the_target_is_an_error(target, message):
    """A value on the way is never thrown away for an object."""
    record = {"name": "Ann", "list": [1], "box": {}, "none": None}

    with pytest.raises(TransformError) as caught:
        put(record, **{target: 1})

    assert caught.value.message == message


def test_rewrite_replaces_removes_and_splices():
    """A spot in a list may become none, one or several; others keep their places."""
    record = {"lines": [1, 2, 3], "a": {"b": 1, "c": 2}}

    changed = rewrite(record, {("lines", 0): [], ("lines", 1): ["x", "y"], ("a", "b"): [9]}, step="s")

    assert changed == {"lines": ["x", "y", 3], "a": {"b": 9, "c": 2}}


def test_field_cannot_become_several():
    """A field of an object holds one value."""
    with pytest.raises(TransformError, match=r"a\.b became 2 records, and a field holds one"):
        rewrite({"a": {"b": 1}}, {("a", "b"): [1, 2]}, step="s")


def test_changes_within_one_another_are_refused():
    """A path that matches a value and a part of it has no one meaning."""
    with pytest.raises(TransformError, match=r"matches a\.b and what it is part of"):
        rewrite({"a": {"b": 1}}, {("a",): [1], ("a", "b"): [1]}, step="s")


def test_whole_record_is_no_part():
    """A path that matches the record itself changes nothing in it."""
    with pytest.raises(TransformError, match="matches the whole record"):
        rewrite({"a": 1}, {(): [1]}, step="s")


def test_removed_part_goes_with_its_whole():
    """Removing a value and a part of it removes the value."""
    assert remove({"a": {"b": 1}, "c": 1}, [("a", "b"), ("a",)], step="s") == {"c": 1}


SPOTS = st.sampled_from([("a",), ("a", "b"), ("l", 0), ("l", 1, "x"), ("l", 2)])


@given(st.dictionaries(SPOTS, st.lists(st.integers(), max_size=1), max_size=5))
def test_rewriting_never_touches_the_record(changes):
    """Whatever is changed, the record that was given stays as it was."""
    record = {"a": {"b": 1, "c": [1]}, "l": [{"x": 1}, {"x": 2}, {"x": 3}]}
    before = copy.deepcopy(record)

    try:
        rewrite(record, changes, step="s")
    except TransformError:
        assert ("a",) in changes

    assert record == before
