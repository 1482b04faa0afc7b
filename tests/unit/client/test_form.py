"""Form payloads as PHP reads them."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.form import MAX_FIELDS, encode, flatten
from connector.errors import PayloadError


class Colour(StrEnum):
    """A text that is an enumeration."""

    RED = "red"


def parse_as_php(body):
    """Read a form body as PHP does (main/php_variables.c): names by bracket, dots and blanks renamed, last one wins."""
    result = {}
    for field in body.split(b"&"):
        if not field:
            continue
        raw_name, _, raw_value = field.partition(b"=")
        name = unquote_to_bytes(raw_name.replace(b"+", b" ")).decode().split("\0")[0].lstrip(" ")
        value = unquote_to_bytes(raw_value.replace(b"+", b" ")).decode()
        head, bracket, rest = name.partition("[")
        keys = [re.sub(r"[. ]", "_", head)]
        while bracket and "]" in rest:
            key, _, rest = rest.partition("]")
            keys.append(key)
            bracket, rest = rest[:1], rest[1:]
            if bracket != "[":
                break
        if not keys[0]:
            continue
        target = result
        for key in keys[:-1]:
            target = target.setdefault(key, {})
        target[keys[-1] if keys[-1] not in {"", " "} else str(len(target))] = value
    return result


def as_php_array(value):
    """Return a payload as PHP holds it: arrays with text keys, texts, and no trace of None and empty arrays."""
    match value:
        case dict():
            children = {str(key): as_php_array(child) for key, child in value.items()}
        case list():
            children = {str(index): as_php_array(child) for index, child in enumerate(value)}
        case bool():
            return str(int(value))
        case None:
            return {}
        case _:
            return str(value)
    return {key: child for key, child in children.items() if child != {}}


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_\-]{0,8}", fullmatch=True)
keys = st.text(st.characters(exclude_characters="[]\0", exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda key: key not in set(" \t\n\v\f\r")
)
leaves = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(leaves, lambda child: st.lists(child, max_size=3) | st.dictionaries(keys, child, max_size=3))


@given(st.dictionaries(names, values, max_size=5))
def test_php_reads_back_what_was_sent(payload):
    """What PHP makes of the body is the payload, whatever texts and nesting it holds."""
    read = parse_as_php(encode(flatten(payload)))

    assert read == as_php_array(payload)


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
    )
)
def test_encoding_equals_that_of_the_standard_library(pairs):
    """The fast encoder gives byte for byte what `urlencode` gives, control characters included."""
    assert encode(pairs) == urlencode(pairs).encode()


@pytest.mark.parametrize(
    ("payload", "pairs"),
    [
        ({"coupon": "2222"}, [("coupon", "2222")]),
        ({"option": {"226": 15}}, [("option[226]", "15")]),
        ({"option": {226: 15}}, [("option[226]", "15")]),
        ({"option": {"223": [8, 9]}}, [("option[223][0]", "8"), ("option[223][1]", "9")]),
        (
            {"product": [{"product_id": 40, "quantity": 2}, {"product_id": 30}]},
            [("product[0][product_id]", "40"), ("product[0][quantity]", "2"), ("product[1][product_id]", "30")],
        ),
        ({"notify": True, "override": False}, [("notify", "1"), ("override", "0")]),
        (
            {"a": Decimal("12.50"), "b": Decimal("1E+2"), "c": Decimal("-0.00")},
            [("a", "12.50"), ("b", "100"), ("c", "-0.00")],
        ),
        (
            {"a": 0.1, "b": 1e16, "c": 1e-7, "d": 15.0},
            [("a", "0.1"), ("b", "10000000000000000"), ("c", "0.0000001"), ("d", "15.0")],
        ),
        ({"a": -3, "b": 10**30}, [("a", "-3"), ("b", "1" + "0" * 30)]),
        ({"a": date(2026, 1, 31), "b": time(13, 30)}, [("a", "2026-01-31"), ("b", "13:30:00")]),
        ({"a": datetime(2026, 1, 31, 13, 30, tzinfo=UTC)}, [("a", "2026-01-31T13:30:00+00:00")]),
        ({"a": Colour.RED}, [("a", "red")]),
        ({"a": None, "b": "", "c": [], "d": {}}, [("b", "")]),
        ({"a": [1, None, 2]}, [("a[0]", "1"), ("a[2]", "2")]),
        ({"a": (1, 2)}, [("a[0]", "1"), ("a[1]", "2")]),
        ({"order-ref": "x"}, [("order-ref", "x")]),
        ({"telephone": "+31612345678", "zip": "007"}, [("telephone", "+31612345678"), ("zip", "007")]),
        ({}, []),
    ],
)
def test_values_become_flat_text(payload, pairs):
    """Each kind of value has one way to be written in a form."""
    assert flatten(payload) == tuple(pairs)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"file": b"x"}, "file: a value of type bytes is no form value; text, numbers, true, false and dates are"),
        ({"a": {1, 2}}, "a: a value of type set is no form value; text, numbers, true, false and dates are"),
        ({"a": [object()]}, "a[0]: a value of type object is no form value; text, numbers, true, false and dates are"),
        ({"a": float("nan")}, "a: nan is no form value; text, numbers, true, false and dates are"),
        ({"a": Decimal("Infinity")}, "a: Infinity is no form value; text, numbers, true, false and dates are"),
        ({"a": 10**400}, "a: a number that large is no form value; text, numbers, true, false and dates are"),
        ({"a": Decimal("1E+400")}, "a: a number that large is no form value; text, numbers, true, false and dates are"),
        ({"option[226]": 15}, "option[226]: write it nested, option: {226: …}, instead of with brackets"),
        ({"a]": 1}, "a]: write it nested, nested objects and lists, instead of with brackets"),
        ({"a.b": 1}, "'a.b': PHP would read 'a_b'"),
        ({" first name": 1}, "' first name': PHP would read 'first_name'"),
        ({"a\0b": 1}, "'a\\x00b': PHP cuts names at NUL"),
        ({"": 1}, "a field without a name"),
        ({7: 1}, "the name 7 is no text"),
        ({"a": {"b]": 1}}, "a: the key 'b]' holds a bracket or NUL, so PHP would cut it"),
        ({"a": {"b\0c": 1}}, "a: the key 'b\\x00c' holds a bracket or NUL, so PHP would cut it"),
        ({"a": {"": 1}}, "a: an empty key; PHP would number it by itself, so write a list"),
        ({"a": {" ": 1}}, "a: an empty key; PHP would number it by itself, so write a list"),
        ({"a": {1: "x", "1": "y"}}, "a: two keys read '1'"),
        ({"a": {None: 1}}, "a: the key None is no text and no whole number"),
        ({"a": {True: 1}}, "a: the key True is no text and no whole number"),
        ({"a": "\ud800"}, "'a': holds half a character (a lone surrogate), which UTF-8 cannot carry"),
    ],
)
def test_what_would_arrive_changed_is_refused(payload, problem):
    """A value that is no form value, or a name that PHP would change, is refused with what to do."""
    with pytest.raises(PayloadError) as caught:
        flatten(payload, entity="cart.add")

    assert caught.value.problems == (problem,)
    assert str(caught.value).startswith("the payload does not fit cart.add: ")


def test_all_problems_are_named_at_once():
    """Several faults of one payload come in one error."""
    with pytest.raises(PayloadError) as caught:
        flatten({"a.b": 1, "c": b"", "d": {"e]": 2}})

    assert len(caught.value.problems) == 3


def test_nesting_deeper_than_php_reads_is_refused():
    """PHP drops names with more than 64 brackets, so they are not sent."""
    deepest = nest(64)
    too_deep = nest(65)

    assert len(flatten(deepest)) == 1
    with pytest.raises(PayloadError, match="nested deeper than 64 levels"):
        flatten(too_deep)


def nest(levels):
    """Return a payload with that many brackets in its one name."""
    value = "x"
    for _ in range(levels):
        value = {"a": value}
    return {"top": value}


def test_as_many_fields_as_php_reads_are_sent():
    """The limit itself is still allowed."""
    payload = {"product": [{"product_id": 40, "quantity": 1}] * (MAX_FIELDS // 2)}

    assert len(flatten(payload)) == MAX_FIELDS


def test_more_fields_than_php_reads_are_refused():
    """The field after the limit would be dropped without a word, so nothing is sent, and the cure is named."""
    payload = {"product": [{"product_id": 40, "quantity": 1}] * (MAX_FIELDS // 2), "extra": 1}

    with pytest.raises(PayloadError) as caught:
        flatten(payload)

    assert caught.value.problems[0].startswith("1,001 form fields, but PHP reads only the first 1,000 (max_input_vars)")
    assert "send fewer lines in one call" in caught.value.problems[0]


def test_an_unknown_limit_is_not_enforced():
    """For a remote system that is not PHP nothing is known of a limit."""
    assert len(flatten({"a": list(range(5000))}, max_fields=None)) == 5000


def test_names_go_out_as_written_where_the_other_side_is_not_php():
    """Dots, blanks and brackets are ordinary characters elsewhere."""
    pairs = flatten({"a.b": 1, "c d": 2, "e[f]": 3}, php_names=False)

    assert pairs == (("a.b", "1"), ("c d", "2"), ("e[f]", "3"))


def test_text_travels_as_utf_8_with_plus_for_space():
    """The body is what a browser would send."""
    body = encode([("name", "Zoë & Jürgen + 50%"), ("option[226]", "15")])

    assert body == b"name=Zo%C3%AB+%26+J%C3%BCrgen+%2B+50%25&option%5B226%5D=15"
    assert parse_qsl(body.decode()) == [("name", "Zoë & Jürgen + 50%"), ("option[226]", "15")]
