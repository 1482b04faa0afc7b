"""Sessions and tokens: who is let in, what a session holds, and when it ends."""

import pytest

from connector.sandbox.shop.seed import DEFAULT_KEY

REFUSED = {"error": {"warning": "Warning: You do not have permission to access the API!"}}


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": "Default"},
        {"username": "Default", "key": "wrong"},
        {"username": "Nobody", "key": DEFAULT_KEY},
        {"username": "Second", "key": DEFAULT_KEY},
        {"username": "Disabled", "key": f"{DEFAULT_KEY}Disabled"},
    ],
)
def test_refused_log_in_says_nothing(caller, form):
    """A log-in that is refused for whatever reason gets an empty answer."""
    assert caller.send("login", form, token=None) == []


@pytest.mark.parametrize(
    "form",
    [
        {"key": DEFAULT_KEY},
        {"username": "default", "key": DEFAULT_KEY.swapcase()},
        {"username": "Second", "key": f"{DEFAULT_KEY}Second"},
    ],
)
def test_log_in(caller, form):
    """The name may be left out, and the database does not mind the case of name and key."""
    assert len(caller.send("login", form, token=None)["api_token"]) == 26


def test_address_that_is_not_listed(caller):
    """A right key from an address that is not listed is told so, and wrongly of the key."""
    answer = caller.send("login", {"username": "NoIp", "key": f"{DEFAULT_KEY}NoIp"}, token=None)

    assert sorted(answer["error"]) == ["ip", "key"]


@pytest.mark.parametrize("table", ["tokens", "sessions"])
def test_idle_session_is_refused(caller, table):
    """A token and a session's data end on their own, and both look the same."""
    getattr(caller.shop, table).age(3601)

    assert caller.send("cart/products") == REFUSED


def test_cart_lines_end_an_hour_after_they_were_added(caller):
    """A cart line ends although its session is busy."""
    caller.send("cart/add", {"product_id": "40"})

    caller.shop.cart.age(3601)

    assert caller.send("cart/products")["products"] == []


def test_sessions_are_apart(caller, open_session):
    """Two log-ins of one user have carts of their own."""
    other = open_session()

    caller.send("cart/add", {"product_id": "40"})

    assert other.send("cart/products")["products"] == []


def test_session_that_grew_too_large_is_lost(caller):
    """More than 64 KiB of session data are cut, and what is cut is no session any more."""
    caller.send("cart/add", {"product_id": "40"})
    form = {
        "firstname": "J",
        "lastname": "B",
        "address_1": "1 High",
        "city": "London",
        "country_id": "21",
        "zone_id": "0",
    }

    told = caller.send("shipping/address", {**form, "company": "x" * 66_000})

    assert ("success" in told, caller.send("cart/products")) == (True, REFUSED)


def test_shipping_address_is_asked_for_before_the_token(caller):
    """With nothing to ship the shipping address is not refused, token or not."""
    assert caller.send("shipping/address", {}, token=None) == []


def test_notices_stand_in_front_of_the_answer(caller):
    """A missing field gives a warning and then the answer, still under the type of JSON."""
    answer = caller.answer("currency")

    assert answer.content_type == "application/json"
    assert answer.body.startswith(b'<b>Warning</b>: Undefined array key "currency" in <b>/var/www/html/catalog/')
    assert answer.body.endswith(b'{"error":"Warning: Currency code is invalid!"}')


def test_notices_can_be_switched_off(caller):
    """A shop that displays no errors answers without notices."""
    caller.shop.settings["config_error_display"] = "0"

    assert caller.answer("currency").body == b'{"error":"Warning: Currency code is invalid!"}'


def test_unbuffered_notice_takes_the_content_type(caller):
    """With output held back no more, a notice leaves before the shop names its type."""
    caller.shop.php.output_buffering = 0

    assert caller.answer("currency").content_type == "text/html; charset=UTF-8"


def test_uncaught_error(caller):
    """An error nothing catches ends in a 500 without a body."""
    answer = caller.answer("cart/add", {"product_id": "30", "option": "15"})

    assert (answer.status, answer.body) == (500, b"")


def test_uncaught_error_displayed(caller):
    """When PHP displays errors, the same is a 200 with the error as HTML."""
    caller.shop.php.display_errors = True

    answer = caller.answer("cart/add", {"product_id": "30", "option": "15"})

    assert (answer.status, b"Uncaught TypeError: array_filter()" in answer.body) == (200, True)
