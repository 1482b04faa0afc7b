"""The signatures that recordings of 4.1 are replayed with, against those a real shop took."""

from urllib.parse import parse_qs

import pytest

from tests.conformance.signing import Manner, Signer, read_manner

QUERY = {
    "route": "api/order",
    "call": "cart",
    "username": "Vector",
    "store_id": "0",
    "language": "en-gb",
    "currency": "USD",
    "time": "1795326775",
}
KEYS = {"vector": "opencart-signature-test-vector-key"}
BUYER = [
    ("customer_id", "0"),
    ("customer_group_id", "1"),
    ("firstname", ' Zoë & "Co" <x> '),
    ("lastname", "O'Neil~"),
    ("email", "zoe+shop@example.com"),
    ("telephone", ""),
]
CHOICES = [
    ("product[0][product_id]", "42"),
    ("product[0][quantity]", "2"),
    ("product[0][option][223][]", "8"),
    ("product[0][option][223][]", "9"),
    ("firstname", "A.B"),
    ("product[0][option][208]", "x y"),
]


@pytest.mark.parametrize(
    ("host", "path", "query", "form", "signature"),
    [
        (
            "shop.example.com",
            "/",
            {},
            [("product[0][product_id]", "40"), ("product[0][quantity]", "2")],
            "HRkvhmi99r41dtxP9zrh8suVgbc=",
        ),
        ("shop.example.com", "/", {}, [], "mTlSTg6/6iLgEe1d0qWYkxr6V1g="),
        ("shop.example.com", "/", {"call": "customer", "currency": "EUR"}, BUYER, "W4MDV49FMkf6GnCDPRQA2ghHtmQ="),
        ("shop.example.com:8041", "/shop/", {}, CHOICES, "3txsWhEWbCf87nmtD3hk6iA5MYA="),
    ],
)
def test_signature(host, path, query, form, signature):
    """A form is signed as the shop keeps it, nested and cleaned; the name as the shop has it."""
    assert Signer(host, KEYS).sign({**QUERY, **query}, form, Manner(path=path)) == signature


@pytest.mark.parametrize(
    ("note", "manner"),
    [
        ("", Manner()),
        ("Empty form: md5 of the empty string is signed.", Manner()),
        ("Signature with a + in it sent without percent-encoding", Manner(encoding="bare")),
        ("Signature percent-encoded twice", Manner(encoding="twice")),
        ("signed over the plain bytes that were sent: refused.", Manner(is_plain=True)),
        ("Form changed after signing.", Manner(form=(("changed", "after signing"),))),
        ("Wrong signature. Every failure is the same.", Manner(is_spoilt=True)),
        ("The identical signed request again", Manner(is_again=True)),
    ],
)
def test_manner(note, manner):
    """The note beside a request tells how it was signed; one that speaks of other things means properly."""
    assert read_manner(note) == manner


def test_query_string():
    """Time and signature are filled in, the signature in per cent; the same request again is the same to the letter."""
    signer = Signer("shop.example.com", KEYS)
    fields = [*QUERY.items(), ("signature", "{SIGNATURE}")]

    written = signer.write_query(fields, [], Manner())

    assert parse_qs(written)["signature"] == ["mTlSTg6/6iLgEe1d0qWYkxr6V1g="]
    assert signer.write_query([], [], Manner(is_again=True)) == written


def test_bare_signature_has_a_plus_sign():
    """What is to arrive as a space is there: the time is chosen so."""
    fields = [*QUERY.items(), ("time", "{TIME}"), ("signature", "{SIGNATURE}")]

    written = Signer("shop.example.com", KEYS).write_query(fields, [], Manner(encoding="bare"))

    assert "+" in written.partition("signature=")[2]
