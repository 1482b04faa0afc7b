"""How tokens are made, what passwords are accepted, how tries are counted."""

from __future__ import annotations

import re

import pytest

from connector.errors import AccessError
from connector.server.doors.passwords import Passwords, check_password, fold_name, make_hasher
from connector.server.doors.roles import is_role
from connector.server.doors.throttle import Throttle, name_network
from connector.server.doors.tokens import hash_token, is_token, make_token
from tests.server.doors.conftest import QUICK


def test_a_token_is_found_by_its_form_and_told_by_its_sum():
    """A scanner for secrets finds it, and any other character makes it another text."""
    token = make_token()
    other = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]

    assert re.fullmatch(r"cn_[0-9A-Za-z]{49}", token)
    assert is_token(token)
    assert not is_token(other)
    assert not is_token(token + "A")
    assert not is_token(token + "\n")


def test_no_two_tokens_are_alike():
    """They are random, and so are their digests."""
    tokens = {make_token() for _ in range(200)}

    assert len(tokens) == len({hash_token(token) for token in tokens}) == 200


async def test_passwords_are_kept_as_argon2id_with_64_mib():
    """What is kept says how it was made, in the form that everybody uses, and with a salt of its own."""
    passwords = Passwords(make_hasher())

    first, second = await passwords.hash("a horse, a battery"), await passwords.hash("a horse, a battery")

    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    assert await passwords.verify(first, "a horse, a battery")
    assert not await passwords.verify(first, "a horse, a Battery")


async def test_a_letter_with_an_accent_is_the_same_however_it_is_typed():
    """One keyboard sends one character, another one two."""
    passwords = Passwords(QUICK)
    kept = await passwords.hash("caf\u00e9 caf\u00e9 caf\u00e9")

    assert await passwords.verify(kept, "cafe\u0301 cafe\u0301 cafe\u0301")


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "$2b$12$abc"])
async def test_a_hash_that_is_none_lets_nobody_in(kept):
    """What is broken in the database is a wrong password, and no fault of the program."""
    assert not await Passwords(QUICK).verify(kept, "a horse, a battery")


@pytest.mark.parametrize("password", ["", "eleven char", "a" * 30, "administrator", "admin1234567", "x" * 2000])
def test_what_is_easily_guessed_is_no_password(password):
    """Length is asked for, and that it is not the name."""
    with pytest.raises(AccessError):
        check_password("administrator" if password == "administrator" else "admin", password)


def test_a_few_words_are_a_password():
    """Nobody is made to type signs and digits."""
    check_password("admin", "correct horse battery")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Ann", "ann"),
        (" ann@shop.test ", "ann@shop.test"),
        ("a.b-c_d+e", "a.b-c_d+e"),
        ("", ""),
        ("-ann", ""),
        ("an n", ""),
        ("änn", ""),
        ("\u212a", ""),  # the sign of Kelvin, which becomes a k in lower letters
        ("a" * 65, ""),
        ("ann\n", "ann"),
        ("a\x00b", ""),
    ],
)
def test_names_are_plain(typed, name):
    """Two people never have names that look alike."""
    assert fold_name(typed) == name


@pytest.mark.parametrize(
    ("role", "is_one"),
    [
        ("read", True),
        ("operate", True),
        ("push:place-orders", True),
        ("push:*", True),
        ("push:", False),
        ("push:a*", False),
        ("push", False),
        ("admin", False),
        ("", False),
        ("READ", False),
        ("push:a b", False),
    ],
)
def test_roles_are_written_so(role, is_one):
    """A slip of the pen allows nothing."""
    assert is_role(role) is is_one


def test_tries_come_back_with_time():
    """After the last one allowed it takes a share of the time until the next."""
    now = [0.0]
    throttle = Throttle(3, 30.0, clock=lambda: now[0])
    for _ in range(3):
        assert throttle.wait_s("ann") == 0
        throttle.count("ann")

    waits = []
    for now[0] in (0.0, 5.0, 10.0):
        waits.append(throttle.wait_s("ann"))

    assert waits == [10, 5, 0]
    assert throttle.wait_s("bob") == 0


def test_a_wait_is_never_longer_than_it_takes():
    """Trying on and on does not lock anybody out for good."""
    now = [0.0]
    throttle = Throttle(3, 30.0, clock=lambda: now[0])
    for _ in range(1000):
        throttle.count("ann")

    assert throttle.wait_s("ann") == 10


def test_counts_take_a_bounded_room():
    """However many names somebody invents, memory does not grow, and nobody's count is pushed out."""
    now = [0.0]
    throttle = Throttle(3, 1e9, clock=lambda: now[0])
    for _ in range(3):
        throttle.count("ann")
    for number in range(40_000):
        throttle.count(f"invented {number}")

    assert len(throttle._cells) <= 16_384
    assert throttle.wait_s("ann") > 0


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002::/64"),
        ("", ""),
    ],
)
def test_who_shares_a_network_shares_its_tries(address, counted):
    """A household has 2**64 addresses of IPv6 to choose from."""
    assert name_network(address) == counted
