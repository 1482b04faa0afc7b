"""Who may send."""

from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import AccessError
from connector.webhook.sender import Replays, check_address, read_time_ms
from tests.webhook.stage import NOW_MS, call, compile_it, find_faults

SECRET = "a-shared-secret"
NOW = NOW_MS // 1000


def sign(text: bytes, *, secret: bytes = SECRET.encode(), algorithm: str = "sha256") -> bytes:
    """Return the signature of a text."""
    return hmac.new(secret, text, algorithm).digest()


def hmac_auth(**more: object) -> dict[str, object]:
    """Return what is written under `auth`."""
    return {"hmac": {"header": "X-Signature", "secret": SECRET, **more}}


DATED = {"timestamp": {"header": "X-Timestamp", "tolerance": "5m"}}

STYLES = {
    "a prefix and hexadecimal digits": (
        hmac_auth(prefix="sha256="),
        lambda body: {"X_Signature": f"sha256={sign(body).hex()}"},
    ),
    "base64": (
        hmac_auth(encoding="base64"),
        lambda body: {"X_Signature": base64.b64encode(sign(body)).decode()},
    ),
    "sha512": (
        hmac_auth(algorithm="sha512"),
        lambda body: {"X_Signature": sign(body, algorithm="sha512").hex()},
    ),
    "sha1": (hmac_auth(algorithm="sha1"), lambda body: {"X_Signature": sign(body, algorithm="sha1").hex()}),
    "capital digits": (hmac_auth(), lambda body: {"X_Signature": sign(body).hex().upper()}),
    "a time in a header of its own": (
        hmac_auth(**DATED),
        lambda body: {"X_Signature": sign(b"%d." % NOW + body).hex(), "X_Timestamp": str(NOW)},
    ),
    "time and signatures in one header": (
        hmac_auth(field="v1", timestamp={"header": "X-Signature", "field": "t"}),
        lambda body: {"X_Signature": f"t={NOW},v1={'0' * 64},v1={sign(b'%d.' % NOW + body).hex()},v0=x"},
    ),
    "a text of its own around time and body": (
        hmac_auth(prefix="v0=", signed="v0:{timestamp}:{body}", **DATED),
        lambda body: {"X_Signature": f"v0={sign(b'v0:%d:' % NOW + body).hex()}", "X_Timestamp": str(NOW)},
    ),
    "method and path": (
        hmac_auth(signed="{method} {path} {body}"),
        lambda body: {"X_Signature": sign(b"POST /hooks/orders " + body).hex()},
    ),
    "several signatures with a space in between": (
        hmac_auth(encoding="base64", prefix="v1,"),
        lambda body: {"X_Signature": f"v1,AAAA v1,{base64.b64encode(sign(body)).decode()}"},
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_good_signature_is_taken(style: str) -> None:
    """Whatever the sender's way of writing it is."""
    auth, make = STYLES[style]
    body = b'{"id": 1}'

    delivered = compile_it(auth=auth).read(call(**make(body)), body, now_ms=NOW_MS)

    assert delivered.records == [{"id": 1}]


@pytest.mark.parametrize("style", STYLES)
def test_a_signature_of_another_body_is_refused(style: str) -> None:
    """One byte is enough."""
    auth, make = STYLES[style]

    with pytest.raises(AccessError) as refused:
        compile_it(auth=auth).read(call(**make(b'{"id": 1}')), b'{"id": 2}', now_ms=NOW_MS)

    assert refused.value.status == 401


def test_a_time_that_was_changed_is_refused() -> None:
    """The time is signed with the body, so that an old request cannot be made new."""
    body = b'{"id": 1}'
    old = NOW - 3600
    headers = {"X_Signature": sign(b"%d." % old + body).hex(), "X_Timestamp": str(NOW)}

    with pytest.raises(AccessError, match="does not fit"):
        compile_it(auth=hmac_auth(**DATED)).read(call(**headers), body, now_ms=NOW_MS)


@pytest.mark.parametrize("distance_s", [-301, 301, 86_400])
def test_a_time_too_far_from_ours_is_refused(distance_s: int) -> None:
    """To either side, and the message says how far."""
    body, at = b'{"id": 1}', NOW + distance_s
    headers = {"X_Signature": sign(b"%d." % at + body).hex(), "X_Timestamp": str(at)}

    with pytest.raises(AccessError, match=f"{abs(distance_s):,} seconds") as refused:
        compile_it(auth=hmac_auth(**DATED)).read(call(**headers), body, now_ms=NOW_MS)

    assert refused.value.status == 401


@pytest.mark.parametrize("distance_s", [-300, 0, 300])
def test_a_time_near_ours_is_taken(distance_s: int) -> None:
    """Clocks differ."""
    body, at = b'{"id": 1}', NOW + distance_s
    headers = {"X_Signature": sign(b"%d." % at + body).hex(), "X_Timestamp": str(at)}

    delivered = compile_it(auth=hmac_auth(**DATED)).read(call(**headers), body, now_ms=NOW_MS)

    assert delivered.proof.is_dated


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1800000000", NOW_MS),
        ("1800000000000", NOW_MS),
        ("2027-01-15T08:00:00Z", NOW_MS),
        ("2027-01-15T09:00:00+01:00", NOW_MS),
        ("2027-01-15T08:00:00", NOW_MS),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("١٢٣", None),
        ("9" * 17, None),
    ],
)
def test_a_time_is_read_as_it_is_written(text: str, at_ms: int | None) -> None:
    """Seconds, milliseconds or ISO 8601; anything else is no time."""
    assert read_time_ms(text) == at_ms


@pytest.mark.parametrize("secret", ["the-old-one", "the-new-one"])
def test_two_secrets_hold_while_one_is_changed(secret: str) -> None:
    """Either is good."""
    plan = compile_it(auth={"hmac": {"header": "X-Signature", "secret": ["the-old-one", "the-new-one"]}})
    headers = {"X_Signature": sign(b"{}", secret=secret.encode()).hex()}

    assert plan.read(call(**headers), b"{}", now_ms=NOW_MS).records == [{}]


@pytest.mark.parametrize(
    ("kind", "written"), [("hex", b"\x01\xfe\x80".hex()), ("base64", base64.b64encode(b"\x01\xfe\x80").decode())]
)
def test_a_secret_may_be_written_bytes(kind: str, written: str) -> None:
    """Its bytes are what signs, not its letters."""
    plan = compile_it(auth={"hmac": {"header": "X-Signature", "secret": written, "key": kind}})
    headers = {"X_Signature": sign(b"{}", secret=b"\x01\xfe\x80").hex()}

    assert plan.read(call(**headers), b"{}", now_ms=NOW_MS).records == [{}]


TOKENS = {
    "bearer": ({"bearer": {"token": ["one-token", "two-token"]}}, "Authorization", "Bearer two-token"),
    "bearer in any case": ({"bearer": {"token": "one-token"}}, "Authorization", "bearer one-token"),
    "basic": (
        {"basic": {"username": "ann", "password": "pass:word"}},
        "Authorization",
        f"Basic {base64.b64encode(b'ann:pass:word').decode()}",
    ),
    "header": ({"header": {"name": "X-Secret", "value": "häll-o"}}, "X-Secret", "häll-o"),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_a_good_secret_is_let_in(kind: str) -> None:
    """Before any of the body is read."""
    auth, header, value = TOKENS[kind]

    compile_it(auth=auth).admit(call(**{header: value}), now_ms=NOW_MS)


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("change", ["", " ", "x", None, "\udcff"])
def test_a_wrong_secret_is_refused(kind: str, change: str | None) -> None:
    """Whether it is missing, cut, or longer."""
    auth, header, value = TOKENS[kind]
    shown = {} if change is None else {header: change and value + change.replace(" ", " x")}

    with pytest.raises(AccessError) as refused:
        compile_it(auth=auth).admit(call(**shown), now_ms=NOW_MS)

    assert refused.value.status == 401
    assert ("WWW-Authenticate" in refused.value.headers) == (header == "Authorization")


@given(st.text(max_size=80), st.text(max_size=40), st.binary(max_size=40))
def test_no_header_gets_past_a_signature(signature: str, time: str, body: bytes) -> None:
    """Whatever it holds, it is refused as what it is and nothing else is raised."""
    for auth in (
        hmac_auth(**DATED),
        hmac_auth(encoding="base64"),
        hmac_auth(field="v1", timestamp={"header": "X-Signature", "field": "t"}),
    ):
        with pytest.raises(AccessError):
            compile_it(auth=auth).read(call(X_Signature=signature, X_Timestamp=time), body, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("address", "is_in"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("203.0.114.7", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_addresses_of_the_networks_may_send(address: str, *, is_in: bool) -> None:
    """And no others, whichever way an address is written."""
    networks = compile_it(allow=["203.0.113.0/24", "2001:db8::/32"]).networks

    try:
        check_address(address, networks)
    except AccessError as refused:
        assert (is_in, refused.status) == (False, 403)  # noqa: PT017
    else:
        assert is_in


def test_a_signature_goes_with_its_first_delivery() -> None:
    """The same again is let through, since a sender repeats what was not answered; with another id it is refused."""
    replays = Replays()
    replays.check(b"signature", b"one", now_ms=0, keep_ms=1000)
    replays.check(b"signature", b"one", now_ms=999, keep_ms=1000)

    with pytest.raises(AccessError, match="used before"):
        replays.check(b"signature", b"two", now_ms=999, keep_ms=1000)


def test_a_signature_is_forgotten_in_the_end() -> None:
    """By then its time is too old, or its delivery not known any more."""
    replays = Replays()
    replays.check(b"signature", b"one", now_ms=0, keep_ms=1000)

    replays.check(b"signature", b"two", now_ms=1000, keep_ms=1000)


@pytest.mark.parametrize(("window", "is_fault"), [("0s", False), ("9m", True), ("10m", False)])
def test_a_dated_signature_is_known_for_as_long_as_it_is_taken(window: str, is_fault: bool) -> None:
    """With a shorter window, what somebody has seen would count a second time."""
    faults = find_faults(auth=hmac_auth(**DATED), window=window)

    assert any(fault.startswith("webhook.window: ") for fault in faults) == is_fault


FAULTS = {
    "no such name": (hmac_auth(signed="{body}{foo}"), "found {foo}"),
    "the body is not signed": (hmac_auth(signed="{path}"), "{body} has to stand in it once"),
    "a time that nobody tells": (hmac_auth(signed="{timestamp}{body}"), "goes with the key timestamp"),
    "a time that is not signed": (hmac_auth(signed="{body}", **DATED), "a time that is not signed"),
    "an id that nobody tells": (hmac_auth(signed="{delivery}{body}"), "goes with delivery_id"),
    "no header": (hmac_auth() | {"hmac": {"header": "X Y", "secret": SECRET}}, "no header can have"),
    "no digits": (hmac_auth(key="hex"), "not written in hex"),
    "a colon": ({"basic": {"username": "a:b", "password": "c"}}, "found a colon"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_could_not_hold_is_a_fault(name: str) -> None:
    """Found when the configuration is checked, not when the first request comes."""
    auth, message = FAULTS[name]

    assert any(message in fault for fault in find_faults(auth=auth))
