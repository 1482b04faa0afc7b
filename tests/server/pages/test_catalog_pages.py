"""The pages of the catalog: browsing, the form of an entity, and calls that are confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.pages.desk import Desk, open_desk, read_hidden, read_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

COUPON = "/catalog/shop/coupon.apply"
CART = "- entity: cart.add\n  data: {product_id: 40}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A service on a practice shop."""
    async with open_desk(tmp_path) as opened:
        yield opened


async def count_orders(desk: Desk) -> int:
    """Return how many orders the practice shop has."""
    return len(desk.shop.control("orders")["orders"])


async def test_the_list_is_narrowed_by_what_is_searched(desk: Desk) -> None:
    """Only entities with the text in id, title, route or summary are listed, with their number."""
    answer = await desk.get("/catalog?q=voucher")

    words = read_words(answer)
    assert "of 28" in words
    assert "voucher.apply" in words
    assert "coupon.apply" not in words


async def test_a_search_without_a_match_says_what_to_do(desk: Desk) -> None:
    """An empty list leads back to the whole one."""
    words = read_words(await desk.get("/catalog?q=xyzzy"))

    assert "No entity fits" in words
    assert "Show all of them" in words


async def test_a_configuration_without_clients_says_how_to_write_one(tmp_path: Path) -> None:
    """The empty page has the YAML of a first client."""
    async with open_desk(tmp_path, lambda config: [config[name].clear() for name in list(config)]) as desk:
        words = read_words(await desk.get("/catalog"))

    assert "The configuration has no clients" in words
    assert "connector: opencart" in words


async def test_a_client_without_a_catalog_leads_to_its_routes(desk: Desk) -> None:
    """Where calls name their route, the page has a form for that."""
    words = read_words(await desk.get("/catalog?client=erp"))
    form = await desk.get("/catalog/erp/-")

    assert "Call a route" in words
    assert form.status_code == 200
    assert 'name="route"' in form.text


async def test_an_entity_is_told_with_its_fields(desk: Desk) -> None:
    """Effect, repeat rule, what comes before it, what success looks like, and each field with what it accepts."""
    words = read_words(await desk.get("/catalog/shop/cart.add"))

    assert "Adds the quantity once more." in words
    assert "product_id required" in words
    assert "A whole number of at least 1" in words
    assert "Success has success" in words


async def test_a_title_leads_to_its_entity(desk: Desk) -> None:
    """The wording of the vendor's reference is another name for it."""
    answer = await desk.get("/catalog/shop/Coupon%20-%20Apply%20existing%20coupon")

    assert answer.status_code == 303
    assert answer.headers["location"] == COUPON


@pytest.mark.parametrize(
    "path", ["/catalog/shop/coupn.apply", "/catalog/nobody/coupon.apply", "/catalog?client=nobody"]
)
async def test_what_is_not_there_is_a_page_of_its_own(desk: Desk, path: str) -> None:
    """A name that is nobody's gives a page with a way on, and the status that says so."""
    answer = await desk.get(path)

    assert answer.status_code == 404
    assert 'href="/catalog"' in answer.text


async def test_an_entity_of_another_generation_names_what_does_the_same(desk: Desk) -> None:
    """Where the client's generation lacks it, the page leads to what there is in its place."""
    answer = await desk.get("/catalog/shop/order.load")

    assert answer.status_code == 404
    assert "does not exist in 3.0" in read_words(answer)
    assert "exists in" in read_words(answer)


async def test_a_field_that_does_not_fit_is_told_at_its_input(desk: Desk) -> None:
    """Nothing is sent, and the input says what is accepted."""
    answer = await desk.post("/catalog/shop/cart.add", {"f.product_id": "0", "f.quantity": "-1"})

    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 2
    assert "found the number 0, accepted is a whole number of at least 1" in read_words(answer)


async def test_a_form_is_written_as_yaml_and_as_a_command(desk: Desk) -> None:
    """What was filled in can be taken into a configuration, or to a shell."""
    answer = await desk.post(f"{COUPON}/check", {"f.coupon": "2222", "before": CART})

    words = read_words(answer)
    assert "publisher: client: shop before: - entity: cart.add data: product_id: 40 entity: coupon.apply" in words
    assert "connector call shop coupon.apply coupon=2222 --before 'cart.add product_id:=40'" in words


async def test_a_call_that_reads_is_made_at_once(desk: Desk) -> None:
    """The answer is shown with its verdict, and what was said, masked."""
    answer = await desk.post("/catalog/shop/order.info", {"f.order_id": "1"})

    words = read_words(answer)
    assert answer.status_code == 200
    assert "Answer" in words
    assert "rejected" in words  # the shop has no order yet
    assert desk.shop.key not in answer.text


async def test_a_call_that_changes_something_is_told_first(desk: Desk) -> None:
    """The first form sends nothing; the page says in words what it would do."""
    answer = await desk.post(COUPON, {"f.coupon": "2222", "before": CART})

    words = read_words(answer)
    assert "What it will do" in words
    assert "Nothing stays in the shop" in words
    assert "Yes, call it" in words
    assert await desk.stage.audited() == []


async def test_an_order_is_placed_when_it_is_confirmed_and_once(desk: Desk) -> None:
    """The confirmation places it; the same form sent once more shows the first answer and places none."""
    form = {
        "f.customer.firstname": "Ann",
        "f.customer.lastname": "Lee",
        "f.customer.email": "ann@example.com",
        "f.customer.telephone": "0612345678",
        "f.lines": '[{"product_id": 40}]',
        "f.payment_address.address_1": "1 High Street",
        "f.payment_address.city": "London",
        "f.payment_address.postcode": "NW1 6XE",
        "f.payment_address.country_id": "222",
        "f.payment_address.zone_id": "3553",
        "f.payment_method": "cod",
    }
    asked = await desk.post("/catalog/shop/order.place", form)
    assert "cannot be taken back" in read_words(asked)
    assert await count_orders(desk) == 0
    yes = read_hidden(asked)

    first = await desk.post("/catalog/shop/order.place", yes)
    second = await desk.post("/catalog/shop/order.place", yes)

    assert "order_id" in read_words(first)
    assert "was not sent again" in read_words(second)
    assert await count_orders(desk) == 1
    assert await desk.stage.audited() == [("local", "clients.call", "shop")]


async def test_what_was_changed_after_the_question_is_asked_anew(desk: Desk) -> None:
    """A confirmation is good for the very call that was shown."""
    yes = read_hidden(await desk.post(COUPON, {"f.coupon": "2222", "before": CART}))

    answer = await desk.post(COUPON, yes | {"f.coupon": "3333"})

    assert "not what you were asked to confirm" in read_words(answer)
    assert await desk.stage.audited() == []


async def test_a_confirmation_nobody_gave_out_asks_again(desk: Desk) -> None:
    """A word that this process does not know sends nothing."""
    answer = await desk.post(COUPON, {"f.coupon": "2222", "before": CART, "word": "made up"})

    assert "Nothing was sent" in read_words(answer)
    assert await desk.stage.audited() == []


async def test_who_may_only_read_may_look_and_not_call(desk: Desk) -> None:
    """A reader sees the form and what it makes; the call is refused."""
    token = await desk.stage.add_token("read")

    page = await desk.get(COUPON, token=token)
    checked = await desk.post(f"{COUPON}/check", {"f.coupon": "2222"}, token=token)
    called = await desk.post(COUPON, {"f.coupon": "2222"}, token=token)

    assert "you need the role operate" in read_words(page)
    assert "connector call shop coupon.apply coupon=2222" in read_words(checked)
    assert called.status_code == 403


async def test_what_the_client_keeps_for_itself_cannot_be_called(desk: Desk) -> None:
    """The log-in is the client's own business, whatever a form says."""
    page = await desk.get("/catalog/shop/session.login")
    answer = await desk.post("/catalog/shop/session.login", {"f.username": "Default", "f.key": "0123456789"})

    assert "It cannot be called from here" in read_words(page)
    assert answer.status_code == 403
    assert "0123456789" not in answer.text


async def test_only_the_part_that_htmx_asks_for_is_sent(desk: Desk) -> None:
    """As one types, the payload comes back alone, and a fault does not keep it from being shown."""
    answer = await desk.post(f"{COUPON}/check", {"f.coupon": ""}, **{"HX-Request": "true", "HX-Target": "made"})

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "required, but missing" in read_words(answer)


async def test_a_route_that_no_catalog_lists_is_called_when_it_is_confirmed(desk: Desk) -> None:
    """It counts as a commit unless the form says otherwise, so it is asked about first."""
    form = {"route": "api/cart/products", "effect": "commit", "payload": "{}"}

    asked = await desk.post("/catalog/shop/-", form)
    done = await desk.post("/catalog/shop/-", read_hidden(asked))

    assert "only you know what it does" in read_words(asked)
    assert "Answer" in read_words(done)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"route": "", "payload": "{}"}, "required, such as api/my_extension/do"),
        ({"route": "coupon", "payload": "{}"}, "a route has a slash"),
        ({"route": "api/x", "payload": "[1]"}, "accepted is a JSON object"),
        ({"route": "api/x", "payload": "{"}, "not JSON"),
        ({"route": "api/x", "payload": "{}", "before": "- entity: nope"}, "line 1, column 11"),
    ],
)
async def test_a_call_by_its_route_that_does_not_fit_is_told(desk: Desk, form: dict[str, str], told: str) -> None:
    """Each input of the form says what is wrong with it."""
    answer = await desk.post("/catalog/shop/-", form)

    assert answer.status_code == 422
    assert told in read_words(answer)
