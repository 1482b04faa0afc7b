"""Every filter does what its docstring says, and refuses what it cannot do."""

import inspect
from decimal import Decimal

import pytest

from connector.transform.filters import FILTERS, OWN_FILTERS

RECORD = {
    "name": "Ann Lee",
    "price": "12.345",
    "float": 0.1,
    "null": None,
    "empty": "",
    "flag": True,
    "phone": "+31 6 1234",
    "tags": ["b", "a", "b"],
    "lines": [{"sku": "A", "price": "1.10", "qty": 2}, {"sku": "B", "price": "2.20", "qty": 1}],
    "at": "2026-07-01T23:30:00+02:00",
    "html": "<p>Tom &amp; <b>Ann</b></p>",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ record.price | money }}", "12.35"),
        ("{{ '2.5' | money(0) }}", "3"),
        ("{{ '-0.125' | money }}", "-0.13"),
        ("{{ 10 | money }}", "10.00"),
        ("{{ record.float | money }}", "0.10"),
        ("{{ record.price | decimal }}", "12.345"),
        ("{{ 'x' | decimal('0') }}", "0"),
        ("{{ record.nothing | decimal(0) }}", "0"),
        ("{{ '007' | int }}", "7"),
        ("{{ 'x' | int(-1) }}", "-1"),
        ("{{ '1.50' | float }}", "1.5"),
        ("{{ 'yes' | boolean }}", "true"),
        ("{{ 2.5 | round }}", "3"),
        ("{{ '2.345' | decimal | round(2) }}", "2.35"),
        ("{{ record.lines | map(attribute='price') | map('decimal') | sum }}", "3.30"),
        ("{{ record.lines | sum('qty') }}", "3"),
        ("{{ [0.1, 0.2] | map('decimal') | sum }}", "0.3"),
        ("{{ record.tags | join(', ') }}", "b, a, b"),
        ("{{ [1.50, true, 'x'] | join('|') }}", "1.5|true|x"),
        ("{{ record.lines | join('+', 'sku') }}", "A+B"),
        ("{{ record.tags | unique | sort | join }}", "ab"),
        ("{{ record.lines | selectattr('qty', 'gt', 1) | map(attribute='sku') | first }}", "A"),
        ("{{ record.lines | length }}", "2"),
        ("{{ record.null | default('none') }}", "none"),
        ("{{ record.nothing.deep | default('none') }}", "none"),
        ("{{ record.empty | default('none') }}", ""),
        ("{{ record.empty | default('none', true) }}", "none"),
        ("{{ record.name | required('say who') }}", "Ann Lee"),
        ("{{ record.name | upper }}", "ANN LEE"),
        ("{{ record.name | lower }}", "ann lee"),
        ("{{ 'ann LEE' | capitalize }}", "Ann lee"),
        ("{{ 'ann lee' | title }}", "Ann Lee"),
        ("{{ '  x ' | trim }}", "x"),
        ("{{ '--x-' | trim('-') }}", "x"),
        ("{{ record.name | truncate(4) }}", "Ann…"),
        ("{{ record.name | truncate(7) }}", "Ann Lee"),
        ("{{ record.name | replace('n', 'm') }}", "Amm Lee"),
        ("{{ '%05d' | format(42) }}", "00042"),
        ("{{ record.html | striptags }}", "Tom & Ann"),
        ("{{ 'a & <b>' | escape }}", "a &amp; &lt;b&gt;"),
        ("{{ 'Tom &amp; Ann' | unescape }}", "Tom & Ann"),
        ("{{ 'Ünïted  Kingdom!' | slug }}", "united-kingdom"),
        ("{{ record.phone | digits }}", "3161234"),
        ("{{ 'a b/é' | urlencode }}", "a%20b/%C3%A9"),
        ("{{ {'a': 1, 'b': 'x y'} | urlencode }}", "a=1&b=x+y"),
        ("{{ 'abc' | sha256 }}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("{{ 'abc' | sha1 }}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("{{ 'abc' | md5 }}", "900150983cd24fb0d6963f7d28e17f72"),
        (
            "{{ 'what do ya want for nothing?' | hmac_sha256('Jefe') }}",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",  # RFC 4231, test case 2
        ),
        ("{{ 'héllo' | base64 }}", "aMOpbGxv"),
        ("{{ 'aMOpbGxv' | from_base64 }}", "héllo"),
        ("{{ {'a': [1, null, 'é', true]} | json }}".replace("null", "none"), '{"a":[1,null,"é",true]}'),
        ("{{ {'a': '1.10' | decimal} | json }}", '{"a":1.1}'),
        ("{{ {'a': '0.12345678901234567890' | decimal} | json }}", '{"a":"0.12345678901234567890"}'),
        ("{{ ('{\"a\": 1.10}' | from_json).a }}", "1.10"),
        ("{{ '2026-07-01' | date('%d/%m/%Y') }}", "01/07/2026"),
        ("{{ record.at | date }}", "2026-07-01"),
        ("{{ '01/07/2026' | to_date('%d/%m/%Y') }}", "2026-07-01"),
        ("{{ record.at | to_datetime }}", "2026-07-01T21:30:00+00:00"),
        ("{{ '01/07/2026 09:30' | to_datetime('%d/%m/%Y %H:%M', 'Europe/London') }}", "2026-07-01T08:30:00+00:00"),
        ("{{ record.at | to_datetime | iso }}", "2026-07-01T21:30:00Z"),
        ("{{ '2026-07-01' | to_date | iso }}", "2026-07-01"),
        ("{{ record.at | timezone('America/New_York') | date('%H:%M') }}", "17:30"),
        ("{{ record.at | timestamp }}", "1782941400"),
        ("{{ now() | shift(days=-1, hours=2) }}", "2026-11-21T11:30:00+00:00"),
        ("{{ now() | date('%Y') }}", "2026"),
        ("{{ uuid() }}", "11111111-2222-3333-4444-555555555555"),
    ],
)
def test_filter_gives(render, template, text):
    """What a filter makes of a value."""
    assert render(template, RECORD) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ '12abc' | int }}", '"12abc" is not a whole number'),
        ("{{ '1,5' | money }}", '"1,5" is not a decimal number; the decimal sign is a point'),
        ("{{ '5' | money(99) }}", "99 is no number of digits between -30 and 30"),
        ("{{ record.lines | map(attribute='price') | sum }}", '"1.10" cannot be added up; give each a type first'),
        ("{{ record.lines | sum('cost') }}", 'an object has no "cost" to add up'),
        ("{{ record.name | join(',') }}", '"Ann Lee" is not a list'),
        ("{{ record.nothing | upper }}", 'record.nothing is missing: there is no "nothing"'),
        ("{{ record.null | upper }}", "null has no text form; write | default('')"),
        ("{{ record.empty | required('the shop wants a name') }}", "the shop wants a name"),
        ("{{ record.nothing | required('the shop wants a name') }}", "the shop wants a name"),
        ("{{ 'yesterday' | date }}", '"yesterday" is not a date; read it first'),
        ("{{ '2026-07-01T09:00:00' | timezone('Europe/London') }}", '"2026-07-01T09:00:00" has no time zone'),
        ("{{ now() | timezone('Europe/Londn') }}", '"Europe/Londn" is not a time zone'),
        ("{{ now() | shift(day=1) }}", "no time is shifted by day; write days=-1"),
        ("{{ '!' | from_base64 }}", '"!" is not base64 of a text'),
        ("{{ '{' | from_json }}", '"{" is not JSON'),
        ("{{ '%0999999999d' | format(1) }}", "has a width of over 999"),
        ("{{ record.lines | first | upper }}", "an object has no text form"),
        ("{{ [now] | json }}", "a function cannot be written as JSON"),
    ],
)
def test_filter_refuses(fail, template, message):
    """What a filter cannot do is an error that says why."""
    assert message in fail(template, RECORD)


@pytest.mark.parametrize("name", sorted(OWN_FILTERS))
def test_filter_is_documented(name):
    """The reference page is made from one sentence per filter."""
    assert (inspect.getdoc(OWN_FILTERS[name]) or "").endswith(".")


def test_filters_that_guess_or_run_on_are_not_there():
    """Jinja's filters that reach into objects, are random, or make texts of any size are left out."""
    assert (
        not {"attr", "random", "center", "indent", "batch", "slice", "pprint", "xmlattr", "wordwrap"} & FILTERS.keys()
    )


def test_decimal_is_exact(render):
    """A decimal asked for as a type keeps its digits."""
    assert render({"value": "{{ record.price | decimal * 2 }}", "type": "decimal"}, RECORD) == Decimal("24.690")
