"""Values with templates: text stays text, faults come early, errors name the field, nothing runs on."""

# ruff: noqa: E501  # messages are compared whole, each on its line
import time
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.document import read_text
from connector.config.place import Place
from connector.errors import TransformError
from connector.transform.template import TEMPLATED, Templates, compile_condition, compile_mapping, compile_value

RECORD = {
    "id": 7,
    "total": "12.50",
    "price": 0.1,
    "paid": True,
    "note": None,
    "phone": "+31612345678",
    "telephone": "+31612345678x",
    "items": ["x", "y"],
    "_links": {"next": "/2"},
    "customer": {"name": "Ann", "email": "ann@example.com"},
    "lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}],
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain text", "plain text"),
        ("", ""),
        (5, 5),
        (None, None),
        (True, True),
        ("{{ record.id }}", "7"),
        ("no. {{ record.id }}!", "no. 7!"),
        ("{{ record.phone }}", "+31612345678"),
        ("{{ record.paid }}", "true"),
        ("{{ record.total }}", "12.50"),
        ("{{ record['customer']['name'] }}", "Ann"),
        ("{{ record.lines[0].sku }}{{ record.lines[-1].sku }}", "AB"),
        ("{{ record.items[0] }}", "x"),
        ("{{ record._links.next }}", "/2"),
        ("{{ record.customer.keys() | join(',') }}", "name,email"),
        ("{{ record.id ~ record.paid ~ 1.50 }}", "7true1.5"),
        ("{{ 0.1 + 0.2 }}", "0.3"),
        ("{{ record.price * 3 }}", "0.3"),
        ("{{ record.price * 3 == 0.3 }}", "true"),
        ("{{ record.total | decimal * 1.21 }}", "15.1250"),
        ("{{ 10 / 4 }}", "2.5"),
        ("{{ 10 / 5 }}", "2"),
        ("{{ 7 // 2 }}-{{ 7 % 2 }}-{{ 2 ** 10 }}", "3-1-1024"),
        ("{{ 'a' if record.paid else 'b' }}", "a"),
        ("{{ 'yes' if 'x' in record['items'] else 'no' }}", "yes"),
        ("{{ record.nothing is defined }}", "false"),
        ("{% for line in record.lines %}{{ loop.index }}{{ line.sku }};{% endfor %}", "1A;2B;"),
        ("{% if record.id > 5 %}big{% else %}small{% endif %}", "big"),
        ("{% set x = record.id %}{{ x }}{{ x }}", "77"),
        ("{% raw %}{{ kept }}{% endraw %}", "{{ kept }}"),
        ("{# nothing #}", ""),
        ("a\n{{ record.id }}\n", "a\n7\n"),
        ("{{ record.total.replace('.', ',') }}", "12,50"),
        ("{{ '5'.zfill(3) }}", "005"),
        ({"a": ["{{ record.id }}", 1], "b": {"c": "{{ record.total }}"}}, {"a": ["7", 1], "b": {"c": "12.50"}}),
        ({"value": "{{ record.total }}", "type": "decimal"}, Decimal("12.50")),
        ({"value": "{{ record.id }}", "type": "integer"}, 7),
        ({"value": " {{ record.lines }}\n", "type": "list"}, RECORD["lines"]),
        ({"value": "{{ record.lines | map(attribute='sku') }}", "type": "list"}, ["A", "B"]),
        ({"value": "{{ [record.items | map('upper')] }}", "type": "any"}, [["X", "Y"]]),
        ({"value": "{{ record.note }}", "type": "any"}, None),
        ({"value": "{{ record.id }}{{ record.id }}", "type": "integer"}, 77),
        ({"value": "{% if record.paid %}1{% endif %}", "type": "integer"}, 1),
        ({"value": "12.50", "type": "decimal"}, Decimal("12.50")),
        ({"value": "01/07/2026", "type": "date", "format": "%d/%m/%Y"}, date(2026, 7, 1)),
        ([{"value": "12.50", "type": "decimal"}, "{{ record.id }}"], [Decimal("12.50"), "7"]),
        ({"value": "{{ '01/07/2026' }}", "type": "date", "format": "%d/%m/%Y"}, date(2026, 7, 1)),
        ({"value": "{{ record.id }}", "type": "percent"}, {"value": "7", "type": "percent"}),
        ({"value": {"value": "x", "type": "text"}, "type": "object"}, {"value": "x", "type": "text"}),
        ({"value": "x", "type": "text", "more": 1}, {"value": "x", "type": "text", "more": 1}),
    ],
)
def test_value_is_rendered(render, template, expected):
    """What a value gives for a record, type included."""
    rendered = render(template, RECORD)

    assert rendered == expected
    assert type(rendered) is type(expected)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ record.totl }}", 'record.totl is missing: there is no "totl" (there are: id, total, price, paid, note, phone, telephone, items, _links, customer, lines); did you mean "total"?'),
        ("{{ record.customer.zip }}", "record.customer.zip is missing: there is no \"zip\" (there are: name, email); write | default('') where it may be missing"),
        ("{{ record.note.text }}", "record.note.text is missing: \"text\" is asked of null; write | default('') where it may be missing"),
        ("{{ record.lines[5].sku }}", "record.lines[5] is missing: there is no [5] in a list of 2; write | default('') where it may be missing"),
        ("{% for line in record.lines %}{{ line.prise }}{% endfor %}", "prise is missing: there is no \"prise\" (there are: sku, qty); write | default('') where it may be missing"),
        ("{{ 1 if record.nothing else 2 }}", "record.nothing is missing: there is no \"nothing\" (there are: id, total, price, paid, note, phone, telephone, items, _links, customer, lines); write | default('') where it may be missing"),
        ("{{ steps.token }}", 'there is no "steps" at this point'),
        ("{{ record.note }}", "null has no text form; write | default('') for an empty text"),
        ("{{ record.customer }}", "an object has no text form; use copy, or give it a type: list or object, or write | json"),
        ("{{ record.lines | map(attribute='sku') }}", "a sequence has no text form; write | join(', '), or | list with type: list"),
        ("{{ now }}", "a function has no text form; call it: now()"),
        ("{{ record.total > 5 }}", "text and a whole number cannot be compared by >; give both a type first, such as record.total | decimal"),
        ("{{ record.total + 5 }}", "text and a whole number cannot be added; join texts with ~, or give both a type first: record.total | decimal"),
        ("{{ record.total - 5 }}", "text and a whole number cannot be computed with -; give both a type first, such as record.total | decimal"),
        ("{{ 1 / 0 }}", "division by zero; ask first: {{ a / b if b else 0 }}"),
        ("{{ record.total | int }}", '"12.50" is not a whole number'),
        ("{{ record.telephone | int }}", "text of 13 characters is not a whole number"),
        ("{{ [record.customer] | map(attribute='email') | map('int') | sum }}", "text of 15 characters is not a whole number"),
        ({"value": "{{ record.total }}", "type": "integer"}, '"12.50" is not a whole number'),
        ({"value": "{{ [record.nothing] }}", "type": "list"}, "record.nothing is missing: there is no \"nothing\" (there are: id, total, price, paid, note, phone, telephone, items, _links, customer, lines); write | default('') where it may be missing"),
        ({"value": "{{ [now] }}", "type": "any"}, "a function is not a value; call it: now()"),
        ("{{ record.total.format(1) }}", "record.total.format is missing: \"format\" is asked of text; write | default('') where it may be missing"),
        ("{{ record.id.to_bytes(9, 'big') }}", "record.id.to_bytes is missing: \"to_bytes\" is asked of a whole number; write | default('') where it may be missing"),
        ("{{ record.lines.append(1) }}", "record.lines.append is missing: \"append\" is asked of a list; write | default('') where it may be missing"),
        ("{{ record['_' ~ '_class_' ~ '_'] }}", "__class__ is missing: there is no \"__class__\" (there are: id, total, price, paid, note, phone, telephone, items, _links, customer, lines); write | default('') where it may be missing"),
        ("{{ [] | first }}", "No first item, sequence was empty; write | default('') where it may be missing"),
        ("{% for a in [1] %}{{ loop['_' ~ '_class_' ~ '_'] }}{% endfor %}", "the template asks for what is Python's own, which is refused"),
        ("{{ record.items.index('z') }}", "a value does not fit what is done with it (ValueError)"),
        ("{{ record.id | round('x') }}", '"x" is no number of digits between -30 and 30'),
        ("{{ record.lines | sort }}", "an object and an object cannot be compared by <; give both a type first, such as record.total | decimal"),
        ("{% for letter in record.total %}{% endfor %}", '"12.50" cannot be looped over'),
    ],
)  # fmt: skip
def test_template_that_cannot_be_computed_says_why(fail, template, message):
    """The error names the field and what is there instead, and what to do; values of personal fields do not show."""
    assert fail(template, RECORD) == f"value: {message}"


def test_error_names_the_very_leaf(templates):
    """Of many templates in one value, the error's step is the place of the one that failed."""
    value = {"a": "{{ record.id }}", "b": [{"c": "{{ record.id }}"}, {"c": "{{ record.nothing }}"}], "d": "{{ 1 }}"}
    compiled = compile_value(value, Place.detached("data", value), templates)

    with pytest.raises(TransformError) as caught:
        compiled.render({"record": RECORD})

    assert caught.value.step == "data.b[1].c"


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 9 ** 9999999 }}",
        "{{ 99999999 ** 999 }}",
        "{{ range(1000000000) | list | length }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ '%1000000000d' % 5 }}",
        "{{ ('a' * 9000000).replace('a', 'b' * 1000) }}",
        "{{ ('a' * 9000000) | replace('a', 'b' * 1000) }}",
        "{{ ('a' * 9000000).join(range(1000) | map('string') | list) }}",
        "{{ range(10000) | join('a' * 9000) }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(90000) %}{{ 'a' * 9000 }}{% endfor %}",
        "{% for a in range(90000) %}" + "a" * 9000 + "{% endfor %}",
    ],
)
def test_template_cannot_run_on(fail, template):
    """What would fill the memory or never end is an error, and a quick one."""
    started = time.perf_counter()

    fail(template)

    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ record.a ", "value: the template cannot be read: unexpected end of template, expected the end of print statement"),
        ("{{ record.a + }}", "value: the template cannot be read: unexpected the end of print statement"),
        ("{% if record.a %}", "value: the template cannot be read: Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'"),
        ("{% iff x %}", "value: the template cannot be read: Encountered unknown tag 'iff'"),
        ("{{ record.a | uper }}", 'value: there is no filter "uper"; did you mean "upper"?'),
        ("{{ record.a | attr('b') }}", 'value: there is no filter "attr"; the filters are listed in docs/reference/templates.md'),
        ("{{ record.a | map('decimel') }}", 'value: there is no filter "decimel"; did you mean "decimal"?'),
        ("{{ record.a is defind }}", 'value: there is no test "defind"; did you mean "defined"?'),
        ("{{ recrod.a }}", 'value: there is no "recrod" here, known are: page, record, steps, now(), range(), uuid(); did you mean "record"?'),
        ("{{ total }}", 'value: there is no "total" here, known are: page, record, steps, now(), range(), uuid(); a field of the record is written record.total'),
        ("{{ nwo() }}", 'value: there is no "nwo" here, known are: page, record, steps, now(), range(), uuid(); did you mean "now"?'),
        ("{% for a in record.b %}{{ c }}{% endfor %}", 'value: there is no "c" here, known are: page, record, steps, now(), range(), uuid(); a field of the record is written record.c'),
        ("{{ record.__class__ }}", 'value: "__class__" is refused: names with two underscores are not data'),
        ("{{ record['__class__'] }}", 'value: "__class__" is refused: names with two underscores are not data'),
        ("{{ ''.join.__globals__ }}", 'value: "__globals__" is refused: names with two underscores are not data'),
        ("{% include 'x' %}", "value: {% include %} does not exist here, accepted are if, for, set, with, filter, raw"),
        ("{% macro m() %}{% endmacro %}", "value: {% macro %} does not exist here, accepted are if, for, set, with, filter, raw"),
        ("{% for a in record.b recursive %}{% endfor %}", "value: a loop cannot be recursive here"),
        ("{% set record.a = 1 %}", "value: record.a cannot be set: {% set %} makes a new name"),
        ("{{ 1 | money(digits=1, digits=2) }}", 'value: "digits" is given twice'),
        ("{{ " + "(" * 300 + "1" + ")" * 300 + " }}", "value: the template cannot be read: it nests too deep, or holds a number too long"),
        ("{{ " + "1+" * 300 + "1 }}", "value: the value is too long, or nests too deep, to be compiled; set parts of it in steps before"),
        ("{{ record.a | groupby }}", "value: groupby is written groupby(attribute, default=None, case_sensitive=False)"),
        ("{{ record.a | money(1, 2) }}", "value: money is written money(digits=2)"),
        ("{{ record.a | replace('x') }}", "value: replace is written replace(old, new, count=-1)"),
        ("{{ record.a | date(formt='%d') }}", "value: date is written date(pattern='%Y-%m-%d')"),
        ({"{{ record.a }}": 1}, 'value["{{ record.a }}"]: templates stand in values, not in keys'),
        ({"value": "{{ record.a }}", "type": "decimel"}, 'value.type: there is no type "decimel", accepted are text, integer, number, decimal, boolean, date, datetime, list, object, any; did you mean "decimal"?'),
        ({"value": "{{ record.a }}", "type": "int"}, 'value.type: there is no type "int", accepted are text, integer, number, decimal, boolean, date, datetime, list, object, any; did you mean "integer"?'),
        ({"value": "x", "type": "integer"}, 'value.value: "x" is not a whole number'),
        ({"value": "{{ record.a }}", "type": "decimal", "format": "%d"}, "value.format: only a date or datetime has a format, and the type is decimal"),
        ({"value": "{{ record.a }}", "type": "datetime", "format": "%Q"}, "value.format: %Q is no part of a date pattern; write it as of strptime, such as %d/%m/%Y %H:%M"),
        ({"value": "{{ record.a }}", "type": "datetime", "timezone": "Europe/Londn"}, 'value.timezone: "Europe/Londn" is not a time zone; did you mean "Europe/London"?'),
        ({"value": ["{{ record.a }}"], "type": "integer"}, "value.value: found a list of 1 entry, accepted for the type integer is text or a template"),
    ],
)  # fmt: skip
def test_wrong_template_is_a_fault(check_value, template, fault):
    """Everything that can be known without a record is told when the configuration is loaded."""
    assert check_value(template) == [fault]


def test_every_fault_of_a_value_is_told(check_value):
    """One wrong template does not hide another."""
    faults = check_value({"a": "{{ x | y }}", "b": ["{{ z }}", "{{ record.a"]})

    assert [fault.split(":")[0] for fault in faults] == ["value.a", "value.b[0]", "value.b[1]"]


def test_fault_points_into_the_text(templates):
    """A fault stands at the word that is meant; in a block text, at its beginning."""
    document = read_text('data:\n  a: "total {{ record.a | uper }}"\n  b: |\n    first\n    {{ nothing }}\n')

    compile_value(document.value["data"], document.place("data"), templates)

    assert [(fault.line, fault.column) for fault in document.faults] == [(2, 27), (3, 6)]


def test_names_depend_on_the_place(check_value):
    """A place without a record does not know `record`."""
    faults = check_value("{{ record.a }}", names=frozenset({"steps"}))

    assert faults == ['value: there is no "record" here, known are: steps, now(), range(), uuid()']


def test_secret_text_is_not_quoted():
    """A secret that happens to look like a template is not repeated in a fault."""
    document = read_text("data: ${SHOP_KEY}", environment={"SHOP_KEY": "a{{ hidden"})

    compile_value(document.value["data"], document.place("data"), Templates())

    assert "hidden" not in str(list(document.faults))
    assert len(document.faults) == 1


def test_literal_parts_are_known(templates):
    """The shape shows what is literal, with the templated leaves marked."""
    value = {
        "a": "text",
        "b": "{{ record.x }}",
        "c": [1, "{{ record.y }}"],
        "d": {"value": "1.50", "type": "decimal"},
        "e": {"value": "{{ record.z }}", "type": "list"},
    }

    compiled = compile_value(value, Place.detached("data", value), templates)

    assert not compiled.is_literal
    assert compiled.names == {"record"}
    assert compiled.literal_or() == {
        "a": "text",
        "b": TEMPLATED,
        "c": [1, TEMPLATED],
        "d": Decimal("1.50"),
        "e": TEMPLATED,
    }


def test_literal_is_fresh_each_time(templates):
    """What one record's steps do to a literal cannot show in the next record."""
    value = {"a": [1]}
    compiled = compile_value(value, Place.detached("data", value), templates)

    compiled.render({})["a"].append(2)

    assert compiled.is_literal
    assert compiled.literal == compiled.render({}) == {"a": [1]}


def test_value_with_templates_has_no_literal(templates):
    """Asking a templated value for its literal is a mistake of the caller."""
    compiled = compile_value("{{ record.a }}", Place.detached("data", "{{ record.a }}"), templates)

    with pytest.raises(ValueError, match="data holds templates"):
        _ = compiled.literal


def test_mapping_of_fields_is_never_a_typed_value(templates):
    """A payload may have fields called `value` and `type`."""
    fields = {"value": "{{ record.a }}", "type": "integer"}

    compiled = compile_mapping(fields, Place.detached("data", fields), templates)

    assert compiled.render({"record": {"a": "5"}}) == {"value": "5", "type": "integer"}


def test_methods_cannot_change_a_record(fail):
    """A template has no way to change what it is given."""
    record = {"tags": [1], "map": {"a": 1}}

    fail("{{ record.tags.clear() }}", record)
    fail("{{ record.map.pop('a') }}", record)
    fail("{{ record.map.update({'a': 2}) }}", record)

    assert record == {"tags": [1], "map": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "record", "holds"),
    [
        ("{{ record.a > 1 }}", {"a": 2}, True),
        ("{{ record.a > 1 and record.b == 'x' }}", {"a": 2, "b": "y"}, False),
        ("{{ record.a }}", {"a": False}, False),
        ("{{ not record.a }}", {"a": False}, True),
        ("{{ record.a in ['x', 'y'] }}", {"a": "x"}, True),
        ("{{ record.a | boolean }}", {"a": "false"}, False),
        (True, {}, True),
    ],
)
def test_condition_holds(templates, text, record, holds):
    """A condition gives what its expression gives."""
    place = Place.detached("when", text)

    assert compile_condition(text, place, templates).holds({"record": record}) is holds
    assert not len(place.faults)


def test_condition_takes_no_text_for_an_answer(templates):
    """The text `false` is not taken for true, nor an empty list for false."""
    condition = compile_condition("{{ record.a }}", Place.detached("when", ""), templates)

    for value in ("false", [], 1, None):
        with pytest.raises(TransformError, match="is neither true nor false"):
            condition.holds({"record": {"a": value}})


@pytest.mark.parametrize("text", ["yes", "record.a > 1", "{{ record.a }} {{ record.b }}", "x {{ record.a }}", 5, None])
def test_condition_is_one_expression(templates, text):
    """What is not one expression in braces is a fault."""
    place = Place.detached("when", text)

    compile_condition(text, place, templates)

    assert len(place.faults) == 1


@given(st.text())
def test_text_of_a_record_stays_text(text):
    """Whatever a field holds, a template gives it back letter by letter."""
    compiled = compile_value("{{ record.a }}", Place.detached("v", ""), TEMPLATES)

    assert compiled.render({"record": {"a": text}}) == text


@given(st.text().filter(lambda text: not any(mark in text for mark in ("{{", "{%", "{#"))))
def test_text_without_templates_is_itself(text):
    """What has no template in it is never changed."""
    assert compile_value(text, Place.detached("v", text), TEMPLATES).literal == text


TEMPLATES = Templates()
