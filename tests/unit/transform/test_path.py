"""Paths find what JSONPath says they find, fast where they are simple, and say what is missing."""

# ruff: noqa: E501  # messages are compared whole, each on its line
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext import parse

from connector.config.place import Place
from connector.errors import TransformError
from connector.transform.path import compile_path, format_spot

ORDER = {
    "id": 7,
    "customer": {"name": "Ann", "mail": None},
    "lines": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 3}, {"qty": 0}],
    "a.b": 1,
    "x": {"y": [[1, 2], [3]]},
}


def select(text):
    """Compile a path that has no fault."""
    place = Place.detached("where", text)
    selector = compile_path(text, place)
    place.faults.raise_if_any()
    return selector


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$", [ORDER]),
        ("$.id", [7]),
        ("id", [7]),
        (" $.id ", [7]),
        ("$.customer.name", ["Ann"]),
        ("$.customer.mail", [None]),
        ("$['a.b']", [1]),
        ('$["customer"]["name"]', ["Ann"]),
        ("$.lines[0].sku", ["A"]),
        ("$.lines[-1].qty", [0]),
        ("$.lines[9]", []),
        ("$.lines.sku", []),
        ("$.id.x", []),
        ("$.customer[0]", []),
        ("$.lines[*].sku", ["A", "B"]),
        ("$.lines.*.sku", ["A", "B"]),
        ("$.customer.*", ["Ann", None]),
        ("$.x.y[*][*]", [1, 2, 3]),
        ("$.x.y[*][0]", [1, 3]),
        ("$.nothing[*]", []),
        ("$.id[*]", []),
        ("$.lines[?(@.qty > 0)].sku", ["A", "B"]),
        ("$.lines[?(@.sku == 'B')].qty", [3]),
        ("$.lines[0:2].sku", ["A", "B"]),
        ("$..sku", ["A", "B"]),
    ],
)
def test_path_finds(text, found):
    """Every form of path finds its matches in document order, and nothing where there is none."""
    assert select(text).find(ORDER) == found


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("$", ()),
        ("$.a.b", ("a", "b")),
        ("a.b", ("a", "b")),
        ("$.a[0][-1]", ("a", 0, -1)),
        ("$['a.b'][\"c d\"]", ("a.b", "c d")),
        (r"$['it\'s']", ("it's",)),
        ("$.option.226", ("option", "226")),
        ("$.007", ("007",)),
        ("$.größe", ("größe",)),
        ("$.a-b", ("a-b",)),
        ("$.a[*]", None),
        ("$..a", None),
    ],
)
def test_definite_path_is_known_by_its_keys(text, plain):
    """A path that names one spot is followed without jsonpath-ng."""
    assert select(text).plain == plain


@pytest.mark.parametrize(
    ("text", "spots"),
    [
        ("$.lines[*].sku", ["lines[0].sku", "lines[1].sku"]),
        ("$.lines[-1]", ["lines[2]"]),
        ("$['a.b']", ["['a.b']"]),
        ("$.lines[?(@.qty == 3)]", ["lines[1]"]),
        ("$..sku", ["lines[0].sku", "lines[1].sku"]),
        ("$.nothing", []),
    ],
)
def test_path_locates(text, spots):
    """Each match is found at its spot, from the top, with indexes counted from the beginning."""
    assert [format_spot(spot) for spot in select(text).locate(ORDER)] == spots


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$.customr.name", '$.customr.name is missing: there is no "customr" (there are: id, customer, lines, a.b, x); did you mean "customer"?'),
        ("$.customer.zip", '$.customer.zip is missing: there is no "zip" (there are: name, mail); write optional: true or a default where it may be missing'),
        ("$.customer.mail.at", '$.customer.mail.at is missing: "at" is asked of null; write optional: true or a default where it may be missing'),
        ("$.id.x", '$.id.x is missing: "x" is asked of a whole number; write optional: true or a default where it may be missing'),
        ("$.lines.sku", '$.lines.sku is missing: "sku" is asked of a list; write optional: true or a default where it may be missing'),
        ("$.lines[9]", "$.lines[9] is missing: there is no [9] in a list of 3; write optional: true or a default where it may be missing"),
        ("$.linez[*].sku", '$.linez[*].sku is missing: there is no "linez" (there are: id, customer, lines, a.b, x); did you mean "lines"?'),
        ("$.lines[?(@.qty > 9)]", "nothing matches $.lines[?(@.qty > 9)]; write optional: true or a default where it may be missing"),
    ],
)  # fmt: skip
def test_missing_path_says_what_is_there(text, message):
    """The error names the missing key, the keys there are, and what to do; never a value."""
    with pytest.raises(TransformError) as caught:
        select(text).first(ORDER)

    assert str(caught.value) == f"where: {message}"


def test_many_keys_are_cut_short():
    """An object of many fields does not flood the message."""
    record = {f"field{number}": number for number in range(50)}

    with pytest.raises(TransformError, match=r"field11, …\)"):
        select("$.zzz").first(record)


def test_default_stands_in():
    """`first_or` gives the default where nothing matches, for every kind of path."""
    assert select("$.nothing").first_or(ORDER, 5) == 5
    assert select("$.nothing[*]").first_or(ORDER, 5) == 5
    assert select("$.lines[*].sku").first_or(ORDER, 5) == "A"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "an empty text is no JSONPath: it ends too early"),
        ("$.", "$. is no JSONPath: it ends too early"),
        ("$.a[", "$.a[ is no JSONPath: it ends too early"),
        ("$.Order number", "$.Order number is no JSONPath: it cannot be read near number"),
        ("$x", "$x is no JSONPath: it cannot be read near x"),
        ("$.{a}", "$.{a} is no JSONPath: it cannot be read near {"),
        ("$.a[?(@.b == 'c", "$.a[?(@.b == 'c is no JSONPath: it ends too early"),
        ("$.`nope`", "$.`nope` is no JSONPath: Unknown named operator `nope`"),
        ("$.a.`split(`", "$.a.`split(` is no JSONPath: split( is not valid"),
        ("$.a[?(@.b]", "$.a[?(@.b] is no JSONPath: it cannot be read near ]"),
        ("$.a[?(@.b == c)]", "$.a[?(@.b == c)] holds what JSONPath does not know: An unquoted word as a comparison operand is deprecated. Support for unquoted words will be removed in version 2.0.0. Write `'c'` instead"),
    ],
)  # fmt: skip
def test_text_that_is_no_path_is_a_fault(text, fault):
    """A path is judged when the configuration is loaded."""
    place = Place.detached("where", text)

    compile_path(text, place)

    assert [found.message for found in place.faults] == [fault]


def test_path_that_cannot_be_computed_is_a_transform_error():
    """What jsonpath-ng raises on a record it does not fit becomes our error."""
    with pytest.raises(TransformError, match="cannot be computed on this record"):
        select("$.lines[?(@.sku =~ '(')]").find(ORDER)


@pytest.mark.parametrize("text", ["$.lines.`len`", "$.x.y[0].`sorted`", "$.id + 1"])
def test_computed_value_stands_nowhere(text):
    """What a path computes can be read, but not removed, moved or given a type."""
    selector = select(text)

    assert len(selector.find(ORDER)) == 1
    with pytest.raises(TransformError, match="computes a value, which stands nowhere"):
        selector.locate(ORDER)


def test_simple_paths_never_import_jsonpath_ng():
    """Loading the transform floor imports neither jsonpath-ng nor what talks to a network."""
    code = """
import sys
from connector.config.place import Place
from connector.transform.path import compile_path
from connector.transform.transformer import compile_transform
from connector.transform.template import Templates
place = Place.detached("t", [{"set": {"a": "{{ record.b }}"}}, {"copy": {"a": "$.b[*].c", "d": "$['x y'][0]"}}])
compile_transform(place, Templates())
assert not len(place.faults)
print(sorted({"jsonpath_ng", "httpx", "structlog", "aiohttp", "rich", "pydantic_settings"} & sys.modules.keys()))
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


NAMES = st.sampled_from(["a", "b", "c_1", "d-e"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "", "long text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.one_of(
    NAMES.map(lambda name: f".{name}"),
    NAMES.map(lambda name: f"['{name}']"),
    st.integers(-3, 3).map(lambda index: f"[{index}]"),
    st.sampled_from(["[*]", ".*"]),
)


@given(st.lists(STEPS, max_size=4).map(lambda steps: "$" + "".join(steps)), VALUES)
def test_simple_paths_mean_what_jsonpath_ng_says(text, value):
    """Our own following of names, indexes and wildcards finds the same values at the same spots as jsonpath-ng."""
    selector = select(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matches = parse(text).find(value)

    assert selector.find(value) == [match.value for match in matches]
    assert len(selector.locate(value)) == len(matches)
    for spot, match in zip(selector.locate(value), matches, strict=True):
        reached = value
        for key in spot:
            reached = reached[key]
        assert reached is match.value or reached == match.value
