"""Lists of steps: faults come at load and all at once, records are never touched."""

# ruff: noqa: E501  # messages are compared whole, each on its line
import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.document import read_text
from connector.config.place import Place
from connector.errors import TransformError
from connector.transform.template import Templates
from connector.transform.transformer import Transformer, compile_transform


def test_steps_run_in_order(compile_steps):
    """Each step sees what the step before it made, for every record there is by then."""
    steps = compile_steps(
        {"split": "$.lines[*]"},
        {"cast": {"qty": "integer"}},
        {"filter": "{{ record.qty > 1 }}"},
        {"set": {"label": "{{ record.sku }} x {{ record.qty }}"}},
    )

    assert steps.apply({"lines": [{"sku": "A", "qty": "1"}, {"sku": "B", "qty": "2"}]}) == [
        {"sku": "B", "qty": 2, "label": "B x 2"}
    ]


def test_nothing_written_is_no_step(templates):
    """Without a list, a record passes as it is."""
    document = read_text("route: {transform: []}")
    record = {"a": 1}

    written = compile_transform(document.place("route", "transform"), templates)
    missing = compile_transform(document.place("route", "nothing"), templates)

    assert written.apply(record) == missing.apply(record) == [record]
    assert len(written) == len(missing) == len(Transformer()) == 0
    assert not len(document.faults)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ({"sett": {}}, 'transform[0].sett: there is no step "sett", accepted are set, copy, move, remove, pick, map, cast, filter, if, split, each, store.get, store.put, changed; did you mean "set"?'),
        ("set", 'transform[0]: found text "set", accepted is a step, which is a mapping with one key; set: …'),
        (None, "transform[0]: found nothing, accepted is a step, which is a mapping with one key"),
        ({"set": {"a": 1}, "copy": {"b": "a"}}, "transform[0]: a step has one key, found: set, copy; begin each step with a - of its own"),
        ({"set": {}}, 'transform[0].set: found an empty mapping, accepted is a mapping of fields and values; set: {total: "{{ … }}"}'),
        ({"set": ["a"]}, 'transform[0].set: found a list of 1 entry, accepted is a mapping of fields and values; set: {total: "{{ … }}"}'),
        ({"set": {"a": 1, "a.b": 2}}, 'transform[0].set["a.b"]: a.b and a are one within the other, and both are written to'),
        ({"set": {"a": 1, "$.a": 2}}, 'transform[0].set["$.a"]: a and a are one within the other, and both are written to'),
        ({"set": {"l[*].a": 1}}, 'transform[0].set["l[*].a"]: l[*].a is many targets, and one is needed; change each entry of a list with the step each'),
        ({"set": {"$": 1}}, "transform[0].set[\"$\"]: a target names a field; write total, or customer.name, or $['a.b']"),
        ({"set": {"No. 1": 1}}, "transform[0].set[\"No. 1\"]: No. 1 is no target; write a name with other characters in quotes: $['No. 1']"),
        ({"copy": "a"}, 'transform[0].copy: found text "a", accepted is a mapping of targets and paths; {email: $.customer.email}'),
        ({"copy": {"a": 5}}, "transform[0].copy.a: found the number 5, accepted is a path, or {from: a path, …}; {from: $.a, optional: true}"),
        ({"copy": {"a": {"form": "b"}}}, 'transform[0].copy.a.form: unknown key, accepted are from, optional, default, take; did you mean "from"?'),
        ({"copy": {"a": {"from": "b", "take": "last"}}}, 'transform[0].copy.a.take: found text "last", accepted is one of all, first'),
        ({"copy": {"a": "$.b["}}, "transform[0].copy.a: $.b[ is no JSONPath: it ends too early; names with other characters than letters, digits, _ and - stand in quotes: $['Order number']"),
        ({"move": {"a": "$"}}, "transform[0].move: the whole record cannot be moved; copy it, or pick the fields that stay"),
        ({"remove": []}, "transform[0].remove: found an empty list, accepted is a path, or a list of paths"),
        ({"remove": [5]}, "transform[0].remove[0]: found the number 5, accepted is a path"),
        ({"remove": "$"}, "transform[0].remove: the whole record cannot be removed; leave a record out with the step filter"),
        ({"pick": 5}, "transform[0].pick: found the number 5, accepted is a list of fields, or a mapping of new names and paths"),
        ({"map": {"field": "a"}}, 'transform[0].map: the key "values" is required, but missing; values: What each value becomes. Numbers and booleans are looked up by their text form (`1`, `true`)'),
        ({"map": {"field": "a", "values": {}}}, "transform[0].map.values: found an empty mapping, accepted is at least 1"),
        ({"cast": {"a": "int"}}, 'transform[0].cast.a: there is no type "int", accepted are text, integer, number, decimal, boolean, date, datetime, list, object, any; did you mean "integer"?'),
        ({"cast": {"a": "decimel"}}, 'transform[0].cast.a: there is no type "decimel", accepted are text, integer, number, decimal, boolean, date, datetime, list, object, any; did you mean "decimal"?'),
        ({"cast": {"a": {"type": "datetime", "timezone": "Mars"}}}, 'transform[0].cast.a.timezone: "Mars" is not a time zone; write an IANA name such as Europe/London'),
        ({"cast": {"$": "text"}}, 'transform[0].cast["$"]: the whole record has no type; name a field, such as total'),
        ({"filter": "record.a > 1"}, 'transform[0].filter: found text "record.a > 1", accepted is a template; write an expression that is true or false, such as {{ record.status == \'paid\' }}'),
        ({"filter": {}}, 'transform[0].filter: one of the keys "all" and "any" is needed, and not both'),
        ({"filter": []}, "transform[0].filter: found an empty list, accepted is a condition, or a list of them"),
        ({"if": {"when": "{{ record.a }}", "then": {"set": {}}}}, "transform[0].if.then: found a mapping with the keys set, accepted is a list of transform steps"),
        ({"if": {"when": "{{ record.a }}", "then": [{"sat": 1}]}}, 'transform[0].if.then[0].sat: there is no step "sat", accepted are set, copy, move, remove, pick, map, cast, filter, if, split, each, store.get, store.put, changed; did you mean "set"?'),
        ({"split": 5}, "transform[0].split: found the number 5, accepted is a path, or {path: …, as: …}"),
        ({"each": {"path": "$", "transform": []}}, "transform[0].each.path: the whole record is shaped without each; write its steps in the list itself"),
        ({"each": {"path": "$.a[*]", "transform": [{"set": {"b": "{{ paren.c }}"}}]}}, 'transform[0].each.transform[0].set.b: there is no "paren" here, known are: page, parent, record, steps, now(), range(), uuid(); did you mean "parent"?'),
        ({"set": {"b": "{{ parent.c }}"}}, 'transform[0].set.b: there is no "parent" here, known are: page, record, steps, now(), range(), uuid(); only the steps within each know the parent'),
    ],
)  # fmt: skip
def test_wrong_step_is_a_fault(check_steps, step, fault):
    """Everything that can be known without a record is told when the configuration is loaded, at its place."""
    assert check_steps(step) == [fault]


def test_a_list_is_asked_for(templates):
    """A mapping in place of the list gets the hint how a list is written."""
    document = read_text("transform: {set: {a: 1}}")

    compile_transform(document.place("transform"), templates)

    assert [fault.message for fault in document.faults] == [
        "found a mapping with the keys set, accepted is a list of steps"
    ]


def test_every_fault_is_told_at_its_line(templates):
    """One wrong step does not hide another."""
    document = read_text('transform:\n  - set: {a: "{{ x }}"}\n  - cpy: {a: b}\n  - remove: "$.["\n')

    compile_transform(document.place("transform"), templates)

    assert [(fault.line, fault.column) for fault in document.faults] == [(2, 18), (3, 5), (4, 13)]


@pytest.mark.parametrize(
    "step",
    [
        'copy: {a: "${NOPE}"}',
        'set: {a: "${NOPE}{{ record.x }}"}',
        'set: {a: {value: "${NOPE}", type: integer}}',
        'remove: ["${NOPE}"]',
        'map: {field: "${NOPE}", values: {a: 1}}',
        'cast: {a: "${NOPE}"}',
        'cast: {a: {type: datetime, timezone: "${NOPE}"}}',
        'filter: "${NOPE}"',
        'if: {when: "${NOPE}", then: []}',
        'split: "${NOPE}"',
        'each: {path: "${NOPE}", transform: []}',
        'store.get: {store: "${NOPE}", key: "{{ record.x }}", into: a}',
        'store.get: {store: a, key: "${NOPE}", into: a}',
        'store.get: {store: a, key: "{{ record.x }}", into: "${NOPE}"}',
        'store.put: {store: a, key: "{{ record.x }}", from: "${NOPE}"}',
        'changed: "${NOPE}"',
        'changed: {key: "{{ record.x }}", of: ["${NOPE}"]}',
        'changed: {key: "{{ record.x }}", store: "${NOPE}"}',
    ],
)
def test_fault_of_a_variable_is_told_once(templates, step):
    """A variable that is not set is one fault, and not also a wrong path, type or template."""
    document = read_text(f"transform:\n  - {step}\n")

    compile_transform(document.place("transform"), templates, has_store=True)

    assert len(document.faults) == 1


NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["x", "1.50", ""])
RECORDS = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
    ),
    max_size=3,
)
PATHS = st.sampled_from(["$.a", "$.b.c", "$.a[0]", "$.a[*]", "$.b.*", "$..c", "$.c[-1].a"])
TARGETS = st.sampled_from(["a", "b.c", "c.a.b", "$.a[0]", "d"])
STEPS = st.one_of(
    st.builds(lambda target: {"set": {target: "{{ record.a | default('') }}"}}, TARGETS),
    st.builds(lambda target, path: {"copy": {target: {"from": path, "optional": True}}}, TARGETS, PATHS),
    st.builds(lambda target, path: {"move": {target: {"from": path, "optional": True}}}, TARGETS, PATHS),
    st.builds(lambda path: {"remove": {"paths": [path], "optional": True}}, PATHS),
    st.builds(lambda path: {"cast": {path: {"type": "text", "optional": True}}}, PATHS),
    st.builds(lambda path: {"map": {"field": path, "values": {"x": 1}, "default": 2, "into": "d"}}, PATHS),
    st.builds(lambda path: {"each": {"path": path, "optional": True, "transform": [{"set": {"z": 1}}]}}, PATHS),
    st.builds(lambda path: {"split": {"path": path, "optional": True, "as": "z"}}, PATHS),
)


@given(st.lists(STEPS, min_size=1, max_size=3), RECORDS)
def test_the_record_is_never_touched(steps, record):
    """Whatever the steps do, and wherever they fail, the record that was given stays as it was."""
    before = copy.deepcopy(record)
    place = Place.detached("transform", steps)
    transformer = compile_transform(place, Templates())
    place.faults.raise_if_any()

    with contextlib.suppress(TransformError):
        transformer.apply(record)

    assert record == before
