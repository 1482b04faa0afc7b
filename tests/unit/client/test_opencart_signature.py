"""The signature of OpenCart 4.1, and the form as the shop writes it again."""

import base64
import hashlib
import hmac
import re
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.form import flatten
from connector.client.opencart.signature import canonicalise, clean, sign

KEY = "opencart-signature-test-vector-key"
COMMON = {"key": KEY, "route": "api/order", "username": "vector", "store_id": 0, "language": "en-gb"}
TIME = 1795326775

VECTORS = {
    "A": (
        (("product[0][product_id]", "40"), ("product[0][quantity]", "2")),
        {"call": "cart", "host": "shop.example.com", "path": "/", "currency": "USD"},
        "product%5B0%5D%5Bproduct_id%5D=40&product%5B0%5D%5Bquantity%5D=2",
        "89b30d2c07464cac82ca77c57f91b269",
        "HRkvhmi99r41dtxP9zrh8suVgbc=",
    ),
    "B": (
        (),
        {"call": "cart", "host": "shop.example.com", "path": "/", "currency": "USD"},
        "",
        "d41d8cd98f00b204e9800998ecf8427e",
        "mTlSTg6/6iLgEe1d0qWYkxr6V1g=",
    ),
    "C": (
        (
            ("customer_id", "0"),
            ("customer_group_id", "1"),
            ("firstname", ' Zoë & "Co" <x> '),
            ("lastname", "O'Neil~"),
            ("email", "zoe+shop@example.com"),
            ("telephone", ""),
        ),
        {"call": "customer", "host": "shop.example.com", "path": "/", "currency": "EUR"},
        (
            "customer_id=0&customer_group_id=1"
            "&firstname=Zo%C3%AB+%26amp%3B+%26quot%3BCo%26quot%3B+%26lt%3Bx%26gt%3B"
            "&lastname=O%27Neil%7E&email=zoe%2Bshop%40example.com&telephone="
        ),
        "87b6f77d44782d498a18369ca38bfbda",
        "W4MDV49FMkf6GnCDPRQA2ghHtmQ=",
    ),
    "D": (
        (
            ("product[0][product_id]", "42"),
            ("product[0][quantity]", "2"),
            ("product[0][option][223][]", "8"),
            ("product[0][option][223][]", "9"),
            ("firstname", "A.B"),
            ("product[0][option][208]", "x y"),
        ),
        {"call": "cart", "host": "shop.example.com:8041", "path": "/shop/", "currency": "USD"},
        (
            "product%5B0%5D%5Bproduct_id%5D=42&product%5B0%5D%5Bquantity%5D=2"
            "&product%5B0%5D%5Boption%5D%5B223%5D%5B0%5D=8&product%5B0%5D%5Boption%5D%5B223%5D%5B1%5D=9"
            "&product%5B0%5D%5Boption%5D%5B208%5D=x+y&firstname=A.B"
        ),
        "842ab299a713e5200f41e67f2e41f85c",
        "3txsWhEWbCf87nmtD3hk6iA5MYA=",
    ),
}
"""Verified on a running 4.1.0.4: form, what is signed beside it, the form as hashed, its MD5, the signature."""


@pytest.mark.parametrize(("form", "facts", "written", "md5", "signature"), VECTORS.values(), ids=VECTORS)
def test_vectors_of_a_running_shop(form, facts, written, md5, signature):
    """Each form that a real shop accepted is written, hashed and signed as it was then."""
    assert canonicalise(form) == written
    assert hashlib.md5(canonicalise(form).encode()).hexdigest() == md5
    assert sign(form, **COMMON, **facts, time=TIME) == signature


def test_the_ten_lines_are_signed():
    """Every line ends with a line feed, the last one too, and the key never stands among them."""
    lines = (
        "api/order\ncart\nvector\nshop.example.com\n/\n0\nen-gb\nUSD\n89b30d2c07464cac82ca77c57f91b269\n1795326775\n"
    )
    expected = base64.b64encode(hmac.new(KEY.encode(), lines.encode(), hashlib.sha1).digest()).decode()
    form, facts, *_ = VECTORS["A"]

    assert sign(form, **COMMON, **facts, time=TIME) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"route": "api/subscription"},
        {"call": "confirm"},
        {"username": "Vector"},
        {"host": "shop.example.com:8080"},
        {"path": "/shop/"},
        {"store_id": 1},
        {"language": "de-de"},
        {"currency": ""},
        {"time": TIME + 1},
        {"key": "another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_fact_counts(change):
    """A change of any fact gives another signature."""
    form, facts, *_, signature = VECTORS["A"]

    assert sign(form, **(COMMON | facts | {"time": TIME} | change)) != signature


def test_facts_are_cleaned_as_the_shop_keeps_them():
    """The shop stores user and key escaped, and cleans what comes in the query, so both are signed that way."""
    _, facts, *_ = VECTORS["B"]
    typed = sign((), **(COMMON | facts | {"time": TIME, "username": "Tom & Co", "key": 'a"b', "language": " en-gb "}))
    stored = COMMON | facts | {"time": TIME, "username": "Tom &amp; Co", "key": "a&quot;b", "language": "en-gb"}
    lines = "\n".join(
        [
            stored["route"],
            stored["call"],
            stored["username"],
            stored["host"],
            stored["path"],
            "0",
            stored["language"],
            stored["currency"],
            "d41d8cd98f00b204e9800998ecf8427e",
            str(TIME),
            "",
        ]
    )

    assert typed == base64.b64encode(hmac.digest(stored["key"].encode(), lines.encode(), "sha1")).decode()


@pytest.mark.parametrize(
    ("form", "written"),
    [
        # Values
        ([("a", " \t\r\n\v\0x y\0 ")], "a=x+y"),
        ([("a", "&amp;")], "a=%26amp%3Bamp%3B"),
        ([("a", "it's")], "a=it%27s"),
        ([("a", "~-_.")], "a=%7E-_."),
        ([("a", "\N{NO-BREAK SPACE}x\f")], "a=%C2%A0x%0C"),
        ([("a", "")], "a="),
        ([("a", "中😀")], "a=%E4%B8%AD%F0%9F%98%80"),
        # Names
        ([("a.b c", "1")], "a_b_c=1"),
        ([("  a", "1")], "a=1"),
        ([(".a", "1")], "_a=1"),
        ([("a\0b", "1")], "a=1"),
        ([("", "1"), ("   ", "2"), ("[a]", "3"), ("\0", "4")], ""),
        ([("a]", "1")], "a%5D=1"),
        ([("a[b.c d]", "1")], "a%5Bb.c+d%5D=1"),
        ([("a[ b ]", "1")], "a%5Bb%5D=1"),
        ([("a[<b>]", "1")], "a%5B%26lt%3Bb%26gt%3B%5D=1"),
        ([("a[b]c", "1"), ("a[d]x[e]", "2")], "a%5Bb%5D=1&a%5Bd%5D=2"),
        ([("a[b", "1"), ("c[d.e[f", "2"), ("g[", "3")], "a_b=1&c_d_e_f=2&g_=3"),
        ([("a[b][c", "1")], "a%5Bb%5D=1"),
        ([("a[[b]", "1"), ("a[b[c]]", "2")], "a%5B%5Bb%5D=1&a%5Bb%5Bc%5D=2"),
        # Lists
        ([("a[]", "1"), ("a[5]", "2"), ("a[]", "3")], "a%5B0%5D=1&a%5B5%5D=2&a%5B6%5D=3"),
        ([("a[ ]", "1"), ("a[\t]", "2")], "a%5B0%5D=1&a%5B1%5D=2"),
        ([("a[08]", "1"), ("a[]", "2")], "a%5B08%5D=1&a%5B0%5D=2"),
        ([("a[9223372036854775807]", "1"), ("a[]", "2")], "a%5B9223372036854775807%5D=1"),
        ([("a[][b]", "1"), ("a[][b]", "2")], "a%5B0%5D%5Bb%5D=1&a%5B1%5D%5Bb%5D=2"),
        # Equal names
        ([("a", "1"), ("b", "2"), ("a", "3")], "a=3&b=2"),
        ([("a[x]", "1"), ("b", "2"), ("a[y]", "3")], "a%5Bx%5D=1&a%5By%5D=3&b=2"),
        ([("a", "1"), ("a[b]", "2")], "a%5Bb%5D=2"),
        ([("a[b]", "2"), ("a", "1")], "a=1"),
        ([("a[b ]", "1"), ("a[c]", "2"), ("a[b]", "3")], "a%5Bc%5D=2&a%5Bb%5D=3"),
        # Nesting
        ([("a" + "[b]" * 64, "1")], "a" + "%5Bb%5D" * 64 + "=1"),
        ([("a" + "[b]" * 65, "1")], ""),
    ],
)
def test_a_form_is_read_as_php_reads_it(form, written):
    """Names, lists and values come out as PHP's own functions give them."""
    assert canonicalise(form) == written


# An independent second opinion: PHP's rules by regular expressions, on lists of pairs in place of trees.

keys = st.one_of(
    st.sampled_from(
        ["product", "option", "0", "1", "223", "firstname", "a", "b", "a b", "a.b", "b ", " b", "&", "x~y"]
    ),
    st.text("ab01.& \"<>'~é", min_size=1, max_size=4),
)
names = st.builds(
    lambda head, rest: head + "".join(f"[{key}]" for key in rest),
    keys.filter(str.strip),
    st.lists(keys.filter(str.strip) | st.just(""), max_size=3),
)
values = st.text("ab &<>\"'~+=%\t\n\r\v\0é中😀.-_/", max_size=6) | st.text(max_size=4)
forms = st.lists(st.tuples(names, values), max_size=6)


def escape(text):
    """Return `htmlspecialchars` and `trim` of a text."""
    entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    return re.sub(r"\A[ \t\n\r\v\0]+|[ \t\n\r\v\0]+\Z", "", re.sub(r'[&<>"]', lambda match: entities[match[0]], text))


def rewrite(form):
    """Return a form as the shop writes it again, by the rules in the vendor's words."""
    leaves = []  # [path, value] in PHP's order
    for name, value in form:
        head, inner = re.fullmatch(r" *([^\[]*)((?:\[[^\[\]]*\])*)", name, re.DOTALL).groups()
        path = [re.sub(r"[. ]", "_", head)]
        for key in re.findall(r"\[([^\]]*)\]", inner):
            taken = [
                int(other[len(path)])
                for other, _ in leaves
                if other[: len(path)] == path
                and len(other) > len(path)
                and re.fullmatch(r"0|[1-9]\d*", other[len(path)])
            ]
            path.append(str(max(taken, default=-1) + 1) if key in {"", " "} else key)
        put(leaves, path, value)
    return "&".join(
        urllib.parse.urlencode([(path[0] + "".join(f"[{key}]" for key in path[1:]), value)]).replace("~", "%7E")
        for path, value in tidy(leaves)
    )


def put(leaves, path, value):
    """Set a leaf: in the place of one of the same path, of what stood below it or above it, else behind its kin."""
    same = [at for at, (other, _) in enumerate(leaves) if other[: len(path)] == path or path[: len(other)] == other]
    if same:
        at = same[0]
        keep = [leaf for leaf in leaves if leaf[0][: len(path)] != path and path[: len(leaf[0])] != leaf[0]]
        before = sum(1 for leaf in leaves[:at] if leaf in keep)
        leaves[:] = [*keep[:before], [path, value], *keep[before:]]
        return
    for depth in range(len(path) - 1, 0, -1):
        kin = [at for at, (other, _) in enumerate(leaves) if other[:depth] == path[:depth]]
        if kin:
            leaves.insert(kin[-1] + 1, [path, value])
            return
    leaves.append([path, value])


def tidy(leaves):
    """Return the leaves with keys and values cleaned; of keys that become one, the later is kept, at its own place."""
    cleaned = [[[escape(key) for key in path], escape(value)] for path, value in leaves]
    assert len({tuple(path) for path, _ in cleaned}) == len(cleaned), "the strategy makes no such keys"
    return cleaned


def collides(form):
    """Whether two different keys of a form become one when they are cleaned: PHP's own order is a table above."""
    split = [re.findall(r"[^\[\]]+", name) for name, _ in form]
    inner = {key for keys in split for key in keys[1:]}
    heads = {re.sub(r"[. ]", "_", keys[0].lstrip(" ")) for keys in split}
    return len({escape(key) for key in inner}) < len(inner) or len({escape(key) for key in heads}) < len(heads)


@given(forms.filter(lambda form: not collides(form)))
def test_a_form_is_written_as_a_second_implementation_writes_it(form):
    """Two implementations that share no code agree on every form."""
    assert canonicalise(form) == rewrite(form)


@given(
    st.dictionaries(
        st.sampled_from(["firstname", "comment", "product", "option"]),
        st.recursive(
            st.text('a &<"~é', max_size=5),
            lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(["0", "223", "x"]), child),
            max_leaves=6,
        ),
    )
)
def test_a_payload_is_signed_as_it_is_written(payload):
    """What the client's own forms look like is in PHP's order already: only text changes, never the sequence."""
    form = flatten(payload)

    written = canonicalise(form)

    names = [urllib.parse.unquote_plus(pair.partition("=")[0]) for pair in written.split("&") if pair]
    assert names == [name for name, _ in form]


@given(st.text(max_size=20))
def test_a_cleaned_text_has_no_blanks_at_its_ends_and_no_markup(text):
    """What the shop keeps cannot open a tag or leave a quoted attribute."""
    cleaned = clean(text)

    assert cleaned == cleaned.strip(" \n\r\t\v\0")
    assert not set('<>"') & set(cleaned)
