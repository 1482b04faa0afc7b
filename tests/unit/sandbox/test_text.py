"""Text as the shop takes it in, and the JSON it writes."""

import pytest

from connector.sandbox.php.text import clean, decode, decode_json, encode_json, is_email


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'Tom & "Jerry" <b>', "Tom &amp; &quot;Jerry&quot; &lt;b&gt;"),
        (b"O'Brien", "O'Brien"),
        (b"  x \t\n\x0b", "x"),
        (b"&amp;", "&amp;amp;"),
        (b"J\xfcrgen", ""),
        ("Jürgen".encode(), "Jürgen"),
        (b"\xed\xa0\x80", ""),
    ],
)
def test_cleaning(raw, expected):
    """Text is escaped, then trimmed; text that is not UTF-8 is lost as a whole."""
    assert clean(decode(raw)) == expected


def test_cleaning_reaches_keys():
    """Keys are cleaned like values, and one that changes goes to the end."""
    cleaned = clean({"<a>": "1", "b": {"c ": " 2 "}})

    assert list(cleaned.items()) == [("&lt;a&gt;", "1"), ("b", {"c": "2"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane@example.com", True),
        ("jane+tag@example.com", True),
        ("o'neil@example.com", True),
        ("a@b--c.example", True),
        ("jane@[127.0.0.1]", True),
        ("nope", False),
        ("jane@localhost", False),
        ("jane@example.1", False),
        ("jane@-example.com", False),
        (".jane@example.com", False),
        ("jane..x@example.com", False),
        ("jürgen@example.com", False),
        ("a" * 64 + "@example.com", True),
        ("a" * 65 + "@example.com", False),
        ("a@" + "b" * 64 + ".com", False),
        ("jane@example.com\n", False),
    ],
)
def test_email(text, expected):
    """An address has ASCII letters only, a dotted domain, and no part that is too long."""
    assert is_email(text) is expected


def test_json_text():
    r"""JSON has no blanks, escapes the slash and everything beyond ASCII, and drops the fraction of whole floats."""
    assert encode_json({"a": "x/é", "b": 25.0, "c": {}, "d": {0: 1, 1: 2}, "e": {1: 1}}) == (
        r'{"a":"x\/\u00e9","b":25,"c":[],"d":[1,2],"e":{"1":1}}'
    )


def test_infinite_number_has_no_json():
    """A value with an infinite number in it gives no text at all."""
    assert encode_json({"amount": float("inf")}) == ""


def test_json_read_back():
    """Objects and lists both become arrays; text that is not JSON becomes null."""
    assert (decode_json('{"1":[5]}'), decode_json('{"cut')) == ({1: {0: 5}}, None)
