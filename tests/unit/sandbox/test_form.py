"""Form fields as PHP reads them; the expected values come from a PHP 8.2 interpreter."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.php.form import MAX_INPUT_VARS, build_query, parse_body, parse_cookies, parse_query
from connector.sandbox.php.value import to_key

NAMES = st.text(alphabet="abcxyz0123456789_-é ", min_size=1, max_size=5).filter(lambda name: name.strip() == name)
STEMS = st.text(alphabet="abcxyz_", min_size=1, max_size=5)
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=8)
NESTED = st.recursive(TEXTS, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=8)

URLENCODED = "application/x-www-form-urlencoded"


def flatten(prefix, value):
    """Return a nested value as pairs of bracketed name and text."""
    if not isinstance(value, dict):
        return [(prefix, value)]
    return [pair for key, inner in value.items() for pair in flatten(f"{prefix}[{key}]", inner)]


def with_php_keys(value):
    """Return a nested value with keys as PHP files them."""
    return {to_key(key): with_php_keys(inner) for key, inner in value.items()} if isinstance(value, dict) else value


@given(st.dictionaries(STEMS, NESTED, max_size=4))
def test_nested_fields_come_back(fields):
    """Whatever is written with brackets is read back as it was nested."""
    pairs = [pair for name, value in fields.items() for pair in flatten(name, value)]

    assert parse_query(urlencode(pairs).encode()) == with_php_keys(fields)


@given(st.binary(max_size=60))
def test_any_bytes_are_read(raw):
    """No query string is refused, whatever it holds."""
    assert isinstance(parse_query(raw), dict)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a=1&a=2", {"a": "2"}),
        ("a[]=1&a[]=2", {"a": {0: "1", 1: "2"}}),
        ("a[5]=1&a[]=2", {"a": {5: "1", 6: "2"}}),
        ("a[x]=1&a=2", {"a": "2"}),
        ("a=2&a[x]=1", {"a": {"x": "1"}}),
        ("a.b=1&c d=2", {"a_b": "1", "c_d": "2"}),
        ("+a=1", {"a": "1"}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b[c=1", {"a_b_c": "1"}),
        ("a[b[c]=1", {"a": {"b[c": "1"}}),
        ("a[b]c=1", {"a": {"b": "1"}}),
        ("a[b][c=1", {"a": {"b": "1"}}),
        ("a[ ]=1", {"a": {0: "1"}}),
        ("a[01]=1", {"a": {"01": "1"}}),
        ("[a]=1&=2&&", {}),
        ("a", {"a": ""}),
        ("7=1", {7: "1"}),
        ("a=%zz%41+b", {"a": "%zzA b"}),
    ],
)
def test_names(raw, expected):
    """Brackets nest, blanks and dots become underscores, and what is not closed is flat."""
    assert parse_query(raw.encode()) == expected


def test_fields_beyond_the_limit_are_dropped():
    """A body keeps 1001 fields, a query string 1000, and nobody is told."""
    raw = "&".join(f"f{place}=x" for place in range(1200)).encode()

    counts = len(parse_body(URLENCODED, raw)), len(parse_query(raw))

    assert counts == (MAX_INPUT_VARS + 1, MAX_INPUT_VARS)


def test_deep_nesting_is_dropped():
    """A name with more than 64 brackets is not a field."""
    assert parse_query(b"a" + b"[x]" * 64 + b"=1&b=2") == {"b": "2"}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "application/x-www-form-urlencodedx"])
def test_other_bodies_have_no_fields(kind):
    """A body of any other type, JSON among them, has no fields."""
    assert parse_body(kind, b"a=1") == {}


def test_type_of_a_form_may_carry_a_charset():
    """The type is read without regard to case and to what follows it."""
    assert parse_body("Application/X-WWW-Form-Urlencoded; charset=utf-8", b"a=1") == {"a": "1"}


def test_multipart_fields():
    """Parts are fields like any other; files are not."""
    body = (
        b'--B\r\nContent-Disposition: form-data; name="a[x]"\r\n\r\n1\r\n2\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\nfile\r\n'
        b"--B\r\nContent-Disposition: form-data; name=b\r\n\r\n3\r\n--B--\r\n"
    )

    assert parse_body('multipart/form-data; boundary="B"', body) == {"a": {"x": "1\r\n2"}, "b": "3"}


def test_first_cookie_counts():
    """Of two cookies with one name the first counts."""
    assert parse_cookies(b"a=1; b=%41; a=2") == {"a": "1", "b": "A"}


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("", ""),
        ("b=2&a=1&b=3", "b=3&a=1"),
        ("a.b[x y][]=1&a.b[x y][]=~", "a_b%5Bx+y%5D%5B0%5D=1&a_b%5Bx+y%5D%5B1%5D=%7E"),
        ("n=-_.*!'()%C3%AB%26", "n=-_.%2A%21%27%28%29%C3%AB%26"),
        ("a=", "a="),
        ("p[0][id]=1&q=2&p[0][n]=3", "p%5B0%5D%5Bid%5D=1&p%5B0%5D%5Bn%5D=3&q=2"),
    ],
)
def test_fields_written_again(raw, written):
    """Fields are written in the order they are kept in, with numbers in empty brackets and nearly all signs encoded."""
    assert build_query(parse_query(raw.encode())) == written


def test_empty_arrays_are_not_written():
    """An array without members leaves no trace."""
    assert build_query({"a": {}, "b": {"c": {}, "d": "1"}}) == "b%5Bd%5D=1"
