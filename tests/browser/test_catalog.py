"""Catalog, try-out, clients, schedules, log and log-in, as a person uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PASSWORD = "a horse, a battery"
BROKEN_STEPS = '- set: {total: "{{ record.totl }}"}\n- remove: paid'


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A service that asks who comes."""
    with Stage(tmp_path_factory.mktemp("guarded"), admin_password=PASSWORD) as made:
        yield made


def count_orders(stage: Stage) -> int:
    """Return how many orders the practice shop has."""
    return len(stage.control("orders")["orders"])


def test_an_entity_that_reads_is_tried(page: Page) -> None:
    """From the menu to the catalog, by a search to the entity, and its answer comes at once."""
    page.goto("/")
    page.get_by_role("link", name="Catalog").first.click()
    page.get_by_label("Search").fill("head of one order")
    expect(page.locator(".entity")).to_have_count(1)
    page.get_by_role("link", name="order.info").click()

    page.get_by_label("order_id").fill("987")
    page.get_by_role("button", name="Call it").click()

    answer = page.locator("#result")
    expect(answer).to_contain_text("rejected")
    answer.get_by_text(re.compile(r"requests?, secrets and personal values masked")).click()
    expect(answer).to_contain_text("api/order/info")


def test_the_yaml_follows_what_is_typed(page: Page) -> None:
    """The payload, the YAML and the command change with the form, and a fault is told beside it."""
    page.goto("/catalog/shop/coupon.apply")
    page.locator("#f-before").fill("")

    page.get_by_label("coupon").fill("SPRING")
    expect(page.locator("#made")).to_contain_text("connector call shop coupon.apply coupon=SPRING")
    page.get_by_label("coupon").fill("")

    expect(page.locator("#made")).to_contain_text("required, but missing")


def test_an_order_is_placed_after_it_was_confirmed(stage: Stage, page: Page) -> None:
    """What it does is told in words first; the confirmation places one order, and loading the page again none."""
    before = count_orders(stage)
    page.goto("/catalog/shop/order.place")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("main")).to_contain_text("cannot be taken back")
    assert count_orders(stage) == before

    page.get_by_role("button", name="Yes, change the shop").click()
    expect(page.locator("#result")).to_contain_text('"order_id"')
    page.reload()
    expect(page.locator("#result")).to_contain_text("was not sent again")

    assert count_orders(stage) == before + 1


def test_a_call_can_be_thought_better_of(stage: Stage, page: Page) -> None:
    """The way back from the question leads to the form, and nothing was sent."""
    before = count_orders(stage)
    page.goto("/catalog/shop/order.place")
    page.get_by_role("button", name="Go on").click()

    page.get_by_role("link", name="No, do nothing").click()

    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert count_orders(stage) == before


def test_steps_are_tried_as_they_are_typed(page: Page) -> None:
    """An error marks its line beside the text; mended, the result is there, without a click."""
    page.goto("/try")
    steps = page.get_by_label("Steps, as YAML")

    steps.fill(BROKEN_STEPS)
    expect(page.locator("#try-result")).to_contain_text("record.totl is missing")
    expect(page.locator("#gutter-steps .is-meant")).to_have_text("1")
    steps.fill(BROKEN_STEPS.replace("totl", "reference"))

    expect(page.locator("#try-result")).to_contain_text("What comes out")
    expect(page.locator("#try-result")).to_contain_text('"total": "WEB-1001"')
    expect(page.locator("#gutter-steps .is-meant")).to_have_count(0)


def test_the_steps_of_a_route_are_tried(page: Page) -> None:
    """Chosen at the top, they stand in the text, ready to be changed."""
    page.goto("/try")

    page.get_by_label("Begin with").select_option("marketplace-into-shop")

    expect(page.get_by_label("Steps, as YAML")).to_have_value(re.compile(r"# of the route[^#]*channel: web", re.DOTALL))


def test_a_client_is_checked_and_examined(page: Page) -> None:
    """What the log-in and the doctor found stands at the client."""
    page.goto("/clients")
    shop = page.locator("#client-shop")

    shop.get_by_role("button", name="Check").click()
    expect(shop).to_contain_text("logged in")
    shop.get_by_role("button", name="Doctor").click()

    expect(shop).to_contain_text("User and key are accepted")
    expect(page.locator("main")).not_to_contain_text("***ea")


def test_an_incoming_is_fetched_now(page: Page) -> None:
    """The button has it fetched; what came of it appears by itself."""
    page.goto("/schedules")
    quotes = page.locator("section", has=page.get_by_role("heading", name="shipping-quotes"))

    quotes.get_by_role("button", name="Run now").click()

    expect(page.locator("#flash")).to_contain_text("is fetched now")
    expect(quotes.get_by_text("took")).to_be_visible()


def test_the_log_follows(stage: Stage, page: Page) -> None:
    """A line that is written appears by itself; a search keeps the others away."""
    ring = stage.process.context.ring
    page.goto("/log")

    ring(None, "info", {"event": "first_thing", "level": "info", "route": "orders"})
    expect(page.locator("#log-lines")).to_contain_text("first_thing")
    page.get_by_label("Search").fill("second_thing")
    expect(page.locator("#log-lines")).to_contain_text("No line fits")
    ring(None, "warning", {"event": "second_thing", "level": "warning"})

    expect(page.locator("#log-lines")).to_contain_text("second_thing")


def test_somebody_logs_in_and_out(guarded: Stage, browser: Browser) -> None:
    """A wrong password is told; the right one leads to where they wanted to go, and out they are let again."""
    context = browser.new_context(base_url=guarded.url)
    page = context.new_page()
    page.goto("/schedules")
    expect(page).to_have_url(re.compile(r"/login\?next="))

    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("something else")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{guarded.url}/schedules")
    page.get_by_role("button", name="Run now").first.click()  # with the token of the session
    expect(page.locator("#flash")).to_contain_text("is fetched now")
    page.goto("/account")
    expect(page.locator("main")).to_contain_text("this browser")
    page.get_by_role("button", name="Log out", exact=True).first.click()

    page.goto("/clients")
    expect(page).to_have_url(re.compile(r"/login"))
    context.close()


def test_reading_needs_no_script(browser: Browser, site: str) -> None:
    """Every page can be read, and the try-out used, where scripts do not run."""
    context = browser.new_context(base_url=site, java_script_enabled=False)
    page = context.new_page()

    for path in ("/catalog", "/catalog/shop/order.place", "/clients", "/schedules", "/log", "/audit"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.ok, path
    page.goto("/try")
    page.get_by_label("Steps, as YAML").fill("- set: {by_hand: 1}")
    page.get_by_role("button", name="Try").click()

    expect(page.locator("#try-result")).to_contain_text("by_hand")
    context.close()


@pytest.mark.parametrize(
    "path", ["/catalog", "/catalog/shop/order.place", "/try", "/clients", "/schedules", "/log", "/audit", "/account"]
)
def test_a_phone_shows_the_whole_width(browser: Browser, site: str, path: str) -> None:
    """No page has to be pushed sideways on a screen of 390 pixels."""
    context = browser.new_context(base_url=site, viewport={"width": 390, "height": 844})
    page = context.new_page()

    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()
