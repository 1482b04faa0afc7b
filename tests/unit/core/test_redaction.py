"""Masking: nothing secret is shown, however it is nested or spelt, and the rest stays readable."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.redaction import MASK, Redactor, is_private, is_secret

SECRET = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=4, max_size=20)
LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=20)


def json_with(leaf: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """JSON of any shape over these leaves, which stand as names as well where they are text."""
    names = st.text(max_size=10) | leaf.filter(lambda one: isinstance(one, str))
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


def texts_in(value: object) -> list[str]:
    """Every text in a JSON value, names included; numbers as text."""
    match value:
        case dict():
            return [text for name, child in value.items() for text in (str(name), *texts_in(child))]
        case list():
            return [text for child in value for text in texts_in(child)]
        case None | bool():
            return []
        case _:
            return [str(value)]


@given(data=st.data(), secret=SECRET, around=st.text(max_size=5))
def test_a_secret_never_shows_in_json_of_any_shape(data: st.DataObject, secret: str, around: str):
    """Wherever a secret stands, as a value, as a name, within a longer text or as a number, it is masked."""
    value = data.draw(json_with(LEAF | st.just(secret) | st.just(around + secret + around)))

    masked = Redactor([secret]).mask(value)

    assert [text for text in texts_in(masked) if secret in text] == []


@given(secrets=st.lists(SECRET, max_size=4), text=st.text(max_size=40))
def test_several_secrets_do_not_uncover_one_another(secrets: list[str], text: str):
    """A secret that is part of another one is masked in both places."""
    given_text = text.join(secrets)

    masked = Redactor(secrets).mask_text(given_text)

    assert not any(secret in masked.split(MASK) for secret in secrets)


SPELLINGS = {
    "as it is": str,
    "in an address": lambda secret: quote(secret, safe=""),
    "in an address, lower case": lambda secret: quote(secret, safe="").lower() if secret.islower() else secret,
    "in an address, some marks kept": lambda secret: quote(secret, safe="!'()*~/:@"),
    "in a form": quote_plus,
    "in an address, twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "in HTML": html.escape,
    "in HTML as PHP writes it": lambda secret: html.escape(secret).replace("&#x27;", "&#039;"),
    "in HTML, twice": lambda secret: html.escape(html.escape(secret)),
    "in JSON": lambda secret: json.dumps(secret)[1:-1],
    "in JSON as PHP writes it": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "in JSON, letters kept": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "in Python": lambda secret: repr(secret)[1:-1] if "\\" not in secret else secret,
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize(
    "secret", ["plain-Key_1.2~3", "a b+c/d=e", "k&<y>'\"!", "pässwörd😀", "tab\tand\nline", "per%cent", "back\\slash/"]
)
def test_a_secret_is_found_however_it_is_spelt(secret: str, spell):
    """Encoded for an address, for HTML or for JSON, also twice, it is the same secret."""
    text = f"before {spell(secret)} after"

    assert Redactor([secret]).mask_text(text) == f"before {MASK} after"


@given(secret=SECRET)
def test_any_secret_is_found_in_addresses_html_and_json(secret: str):
    """The encodings of the standard library never hide a secret."""
    redactor = Redactor([secret])

    masked = [
        redactor.mask_text(encode(secret))
        for encode in (quote_plus, html.escape, lambda text: json.dumps(text)[1:-1], lambda text: quote(text, safe=""))
    ]

    assert masked == [MASK] * 4


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"key": "abc", "n": 1}, {"key": MASK, "n": 1}),
        ({"email": "", "phone": None, "vat": True}, {"email": "", "phone": None, "vat": True}),
        ({"payment_address": {"zone_id": 3, "rows": ["x"]}}, {"payment_address": {"zone_id": MASK, "rows": [MASK]}}),
        ([{"api_token": "t"}], [{"api_token": MASK}]),
        ({"firstname": 7}, {"firstname": MASK}),
        (({"city": "Rome"},), [{"city": MASK}]),
        ("text", "text"),
        (1.5, 1.5),
    ],
)
def test_names_mask_their_values_and_shape_is_kept(value: object, masked: object):
    """A private name masks every leaf below it; empty values, truths and the shape stay."""
    assert Redactor().mask(value) == masked


@pytest.mark.parametrize(
    "name",
    [
        *["key", "api_key", "apiKey", "X-Api-Key", "accessToken", "refresh_token", "client.secret", "PHPSESSID"],
        *["Authorization", "Set-Cookie", "passwords", "sessionId"],
    ],
)
def test_names_of_credentials(name: str):
    """Written with underscores, dashes, dots or humps, singular or plural."""
    assert is_secret(name)
    assert is_private(name)


@pytest.mark.parametrize(
    "name",
    [
        *["email", "mail", "customerEmail", "first_name", "firstName", "telephone", "phoneNumber", "shipping-address"],
        *["address_1", "addressLine1", "postcode", "zip_code", "dateOfBirth", "ip", "billing.city"],
    ],
)
def test_names_of_what_is_personal(name: str):
    """Fields that speak of a person, as shops and other systems call them."""
    assert is_private(name)
    assert not is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["order_id", "customer_id", "keyboard", "monkey", "recipe", "status", "name", "description", "emailed", "cost"],
)
def test_other_names_stay(name: str):
    """What only looks alike is shown."""
    assert not is_private(name)


def test_flat_fields_are_judged_by_every_part_of_their_names():
    """`customer[firstname]` is private by either part; the name itself may hold a secret too."""
    redactor = Redactor(["s3cret"])

    masked = redactor.mask_pairs([("option[226]", "15"), ("address[zone]", "1"), ("x[s3cret]", "s3cret!"), ("key", "")])

    assert masked == {"option[226]": "15", "address[zone]": MASK, f"x[{MASK}]": f"{MASK}!", "key": ""}


def test_short_values_are_no_secrets():
    """A key of three letters would hide half of every text."""
    assert Redactor(["abc", ""]).mask_text("abc") == "abc"


def test_what_is_nested_too_deep_is_not_shown():
    """An answer with a thousand levels, which JSON readers take, is cut and breaks nothing."""
    value: object = "s3cret"
    for _ in range(1000):
        value = [value]

    masked = Redactor(["s3cret"]).mask(value)

    assert "s3cret" not in repr(masked)
    assert "…" in repr(masked)


def test_a_value_that_is_no_json_is_masked_by_its_text():
    """An exception among the facts of a log line does not give away what it says."""
    assert Redactor(["s3cret"]).mask({"reason": ValueError("no s3cret")}) == {"reason": f"no {MASK}"}


def test_tokens_of_log_ins_are_forgotten_in_the_end_and_keys_never():
    """Ten thousand log-ins leave a bounded memory; what the configuration says stays masked."""
    redactor = Redactor(["the-key"])

    for number in range(10_000):
        redactor.learn(f"token-{number}-end")

    assert redactor.mask_text("the-key token-9999-end token-9500-end") == f"{MASK} {MASK} {MASK}"
    assert redactor.mask_text("token-1-end") == "token-1-end"
    assert repr(redactor) == "Redactor(513 secrets)"


def test_what_was_learnt_and_is_kept_stays():
    """A key that a log-in echoes is not forgotten with the tokens."""
    redactor = Redactor(["the-key"])
    redactor.learn("the-key")

    for number in range(600):
        redactor.learn(f"token-{number}-end")

    assert redactor.mask_text("the-key") == MASK
