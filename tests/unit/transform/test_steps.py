"""Every step, by its own example and by what it promises."""

# ruff: noqa: E501  # messages are compared whole, each on its line
import re
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from connector.errors import TransformError
from connector.transform.filters import write_json
from connector.transform.steps import STEPS
from tests.unit.transform.conftest import settle

FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)

ORDER = {
    "id": 7,
    "status": "paid",
    "total": "12.50",
    "email": "ann@example.com",
    "customer": {"name": "Ann", "zip": None},
    "lines": [{"sku": "A", "qty": "2"}, {"sku": "B", "qty": "1"}],
}


@pytest.fixture
def shape(compile_steps):
    """Run steps on the order and return its only record."""

    def _shape(*steps, record=None, **context):
        (shaped,) = compile_steps(*steps).apply(ORDER if record is None else record, context)
        return shaped

    return _shape


@pytest.fixture
def fail(compile_steps):
    """Run steps that cannot be carried out, and return the error's text."""

    def _fail(*steps, record=None):
        with pytest.raises(TransformError) as caught:
            compile_steps(*steps).apply(ORDER if record is None else record)
        return str(caught.value)

    return _fail


@pytest.mark.parametrize("name", sorted(STEPS))
def test_example_is_true(compile_yaml, name):
    """The example in a step's docstring gives what it says."""
    blocks = FENCE.findall(STEPS[name].docs)
    (_, steps), (_, given), (_, expected) = blocks
    indented = "".join(f"  {line}\n" for line in steps.splitlines())

    asking = compile_yaml(f"transform:\n{indented}").ask(orjson.loads(given))

    records = [shaped.record for shaped in settle(asking)]

    assert orjson.loads(write_json(records)) == orjson.loads(expected)
    assert [kind for kind, _ in blocks] == ["yaml", "json", "json"]
    assert f"- {name}:" in steps


@pytest.mark.parametrize("name", sorted(STEPS))
def test_options_are_described(name):
    """The reference page says what every key of a long form means."""
    options = STEPS[name].options

    for field in options.model_fields.values() if options else ():
        assert field.description


# set


def test_templates_of_one_set_see_the_record_as_it_was(shape):
    """Fields set together do not see one another."""
    shaped = shape({"set": {"id": "8", "before": "{{ record.id }}"}})

    assert (shaped["id"], shaped["before"]) == ("8", "7")


def test_set_keeps_fields_in_their_order(shape):
    """A field that was there keeps its place, a new one comes last."""
    shaped = shape({"set": {"new": 1, "status": "x"}})

    assert list(shaped) == ["id", "status", "total", "email", "customer", "lines", "new"]


def test_set_writes_into_objects_and_lists(shape):
    """A path reaches into what is there, and a name with a dot is written in brackets."""
    shaped = shape({"set": {"customer.name": "Bob", "$.lines[1].sku": "{{ record.id }}", "$['a.b']": 1, "a b": 2}})

    assert shaped["customer"] == {"name": "Bob", "zip": None}
    assert shaped["lines"][1] == {"sku": "7", "qty": "1"}
    assert (shaped["a.b"], shaped["a b"]) == (1, 2)


def test_set_may_name_fields_value_and_type(shape):
    """The mapping of `set` itself is never a typed value."""
    assert shape({"set": {"value": "{{ record.id }}", "type": "text"}}, record={"id": 7})["type"] == "text"


def test_set_sees_the_context(shape):
    """Answers of earlier steps, and whatever else the context holds, are there by name."""
    assert shape({"set": {"token": "{{ steps.login.token }}"}}, steps={"login": {"token": "t"}})["token"] == "t"


# copy, move, pick, remove


def test_copy_keeps_types(shape):
    """A copied value is the value itself, null included."""
    shaped = shape({"copy": {"n": "$.customer.zip", "c": "customer", "all": "$"}})

    assert shaped["n"] is None
    assert shaped["c"] is ORDER["customer"]
    assert shaped["all"] == ORDER


def test_copy_takes_all_or_the_first(shape):
    """A path that can match several gives a list, or the first match where that is asked for."""
    shaped = shape(
        {
            "copy": {
                "all": "$.lines[*].sku",
                "none": "$.lines[?(@.sku == 'Z')]",
                "one": {"from": "$.lines[?(@.sku == 'B')].qty", "take": "first"},
            }
        }
    )

    assert (shaped["all"], shaped["none"], shaped["one"]) == (["A", "B"], [], "1")


def test_missing_source_is_left_out_or_replaced(shape):
    """`optional` leaves the target alone; `default` fills it, with templates, null included."""
    shaped = shape(
        {
            "copy": {
                "a": {"from": "$.no", "optional": True},
                "b.c": {"from": "$.no", "default": "{{ record.id }}"},
                "d": {"from": "$.no", "default": None},
                "e": {"from": "$.no[*].x", "default": []},
                "f": {"from": "$.id", "default": 0},
            }
        }
    )

    assert "a" not in shaped
    assert (shaped["b"], shaped["d"], shaped["e"], shaped["f"]) == ({"c": "7"}, None, [], 7)


def test_move_takes_away_what_it_brings(shape):
    """Fields can change places, and what is moved out of a list leaves it."""
    shaped = shape({"move": {"id": "$.total", "total": "$.id", "skus": "$.lines[*].sku"}})

    assert (shaped["id"], shaped["total"], shaped["skus"]) == ("12.50", 7, ["A", "B"])
    assert shaped["lines"] == [{"qty": "2"}, {"qty": "1"}]


def test_move_can_put_a_part_in_place_of_its_whole(shape):
    """The source is taken away before the target is written."""
    assert shape({"move": {"customer": "$.customer.name"}})["customer"] == "Ann"


def test_optional_move_of_nothing_changes_nothing(shape):
    """What is not there is not moved."""
    assert shape({"move": {"x": {"from": "$.no", "optional": True}}}) == ORDER


def test_pick_keeps_what_is_named(shape):
    """A list keeps fields where they were, a mapping gives names."""
    assert shape({"pick": ["id", "$.customer.name"]}) == {"id": 7, "customer": {"name": "Ann"}}
    assert shape({"pick": {"a.b": "$.id", "c": {"from": "$.no", "optional": True}}}) == {"a": {"b": 7}}


def test_remove_takes_paths_of_every_kind(shape):
    """One path, several, in lists, and with a filter."""
    shaped = shape({"remove": ["email", "$.customer.zip", "$.lines[?(@.sku == 'A')]"]}, {"remove": "status"})

    assert shaped == {"id": 7, "total": "12.50", "customer": {"name": "Ann"}, "lines": [{"sku": "B", "qty": "1"}]}


def test_remove_may_find_nothing_where_it_says_so(shape):
    """`optional` allows what is not there."""
    assert shape({"remove": {"paths": ["no", "$.lines[*].no"], "optional": True}}) == ORDER


# map, cast


def test_map_looks_values_up_by_their_text(shape):
    """Numbers and booleans are found under what YAML makes of them: text keys."""
    assert shape({"map": {"field": "id", "values": {"7": "seven"}}})["id"] == "seven"
    assert shape({"map": {"field": "a", "values": {"true": 1}, "into": "b.c"}}, record={"a": True})["b"] == {"c": 1}


def test_map_default_may_be_a_template_or_null(shape):
    """An unlisted, missing or null value gets the default."""
    assert shape({"map": {"field": "id", "values": {"1": 2}, "default": "{{ record.id }}"}})["id"] == "7"
    assert shape({"map": {"field": "no", "values": {"1": 2}, "default": None}})["no"] is None
    assert shape({"map": {"field": "customer.zip", "values": {"1": 2}, "default": "x"}})["customer"]["zip"] == "x"


def test_map_of_a_missing_field_may_be_optional(shape):
    """Nothing is done where the field is not there."""
    assert shape({"map": {"field": "no", "values": {"1": 2}, "optional": True}}) == ORDER


def test_cast_gives_types_along_paths(shape):
    """Every match of a path gets its type."""
    shaped = shape({"cast": {"total": "decimal", "$.lines[*].qty": "integer", "id": "text"}})

    assert (shaped["total"], shaped["id"]) == (Decimal("12.50"), "7")
    assert [line["qty"] for line in shaped["lines"]] == [2, 1]


def test_cast_reads_dates(shape):
    """A date is read by its pattern where clocks showed it."""
    step = {"cast": {"at": {"type": "datetime", "format": "%d/%m/%Y", "timezone": "Europe/London"}}}

    assert shape(step, record={"at": "01/07/2026"})["at"] == datetime(2026, 6, 30, 23, tzinfo=UTC)


def test_cast_of_nothing_is_optional_or_replaced(shape):
    """Missing, null and empty values stay as they are, or get the default."""
    record = {"null": None, "empty": ""}

    kept = shape(
        {"cast": {name: {"type": "decimal", "optional": True} for name in ("null", "empty", "no")}}, record=record
    )
    filled = shape(
        {"cast": {name: {"type": "decimal", "default": 0} for name in ("null", "empty", "a.no")}}, record=record
    )

    assert kept == record
    assert filled == {"null": 0, "empty": 0, "a": {"no": 0}}


def test_cast_to_text_takes_an_empty_text(shape):
    """An empty text is a text."""
    assert shape({"cast": {"a": {"type": "text", "default": "x"}}}, record={"a": ""})["a"] == ""


# filter, if


def test_filter_leaves_out(compile_steps):
    """All of a list must be true; one of `any`."""
    assert compile_steps({"filter": "{{ record.id > 7 }}"}).apply(ORDER) == []
    assert compile_steps({"filter": ["{{ record.id > 6 }}", "{{ record.id > 7 }}"]}).apply(ORDER) == []
    assert compile_steps({"filter": {"all": ["{{ record.id > 6 }}"]}}).apply(ORDER) == [ORDER]
    assert compile_steps({"filter": {"any": ["{{ record.id > 7 }}", "{{ record.id > 6 }}"]}}).apply(ORDER) == [ORDER]


def test_conditions_are_tried_no_further_than_needed(compile_steps):
    """A condition behind one that settles it is not computed."""
    steps = compile_steps({"filter": ["{{ record.kind == 'line' }}", "{{ record.qty > 0 }}"]})

    assert steps.apply({"kind": "head"}) == []


def test_if_runs_one_branch(compile_steps):
    """Either branch may filter and split; none is needed for no."""
    steps = compile_steps(
        {"if": {"when": "{{ record.id == 7 }}", "then": [{"split": "$.lines[*]"}], "else": [{"filter": False}]}}
    )

    assert steps.apply(ORDER) == ORDER["lines"]
    assert steps.apply({"id": 8}) == []
    assert compile_steps({"if": {"when": False, "then": []}}).apply(ORDER) == [ORDER]


# split, each


def test_split_gives_one_record_each(compile_steps):
    """By itself the part is the record."""
    assert compile_steps({"split": "$.lines[*]"}).apply(ORDER) == ORDER["lines"]


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"as": "line", "keep": False}, {"line": {"sku": "A"}}),
        ({"as": "line"}, {"id": 7, "sku": "Z", "line": {"sku": "A"}}),
        ({"keep": True}, {"id": 7, "sku": "A"}),
        ({"keep": ["id"]}, {"id": 7, "sku": "A"}),
        ({"number": "no"}, {"sku": "A", "no": 1}),
    ],
)
def test_split_keeps_what_it_is_told(compile_steps, options, first):
    """`keep` and `as` decide what of the whole stays, and the part's fields win."""
    record = {"id": 7, "sku": "Z", "lines": [{"sku": "A"}, {"sku": "B"}]}

    made = compile_steps({"split": {"path": "$.lines[*]", **options}}).apply(record)

    assert len(made) == 2
    assert made[0] == first


def test_split_of_nothing(compile_steps):
    """An empty list gives no record; a missing one is an error unless it may be."""
    steps = compile_steps({"split": {"path": "$.lines[*]", "optional": True}})

    assert steps.apply({"lines": []}) == steps.apply({"lines": None}) == steps.apply({}) == []


def test_split_values_need_a_field(compile_steps):
    """Parts that are no objects stand in a field."""
    steps = compile_steps({"split": {"path": "$.tags[*]", "as": "tag", "keep": False}})

    assert steps.apply({"tags": ["a", "b"]}) == [{"tag": "a"}, {"tag": "b"}]


def test_each_filters_and_splits_within_a_list(shape):
    """A part that is filtered is left out, one that is split is replaced by what it became."""
    record = {"n": 1, "rows": [{"keep": True, "sub": [{"x": 1}, {"x": 2}]}, {"keep": False, "sub": []}]}

    shaped = shape(
        {
            "each": {
                "path": "$.rows[*]",
                "transform": [
                    {"filter": "{{ record.keep }}"},
                    {"set": {"n": "{{ parent.n }}"}},
                    {"split": {"path": "$.sub[*]", "keep": ["n"]}},
                ],
            }
        },
        record=record,
    )

    assert shaped == {"n": 1, "rows": [{"n": "1", "x": 1}, {"n": "1", "x": 2}]}


def test_each_in_each_sees_its_own_parent(shape):
    """`parent` is the record one level up."""
    record = {"a": 1, "rows": [{"b": 2, "sub": [{"c": 3}]}]}
    inner = {"each": {"path": "$.sub[*]", "transform": [{"set": {"from": "{{ parent.b }}"}}]}}

    shaped = shape({"each": {"path": "$.rows[*]", "transform": [inner]}}, record=record)

    assert shaped["rows"][0]["sub"] == [{"c": 3, "from": "2"}]


def test_each_works_on_one_object_too(shape):
    """A definite path shapes the one object it names."""
    assert shape({"each": {"path": "$.customer", "transform": [{"remove": "zip"}]}})["customer"] == {"name": "Ann"}


@pytest.mark.parametrize(
    ("step", "record", "message"),
    [
        ({"set": {"x": "{{ record.no }}"}}, {"id": 1}, "transform[0].set.x: record.no is missing: there is no \"no\" (there are: id); write | default('') where it may be missing"),
        ({"set": {"id.x": 1}}, {"id": 1}, 'transform[0].set["id.x"]: id.x cannot be set: id is a whole number, which has no "x"'),
        ({"copy": {"x": "$.customr"}}, {"customer": 1}, 'transform[0].copy.x: $.customr is missing: there is no "customr" (there are: customer); did you mean "customer"?'),
        ({"copy": {"x": "$.no"}}, {"id": 1}, 'transform[0].copy.x: $.no is missing: there is no "no" (there are: id); write {from: …, optional: true} where it may be missing, or a default'),
        ({"copy": {"x": {"from": "$.no[*].a"}}}, {}, 'transform[0].copy.x.from: $.no[*].a is missing: there is no "no" (the object is empty); write optional: true or a default where it may be missing'),
        ({"copy": {"x": {"from": "$.l[*].a", "take": "first"}}}, {"l": []}, "transform[0].copy.x.from: nothing matches $.l[*].a; write optional: true or a default where it may be missing"),
        ({"move": {"x": "$.no"}}, {"id": 1}, 'transform[0].move.x: $.no is missing: there is no "no" (there are: id); write {from: …, optional: true} where it may be missing, or a default'),
        ({"pick": ["no"]}, {"id": 1}, 'transform[0].pick[0]: no is missing: there is no "no" (there are: id); write {name: {from: …, optional: true}} where it may be missing'),
        ({"remove": "no"}, {"id": 1}, 'transform[0].remove: no is missing: there is no "no" (there are: id); write {paths: […], optional: true} where it may be missing'),
        ({"map": {"field": "status", "values": {"paid": 2, "open": 1}}}, {"status": "new"}, 'transform[0].map: nobody mapped this yet: "new" (mapped are: paid, open); add it to values, or write a default'),
        ({"map": {"field": "status", "values": {"paid": 2}}}, {"status": None}, "transform[0].map: nobody mapped this yet: null (mapped are: paid); add it to values, or write a default"),
        ({"map": {"field": "city", "values": {"Paris": 2}}}, {"city": "Rome"}, "transform[0].map: nobody mapped this yet: text of 4 characters (mapped are: Paris); add it to values, or write a default"),
        ({"map": {"field": "status", "values": {"paid": 2}}}, {"status": []}, "transform[0].map: status is a list has no text form; add it to values, or write a default"),
        ({"map": {"field": "status", "values": {"paid": 2}}}, {}, 'transform[0].map.field: status is missing: there is no "status" (the object is empty); write optional: true or a default where it may be missing'),
        ({"cast": {"qty": "integer"}}, {"qty": "12abc"}, 'transform[0].cast.qty: qty: "12abc" is not a whole number'),
        ({"cast": {"total": "decimal"}}, {"total": "1,5"}, "transform[0].cast.total: total: \"1,5\" is not a decimal number; the decimal sign is a point: | replace('.', '') | replace(',', '.')"),
        ({"cast": {"$.lines[*].qty": "integer"}}, {"lines": [{"qty": "1"}, {"qty": "x"}]}, 'transform[0].cast["$.lines[*].qty"]: lines[1].qty: "x" is not a whole number'),
        ({"cast": {"telephone": "integer"}}, {"telephone": "+31 6"}, "transform[0].cast.telephone: telephone: text of 5 characters is not a whole number"),
        ({"cast": {"no": "integer"}}, {"id": 1}, 'transform[0].cast.no: no is missing: there is no "no" (there are: id); write {type: …, optional: true} where it may be missing, or a default'),
        ({"filter": "{{ record.flag }}"}, {"flag": "false"}, "transform[0].filter: \"false\" is neither true nor false; compare it, such as {{ record.status == 'paid' }}, or write | boolean"),
        ({"if": {"when": "{{ record.flag }}", "then": []}}, {"flag": 1}, "transform[0].if.when: 1 is neither true nor false; compare it, such as {{ record.status == 'paid' }}, or write | boolean"),
        ({"split": "$.lines[*]"}, {"id": 1}, 'transform[0].split: $.lines[*] is missing: there is no "lines" (there are: id); write {path: …, optional: true} where it may be missing'),
        ({"split": "$.tags[*]"}, {"tags": ["a"]}, "transform[0].split: tags[0] is text, and a record is an object; give it a field: {path: …, as: value}"),
        ({"each": {"path": "$.lines[*]", "transform": [{"remove": "no"}]}}, {"lines": [{"no": 1}, {"a": 1}]}, 'transform[0].each.transform[0].remove: lines[1]: no is missing: there is no "no" (there are: a); write {paths: […], optional: true} where it may be missing'),
        ({"each": {"path": "$.lines[*]", "transform": []}}, {"lines": [1]}, "transform[0].each: lines[0] is a whole number, and steps work on objects"),
        ({"each": {"path": "$.a", "transform": [{"split": "$.b[*]"}]}}, {"a": {"b": [{}, {}]}}, "transform[0].each: a became 2 records, and a field holds one"),
        ({"each": {"path": "$..a", "transform": []}}, {"a": {"a": {}}}, "transform[0].each: the path matches a.a and what it is part of"),
    ],
)  # fmt: skip
def test_step_that_cannot_be_carried_out_says_why(fail, step, record, message):
    """The error stands at the step, names what is missing or wrong, and says what to do."""
    assert fail(step, record=record) == message
