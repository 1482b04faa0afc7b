"""The tolerant reader of answers."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.reading import BodyKind, read_body, unescape

WARNING = (
    b'<b>Warning</b>: Undefined array key "currency" in <b>/var/www/html/catalog/controller/api/currency.php</b>'
    b" on line <b>13</b>"
)
WARNING_TEXT = 'Warning: Undefined array key "currency" in /var/www/html/catalog/controller/api/currency.php on line 13'

FATAL = (
    b"<br />\n<b>Fatal error</b>:  Uncaught TypeError: array_filter(): Argument #1 ($array) must be of type array in "
    b"/var/www/html/cart.php:43\nStack trace:\n#0 ControllerApiCart-&gt;add()\n#1 {main}\n  thrown in "
    b"<b>/var/www/html/cart.php</b> on line <b>43</b><br />\n"
)

FATAL_TEXT = (
    "Fatal error: Uncaught TypeError: array_filter(): Argument #1 ($array) must be of type array in "
    "/var/www/html/cart.php:43 Stack trace: #0 ControllerApiCart->add() #1 {main} thrown in /var/www/html/cart.php on "
    "line 43"
)

TWO_IN_HTML = (
    b"<br />\n<b>Notice</b>:  Undefined index: a in <b>/x.php</b> on line <b>1</b><br />\n"
    b"<br />\n<b>Deprecated</b>:  b in <b>/x.php</b> on line <b>2</b><br />\n{}"
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda child: (
        st.lists(child, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), child, max_size=4)
    ),
    max_leaves=20,
)
containers = st.lists(json_values, max_size=4) | st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])), json_values, max_size=4
)


@given(st.binary(max_size=200), containers, st.booleans())
def test_json_is_found_behind_any_prefix(prefix, value, is_ascii):
    """Whatever stands in front, the value that the body ends with is found."""
    body = prefix + json.dumps(value, ensure_ascii=is_ascii).encode()

    reading = read_body(body)

    assert reading.has_json
    assert reading.value == find_by_trying(body)


def find_by_trying(body):
    """Find the JSON at the end by trying: the whole, else from the last bracket on, the one before, and so on."""
    text = body.removeprefix(b"\xef\xbb\xbf")
    for start in [0, *(place for place in range(len(text) - 1, -1, -1) if text[place : place + 1] in {b"{", b"["})]:
        try:
            return json.loads(text[start:].decode())
        except ValueError:
            continue
    return None


@given(st.binary(max_size=300))
def test_no_body_is_too_odd(body):
    """Any bytes at all give a reading, never an exception."""
    assert isinstance(read_body(body, "application/json").kind, BodyKind)


@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=UTF-8", "", "image/png"])
def test_the_content_type_does_not_matter(content_type):
    """PHP names any type, so only the body is believed."""
    reading = read_body(WARNING + b'{"error":"Warning: Currency code is invalid!"}', content_type)

    assert reading.value == {"error": "Warning: Currency code is invalid!"}
    assert reading.notices == (WARNING_TEXT,)
    assert reading.kind is BodyKind.JSON


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b"[]", []),
        (b"null", None),
        (b'"text"', "text"),
        (b"12.50", 12.5),
        (b' \r\n{"a":1}\n\n', {"a": 1}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        ('{"a":"é"}'.encode("utf-16"), {"a": "é"}),
        (WARNING + b'{"a":"[x] {y} \\" }"}', {"a": '[x] {y} " }'}),
        (WARNING + b'{"a":"back\\\\"}', {"a": "back\\"}),
        (WARNING + b'{"a":[1,[2]],"b":{}}', {"a": [1, [2]], "b": {}}),
        (b'array(1) { ["a"]=> int(1) }\n[]', []),
        (b'{"success":"x"}' + b"<br />\n" + WARNING, {"success": "x"}),
    ],
)
def test_json_is_found(body, value):
    """The JSON of an answer is the whole body, or what its last bracket closes."""
    reading = read_body(body)

    assert (reading.has_json, reading.value) == (True, value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1',
        b'[{"a": 1},',
        b"text",
        b"see [1",
        b"see [here]",
        b'"a}',
        b"}",
        b"<b>Warning</b>: x",
        b'{"a":"\xe9"}',
    ],
)
def test_what_is_no_json_is_not_guessed(body):
    """A body without a whole JSON value has none."""
    reading = read_body(body)

    assert (reading.has_json, reading.value) == (False, None)


@pytest.mark.parametrize(
    ("body", "notices"),
    [
        (WARNING + WARNING + b"[]", [WARNING_TEXT, WARNING_TEXT]),
        (TWO_IN_HTML, ["Notice: Undefined index: a in /x.php on line 1", "Deprecated: b in /x.php on line 2"]),
        (b"\nWarning: a &quot;b&quot; in /x.php on line 1\n{}", ['Warning: a "b" in /x.php on line 1']),
        (
            b"PHP Warning:  a in /x.php on line 1\nPHP Notice:  b in /x.php on line 2\n{}",
            ["PHP Warning: a in /x.php on line 1", "PHP Notice: b in /x.php on line 2"],
        ),
        (b"debug output\n" + WARNING + b"{}", ["debug output", WARNING_TEXT]),
        (b"{}" + b"<br />\n" + WARNING, [WARNING_TEXT]),
        (b"caf\xe9 {}", ["caf\N{REPLACEMENT CHARACTER}"]),
        (b"{}", []),
        (FATAL, [FATAL_TEXT]),
    ],
)
def test_notices_are_told_one_by_one(body, notices):
    """PHP's messages are split, freed of tags and entities, and kept in order."""
    assert list(read_body(body).notices) == notices


def test_a_flood_of_notices_is_cut():
    """A page of a thousand warnings gives fifty entries, the last of which counts the rest."""
    reading = read_body(WARNING * 1000 + b"[]")

    assert len(reading.notices) == 50
    assert reading.notices[-1] == "… and 951 more messages"


@pytest.mark.parametrize(
    ("body", "kind", "title"),
    [
        (b"", BodyKind.EMPTY, None),
        (b" \n\t", BodyKind.EMPTY, None),
        (b"\xef\xbb\xbf", BodyKind.EMPTY, None),
        (b"Error: Invalid session ID!", BodyKind.TEXT, None),
        (b"<!DOCTYPE html>\n<html><head><title>Tom &amp; Co\n</title>", BodyKind.HTML, "Tom & Co"),
        (b"<html>\r\n<head><title>404 Not Found</title></head></html>", BodyKind.HTML, "404 Not Found"),
        (b"<html><head><title></title>", BodyKind.HTML, None),
        (FATAL, BodyKind.HTML, None),
        (b"\x1f\x8b\x08\x00\xff", BodyKind.UNDECODABLE, None),
        (b"<html><title>caf\xe9</title>", BodyKind.HTML, "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_body_without_json_is_named(body, kind, title):
    """What is there instead of JSON is told apart, and a page is known by its title."""
    reading = read_body(body)

    assert (reading.kind, reading.title) == (kind, title)


def test_a_declared_charset_is_used():
    """A charset other than UTF-8 is believed when the header names it."""
    reading = read_body('{"a":"é"}'.encode("latin-1"), "application/json; charset=ISO-8859-1")

    assert reading.value == {"a": "é"}


def test_an_unknown_charset_is_passed_over():
    """A charset that no codec has leaves the body as it is."""
    assert read_body(b'{"a":1}', "application/json; charset=martian").value == {"a": 1}


@pytest.mark.parametrize(("body", "is_cut"), [(b'{"a":', True), (b"[1,", True), (b"text", False), (b"<html>{", False)])
def test_json_that_stops_short_is_told_apart(body, is_cut):
    """A body that begins as JSON and does not end as such was cut off on its way."""
    assert read_body(body).is_cut is is_cut


def test_the_message_that_ended_php_is_found():
    """Among warnings, the fatal error is the one that matters."""
    reading = read_body(WARNING + FATAL)

    assert reading.fatal is not None
    assert reading.fatal.startswith("Fatal error: Uncaught TypeError")


def test_text_shown_to_people_is_short():
    """A long page shows its beginning, without tags, scripts and comments."""
    body = b"<html><body><script>var a = 1;</script><!-- b --><p>Hello</p>" + b"x" * 1000

    text = read_body(body).text

    assert text.startswith("Hello xxx")
    assert len(text) == 300


N = 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"[" * N,
        b"]" * N,
        b"[]" * (N // 2) + b"]",
        b'"\\' * (N // 2) + b"}",
        b'\\"' * (N // 2) + b"}",
        b'"' + b"\\" * N + b'"]',
        b"<!--" * (N // 4),
        b"<script" * (N // 7),
        b"<b>Warning</b>:" * (N // 15) + b"{}",
        b"}<br/>" * (N // 6),
        b"<b>Warning" + b" " * N + b"x",
        b"&" * N,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_time_is_in_proportion_to_the_length(body):
    """A million hostile bytes take well under the hours that trying from each bracket would."""
    started_s = time.process_time()

    read_body(body)

    assert time.process_time() - started_s < 5


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("Apple Cinema 30&quot;", 'Apple Cinema 30"'),
        ({"a": ["&lt;b&gt; &amp;amp;", {"b": "Tom &amp; Co"}]}, {"a": ["<b> &amp;", {"b": "Tom & Co"}]}),
        ("it&#039;s", "it's"),
        ("&euro;5", "€5"),
        ("?a=1&copy=2&lt", "?a=1&copy=2&lt"),
        ({"&amp;": 1}, {"&amp;": 1}),
        (None, None),
        ([1, True, 2.5], [1, True, 2.5]),
    ],
)
def test_entities_are_decoded_once(value, decoded):
    """Texts lose one layer of HTML escaping; keys, numbers and loose ampersands stay."""
    assert unescape(value) == decoded


def test_decoding_knows_no_depth_limit():
    """A value nested as deep as the reader takes it is decoded all the same."""
    value = read_body(b"[" * 1000 + b'"&amp;"' + b"]" * 1000).value

    decoded = unescape(value)

    for _ in range(1000):
        decoded = decoded[0]
    assert decoded == "&"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 12345678901234567890123, -(10**300)])
@pytest.mark.parametrize("front", [b"", WARNING])
def test_whole_numbers_keep_all_of_their_digits(number, front):
    """An id of more than 64 bits is not rounded, with or without a warning in front of the JSON."""
    reading = read_body(front + b'{"a": [%d]}' % number)

    assert reading.value == {"a": [number]}
    assert isinstance(reading.value["a"][0], int)


@pytest.mark.parametrize("number", [b"1e400", b"NaN", b"1" + b"0" * 400])
def test_numbers_beyond_a_binary_fraction_are_no_json(number):
    """What is refused stays refused where another number has many digits."""
    assert not read_body(b'{"a": 12345678901234567890123, "b": %s}' % number).has_json


def test_long_numbers_in_deep_nesting_are_not_rounded():
    """Where the exact reader gives up, there is no value, in place of a wrong one."""
    assert not read_body(b"[" * 1020 + b"12345678901234567890123" + b"]" * 1020).has_json
