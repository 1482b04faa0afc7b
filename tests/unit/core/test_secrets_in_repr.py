"""Nothing secret shows in `repr` or `str` of what holds secrets."""

from __future__ import annotations

import pytest

from connector.client.generic import GenericHttp, StaticAuth, build_generic
from connector.client.options import GenericOptions, OpenCartOptions
from connector.config.options import collect_secrets
from connector.interfaces import Credential, SessionState
from connector.redaction import Redactor
from connector.request import Request, Response

SECRET = "s3cret-value"


def opencart() -> OpenCartOptions:
    """Options with a key."""
    return OpenCartOptions.model_validate({"connector": "opencart", "base_url": "http://h/", "key": SECRET})


def generic(auth: dict) -> GenericOptions:
    """Options with a credential."""
    return GenericOptions.model_validate({"connector": "http", "base_url": "http://h/", "auth": auth})


AUTHS = {
    "header": {"header": {"name": "X-Code", "value": SECRET}},
    "query": {"query": {"name": "code", "value": SECRET}},
    "bearer": {"bearer": SECRET},
    "basic": {"basic": {"username": "ann", "password": SECRET}},
}


@pytest.mark.parametrize(
    "holder",
    [
        Credential("ann", SECRET),
        SessionState(query={"api_token": SECRET}, headers={"authorization": SECRET}, cookies={"sid": SECRET}),
        StaticAuth.from_bearer(SECRET),
        StaticAuth.from_query("code", SECRET),
        GenericHttp(auth=StaticAuth.from_bearer(SECRET)),
        Redactor([SECRET]),
        Request("POST", "http://h/", (("token", SECRET),), {"a": SECRET}, SECRET.encode(), (("key", SECRET),), SECRET),
        Response(200, {"set-cookie": SECRET}, SECRET.encode(), {"sid": SECRET}),
        opencart(),
        *(generic(auth) for auth in AUTHS.values()),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_a_holder_does_not_show_its_secret(holder: object):
    """Neither by `repr` nor by `str`."""
    assert SECRET not in repr(holder)
    assert SECRET not in str(holder)


@pytest.mark.parametrize("auth", AUTHS.values(), ids=AUTHS)
def test_every_credential_of_a_client_can_be_collected(auth: dict):
    """Whatever kind of credential it is, a redactor can be told."""
    assert collect_secrets(generic(auth)) == (SECRET,)


def test_a_dialect_built_from_options_holds_what_it_sends_to_itself():
    """The dialect of a plain client has the credential, and does not show it."""
    dialect, credential = build_generic(generic(AUTHS["bearer"]))

    assert SECRET not in f"{dialect!r} {dialect} {credential!r}"
