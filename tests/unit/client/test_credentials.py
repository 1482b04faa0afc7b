"""Credentials of clients, as they are written."""

from typing import Any

import pytest
from pydantic import ValidationError

from connector.client.options import GenericOptions, OpenCartOptions

URL = "http://shop.test/"


def shop(text: str) -> Any:
    """A shop with this key."""
    return OpenCartOptions.model_validate({"connector": "opencart", "base_url": URL, "key": text})


def api(auth: dict[str, Any]) -> Any:
    """An API that is shown this."""
    return GenericOptions.model_validate({"connector": "http", "base_url": URL, "auth": auth})


WAYS = {
    "key": shop,
    "bearer": lambda text: api({"bearer": text}),
    "header": lambda text: api({"header": {"name": "X-Key", "value": text}}),
    "query": lambda text: api({"query": {"name": "key", "value": text}}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_credential_is_refused(way: str, text: str):
    """A variable that is set but empty does not pass for a credential."""
    with pytest.raises(ValidationError, match="the credential is empty"):
        WAYS[way](text)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", ["abcd1234\n", "abcd\r1234"])
def test_a_line_break_in_a_credential_is_refused_without_showing_it(way: str, text: str):
    """The second line break at the end of a key file is told, since no remote system would take it."""
    with pytest.raises(ValidationError, match="a line break stands in the credential") as caught:
        WAYS[way](text)

    assert "abcd" not in str(caught.value)


def test_an_empty_password_is_taken():
    """Many APIs take a token as the user, and no password."""
    options = api({"basic": {"username": "token", "password": ""}})

    assert options.auth.basic.password.get_secret_value() == ""
