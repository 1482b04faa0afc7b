"""Payloads as people type them."""

from __future__ import annotations

import pytest

from connector.cli.arguments import parse_data, parse_payload, parse_step
from connector.cli.exits import ArgumentError


@pytest.mark.parametrize(
    ("words", "payload"),
    [
        ([], {}),
        (["coupon=2222"], {"coupon": "2222"}),
        (["comment="], {"comment": ""}),
        (["comment=a=b:=c"], {"comment": "a=b:=c"}),
        (["comment=two\nlines"], {"comment": "two\nlines"}),
        (
            ["telephone=+31612345678", "zip=007", "country=NO"],
            {"telephone": "+31612345678", "zip": "007", "country": "NO"},
        ),
        (["quantity:=2", "notify:=true", "note:=null"], {"quantity": 2, "notify": True, "note": None}),
        (['option:={"226": 15}'], {"option": {"226": 15}}),
        (["option[226]=15", "option[227]=x"], {"option": {"226": "15", "227": "x"}}),
        (["a[b][c]=1", "a[b][d]:=2"], {"a": {"b": {"c": "1", "d": 2}}}),
        (["p[0][id]=40", "p[1][id]=31"], {"p": [{"id": "40"}, {"id": "31"}]}),
        (["tags[]=a", "tags[]=b"], {"tags": ["a", "b"]}),
        (["p[1]=a", "p[2]=b"], {"p": {"1": "a", "2": "b"}}),
        (["order id=5"], {"order id": "5"}),
    ],
)
def test_assignments(words, payload):
    """Names nest by brackets, values are text unless `:=` says JSON, and names that count from 0 make a list."""
    assert parse_payload(words) == payload


def test_assignments_go_over_data():
    """Fields are put over what `--data` gives, also into its nested parts and lists."""
    data = {"coupon": "1", "option": {"226": 15}, "tags": ["a"]}

    payload = parse_payload(["coupon=2", "option[227]=x", "tags[1]=b"], data)

    assert payload == {"coupon": "2", "option": {"226": 15, "227": "x"}, "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2222"], "'2222' is no field of a payload"),
        (["=2222"], "'=2222' is no field of a payload"),
        (["a[b=1"], "'a[b=1' is no field of a payload"),
        (["a[b]c=1"], "'a[b]c=1' is no field of a payload"),
        (["a=1", "a=2"], "a is given twice"),
        (["a[b]=1", "a[b]=2"], "a[b] is given twice"),
        (["a=1", "a[b]=2"], "'a[b]=2' contradicts an earlier field: a is a value"),
        (["a[b]=1", "a=2"], "'a=2' contradicts an earlier field: a has fields of its own"),
        (["a:=x"], "a:= is not JSON"),
        (["a[b]:=[1,"], "a[b]:= is not JSON"),
    ],
)
def test_words_that_are_no_assignment(words, message):
    """What cannot be read, or says two things, is refused by name."""
    with pytest.raises(ArgumentError) as caught:
        parse_payload(words)

    assert caught.value.message.startswith(message)


def test_step():
    """A step is written as on a command line, quotes included."""
    assert parse_step("cart.add product_id=40 option[226]='deep red'") == (
        "cart.add",
        {"product_id": "40", "option": {"226": "deep red"}},
    )


def test_step_by_title():
    """A title stands in quotes, since it has blanks."""
    assert parse_step('"Cart - Add product" product_id=40') == ("Cart - Add product", {"product_id": "40"})


@pytest.mark.parametrize("text", ["", "  ", "cart.add 'x", "cart.add x"])
def test_steps_that_cannot_be_read(text):
    """Nothing, quotes that do not match, and words that are no assignment are refused."""
    with pytest.raises(ArgumentError):
        parse_step(text)


def test_data(tmp_path):
    """An object comes in place or from a file."""
    (tmp_path / "payload.json").write_text('{"a": "é"}', encoding="utf-8")

    assert parse_data(None) == {}
    assert parse_data('{"a": 1}') == {"a": 1}
    assert parse_data(f"@{tmp_path / 'payload.json'}") == {"a": "é"}


@pytest.mark.parametrize("text", ["", "[]", "1", "{", "@/nowhere/at/all.json", "\udce9"])
def test_data_that_cannot_be_used(text):
    """Whatever gives no object is refused."""
    with pytest.raises(ArgumentError):
        parse_data(text)
