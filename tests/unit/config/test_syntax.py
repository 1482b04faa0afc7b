"""YAML text to a tree: values, positions, and one clear fault for everything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config import syntax
from connector.config.place import Faults
from connector.config.syntax import parse_yaml

PIECES = [
    "a", "b", "1", " ", "  ", "\n", "\n  ", "\n- ", ": ", ":", "- ", "{", "}", "[", "]", "{{ x }}", ",", "'", '"', "|",
    ">", "&a ", "*a", "!t ", "!", "#", " #", "%", "%YAML 1.1\n", "---\n", "...\n", "? ", "@", "`", "\t", "\\", "\r\n",
    "\u2028", "\x85", "é", "😀", "\x00", "\x07", "<<: ", "~", "\ufeff", "|2-\n", "${A}", "!!str ", "!<x>",
]  # fmt: skip


def parse(text):
    """Return the plain value of a text and its faults as lines."""
    faults = Faults()
    node = parse_yaml(text, "a.yaml", faults)
    return (None if node is None else node.value), [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("# only a comment\n", {}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("%YAML 1.2\n---\na: 1\n", {"a": 1}),
        ("a: \"5\"\nb: 'true'\n", {"a": "5", "b": "true"}),
        ("a: |\n  1\n  2\n", {"a": "1\n2\n"}),
        ("a: >-\n  1\n  2\n", {"a": "1 2"}),
        ("a: !!str 5\n", {"a": "5"}),
        ("a:\n", {"a": None}),
        ("a: [1, x, {b: c}]\n", {"a": [1, "x", {"b": "c"}]}),
        ("'{{ x }}': \"{{ y }}\"\n", {"{{ x }}": "{{ y }}"}),
    ],
)
def test_plain_yaml_gives_its_value(text, value):
    """The value is that of YAML 1.2, with scalars typed by our rule."""
    assert parse(text) == (value, [])


def test_keys_are_text_as_written():
    """Numbers, truths and null in front of a colon are no numbers, truths or null."""
    value, faults = parse("{1: a, 007: b, on: c, true: d, null: e, 1.50: f}")

    assert value == {"1": "a", "007": "b", "on": "c", "true": "d", "null": "e", "1.50": "f"}
    assert faults == []


def test_anchor_and_alias_give_the_same_value_twice():
    """An alias stands for the value of its anchor."""
    value, faults = parse("a: &x {b: [1, 2]}\nc: *x\nd: [*x]\n")

    assert value == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": [{"b": [1, 2]}]}
    assert faults == []


def test_merge_key_fills_in_what_a_mapping_does_not_say_itself():
    """Own keys win over merged ones, and of several merged mappings the first wins."""
    value, faults = parse("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall:\n  <<: [*one, *two]\n  a: 0\n")

    assert value["all"] == {"a": 0, "b": 1, "c": 2}
    assert faults == []


def test_quoted_merge_key_is_a_key():
    """In quotes, << is an ordinary key."""
    assert parse("'<<': {a: 1}") == ({"<<": {"a": 1}}, [])


def test_value_and_key_positions():
    """Every node knows where its value and its key begin, from line 1 and column 1."""
    root = parse_yaml('a:\n  - b: "x"\n    c: [1, 2]\n', "a.yaml", Faults())

    leaf = root.find("a").find(0).find("b")
    second = root.find("a").find(0).find("c").find(1)
    assert (str(leaf.key_position), str(leaf.position)) == ("a.yaml:2:5", "a.yaml:2:8")
    assert str(second.position) == "a.yaml:3:12"


def test_position_of_nothing_is_that_of_its_key():
    """A key without a value is pointed at itself, not at the line after it."""
    root = parse_yaml("a:\n  b:\n  c: 1\n", "a.yaml", Faults())

    assert str(root.find("a").find("b").position) == "a.yaml:2:3"


@pytest.mark.parametrize(
    ("text", "index", "column"),
    [("a: bc", 1, 5), ('a: "bc"', 1, 6), ("a: 'bc'", 0, 5), ('a: "\\tbc"', 2, 4), ("a: 'it''s b'", 5, 4)],
)
def test_position_of_a_character(text, index, column):
    """A character of a one-line text is located; where escapes shift it, the text's start is given."""
    node = parse_yaml(text, "a.yaml", Faults()).find("a")

    assert node.find_position(index).column == column


QUOTE_IT = "put the value in quotes"
QUOTE_TEMPLATE = 'put it in quotes: "{{ … }}"'
NO_TAGS = "leave it out; put the value in quotes if it is meant to begin with !"


@pytest.mark.parametrize(
    ("text", "at", "message", "cure"),
    [
        ("a:\n\tb: 1", "2:1", "found a tab", "indent with spaces"),
        ('a: "abc\nb: 2', "1:4", "this quote is never closed", "close it"),
        ("a: 'abc\nb: 2", "1:4", "this quote is never closed", "close it"),
        (
            "a: b: c",
            "1:5",
            'found ": " where no mapping can begin',
            'put a value that holds ": " in quotes, or check the indentation',
        ),
        ("a: [1, 2", "1:9", 'found neither "," nor "]" in a list or mapping in brackets', 'add the missing "," or "]"'),
        ("a: {b: 1", "1:9", 'found neither "," nor "}" in a list or mapping in brackets', 'add the missing "," or "}"'),
        (
            "a: {b: x, c: ${NAME}}",
            "1:14",
            "found a variable without quotes in a list or mapping in brackets",
            'put it in quotes: "${…}"',
        ),
        (
            "a: [1, ${NAME:2}]",
            "1:8",
            "found a variable without quotes in a list or mapping in brackets",
            'put it in quotes: "${…}"',
        ),
        ("a: @x", "1:4", "found '@' at the start of a value", QUOTE_IT),
        ("a: %x", "1:4", "found '%' at the start of a value", QUOTE_IT),
        ("a: `x`", "1:4", "found '`' at the start of a value", QUOTE_IT),
        ("a: & x", "1:4", 'found "&" at the start of a value', QUOTE_IT),
        ("a: !x!y z", "1:4", 'found "!" at the start of a value', QUOTE_IT),
        ("a: ? b", "1:4", 'found "? " where no key can stand', QUOTE_IT),
        ('a: "\\d"', "1:6", 'found "\\d" in double quotes', "use single quotes"),
        ('a: "\\\'"', "1:6", 'found "\\\'" in double quotes', "use single quotes"),
        ('a: "\\xZZ"', "1:7", 'found an unfinished "\\x" or "\\u"', "use single quotes"),
        ("a: 1\nb", "2:1", 'found a line without ":"', 'write "key: value", or check the indentation'),
        ("a: |x\n b", "1:5", "found text behind | or >", "begin on the next line"),
        (
            "a: |\n \n  b",
            "3:3",
            "found spaces on an empty line above the first line of this text",
            "remove them",
        ),
        ("a: ]", "1:4", "found no value where one must stand", "add the value"),
        ("a: - b", "1:4", 'found "- " where no list can begin', "begin the list on a line of its own"),
        (
            "a:\n  - b\n c: 1",
            "3:2",
            "found a line that lines up with nothing above it",
            "check the indentation",
        ),
        (
            "a: 'x' y",
            "1:8",
            "found a line that lines up with nothing above it",
            "check the indentation, and quotes that close too early",
        ),
        ("a: x\x07y", "1:5", "found the control character U+0007", "remove it"),
        ("a: {{ x }} y", "1:4: a", "found a template without quotes", QUOTE_TEMPLATE),
        ("a: {{ x", "1:4: a", "found a template without quotes", QUOTE_TEMPLATE),
        ("a: [b, {{ x | y('z: ') }}", "1:8", "found a template without quotes", QUOTE_TEMPLATE),
        (
            "a: 1\n--- \nb: 2",
            "2:1",
            "found a second YAML document in this file",
            "put the second one into a file of its own",
        ),
    ],
)
def test_text_that_is_no_yaml_is_one_fault_with_its_cure(text, at, message, cure):
    """What cannot be parsed is told once, in plain words, at its position."""
    assert parse(text) == (None, [f"a.yaml:{at}: {message}; {cure}"])


@pytest.mark.parametrize(
    ("text", "value", "at", "message"),
    [
        ("a: {{ x }}", {"a": {}}, "1:4: a", f"found a template without quotes; {QUOTE_TEMPLATE}"),
        ("a:\n  - {{ x }}\n  - 2", {"a": [{}, 2]}, "2:5: a[0]", f"found a template without quotes; {QUOTE_TEMPLATE}"),
        (
            "a: 1\nb: 2\na: 3",
            {"a": 1, "b": 2},
            "3:1: a",
            'the key "a" is written twice, first on line 1; keep one of them',
        ),
        ("a: !foo x", {"a": "x"}, "1:4: a", f"found the YAML tag !foo, accepted are none; {NO_TAGS}"),
        ("a: !!int 5", {"a": "5"}, "1:4: a", f"found the YAML tag !!int, accepted are none; {NO_TAGS}"),
        ("a: !!set [b]", {"a": ["b"]}, "1:4: a", f"found the YAML tag !!set, accepted are none; {NO_TAGS}"),
        (
            "a: *x",
            {"a": None},
            "1:4: a",
            "found *x, and no &x before it; put the value in quotes if it is meant to begin with *",
        ),
        ("a: &x\n  b: *x", {"a": {"b": None}}, "2:6: a.b", "*x is used inside the value it stands for"),
        (
            "a:\n  <<: 5\n  b: 1",
            {"a": {"b": 1}},
            '2:7: a["<<"]',
            "found no mapping to merge, accepted is an alias of one",
        ),
        ("? [a]\n: b", {}, "1:3", "found a list as a key, accepted is text"),
        ("? {a: 1}\n: b", {}, "1:3", "found a mapping as a key, accepted is text"),
        ("a: {: x}", {"a": {}}, "1:6: a", 'found nothing in front of ":", accepted is a key'),
        (
            'a: "\\ud83d"',
            {"a": None},
            "1:4: a",
            'found one half of a character beyond U+FFFF; write the character itself, or "\\U" and eight digits',
        ),
    ],
)
def test_fault_within_a_readable_text_leaves_the_rest_readable(text, value, at, message):
    """A value that has no clear meaning is a fault, and the rest of the text is read."""
    assert parse(text) == (value, [f"a.yaml:{at}: {message}"])


def test_several_faults_of_one_text_are_all_reported():
    """Reading goes on after a fault."""
    _, faults = parse("a: !x 1\nb: *y\nc: 1\nc: 2\n")

    assert [fault.split(":")[1] for fault in faults] == ["1", "2", "4"]


def test_alias_bomb_is_stopped():
    """Values that multiply by aliases are counted as often as they are used, and never expanded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    value, faults = parse("\n".join(lines))

    assert value is None
    assert len(faults) == 1
    assert "more than 100000 values in one file; split the file; an alias counts as often as it is used" in faults[0]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 1000, "\n".join(" " * n + "a:" for n in range(200))])
def test_deep_nesting_is_stopped(text):
    """Nesting beyond the limit is one fault, however deep it goes on."""
    value, faults = parse(text)

    assert value is None
    assert len(faults) == 1
    assert faults[0].endswith(f"nested deeper than {syntax.MAX_DEPTH} levels")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | st.text())
def test_no_text_breaks_the_parser(text):
    """Whatever the text, there is a tree or a fault, and every fault lies within the text."""
    faults = Faults()

    node = parse_yaml(text, "a.yaml", faults)

    assert node is not None or len(faults) > 0
    for fault in faults:
        assert fault.file == "a.yaml"
        assert fault.line <= len(text.splitlines()) + 1


@given(
    st.recursive(
        st.text(), lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=60), part, max_size=3)
    )
)
def test_quoted_text_is_never_typed(value):
    """Text in double quotes comes out as it went in, however deep."""
    faults = Faults()

    root = parse_yaml(json.dumps({"a": value}), "a.yaml", faults)

    assert list(faults) == []
    assert root.value == {"a": value}
