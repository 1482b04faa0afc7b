"""Whose host an address leads to, and which base address a redirect asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.client.address import describe_address, find_base_url, is_same_origin, names_route


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ("https://a.example/", "https://a.example/other?x=1#y", True),
        ("https://a.example", "https://A.EXAMPLE:443/", True),
        ("http://a.example:80/", "http://a.example/", True),
        ("https://a.example./", "https://a.example/", True),
        ("http://[::1]:8080/", "http://[::1]:8080/x", True),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "https://a.example:444/", False),
        ("https://a.example/", "https://b.a.example/", False),
        ("https://a.example/", "https://a.example.evil/", False),
        ("https://a.example/", "https://a.example@evil/", False),
        ("https://a.example/", "https://user@a.example/", False),
        ("https://a.example/", "//a.example/", False),
        ("https://a.example/", "/x", False),
        ("https://a.example/", "ftp://a.example/", False),
        ("https://a.example/", "https://a.example:port/", False),
        ("https://a.example/", "https://[a/", False),
        ("https://a.example/", "", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one, two, is_same):
    """Two addresses are of one origin where all three agree, written in whichever way."""
    assert is_same_origin(one, two) is is_same
    assert is_same_origin(two, one) is is_same


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_address_is_too_odd(one, two):
    """Any text at all can be asked about."""
    is_same_origin(one, two)
    find_base_url(one, two)
    names_route(one, two)

    assert describe_address(one)


@pytest.mark.parametrize(
    ("location", "route", "base_url"),
    [
        ("https://a.example/index.php?route=api/login", "api/login", "https://a.example/"),
        ("https://a.example/sub/index.php", "api/login", "https://a.example/sub/"),
        ("https://a.example/api/v1/orders", "v1/orders", "https://a.example/api/"),
        ("https://a.example/myindex.php", "x", "https://a.example/myindex.php"),
        ("/sub/index.php?route=api/login", "api/login", "/sub/"),
        ("index.php", "api/login", "/"),
        ("https://user:pw@a.example/?key=1", "", "https://a.example/"),
    ],
)
def test_the_base_address_of_a_redirect_is_worked_out(location, route, base_url):
    """What the call itself adds to the base address is taken off, and so is whatever may be secret."""
    assert find_base_url(location, route) == base_url


@pytest.mark.parametrize(
    ("location", "is_same_call"),
    [
        ("https://www.a.example/index.php?route=api/order/add&api_token=x", True),
        ("/sub/index.php?route=api%2Forder%2Fadd", True),
        ("https://a.example/api/order/add/", True),
        ("https://a.example/index.php?route=api/order", False),
        ("https://a.example/login?next=api/order/add", False),
        ("error.html", False),
        ("https://[", False),
    ],
)
def test_a_redirect_of_the_same_call_is_told_apart(location, is_same_call):
    """Only a redirect that keeps the route shows that the call did not run."""
    assert names_route(location, "api/order/add") is is_same_call
