"""Overview, tasks and unknown outcomes, as a person uses them."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from connector.store.rows import RouteState, TaskFilter, TaskStatus
from tests.browser.stage import order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.stage import Stage


_numbers = count(1)


@pytest.fixture
def unknown(stage: Stage) -> int:
    """A task whose answer was lost after the shop had the order."""
    stage.control("faults", route="order/add", drop_after_processing=True, calls=1)
    (task,) = stage.push("orders", order(f"LOST-{next(_numbers)}"))
    stage.wait(task, TaskStatus.UNKNOWN)
    return task


@pytest.fixture
def failed(stage: Stage) -> Iterator[int]:
    """A task that the shop refuses, since it does not sell the product for the length of the test."""
    stage.control("product", product_id=40, enabled=False)
    (task,) = stage.push("marketplace-into-shop", order("SOLD-OUT"))
    stage.wait(task, TaskStatus.FAILED)
    yield task
    stage.control("product", product_id=40, enabled=True)


def test_a_route_is_paused_and_resumed_in_place(stage: Stage, page: Page) -> None:
    """The button changes the route, the part around it is swapped, and a message says so; the page is not left."""
    page.goto("/")
    page.evaluate("window.isSame = true")

    route = page.locator("#route-wholesale-orders")
    route.get_by_role("button", name="Pause").click()
    expect(page.locator("#flash")).to_contain_text("wholesale-orders is paused")
    expect(route.get_by_text("paused", exact=True)).to_be_visible()
    paused = stage.run(stage.store.routes.states)["wholesale-orders"].state
    route.get_by_role("button", name="Resume").click()
    expect(route.get_by_text("active", exact=True)).to_be_visible()

    assert paused is RouteState.PAUSED
    assert page.evaluate("window.isSame") is True


def test_the_overview_keeps_itself_up_to_date(stage: Stage, page: Page) -> None:
    """What happens is seen without a click; paused, the page stays as it is."""
    page.goto("/")
    (task,) = stage.push("marketplace-into-shop", order("LIVE-1"))
    stage.wait(task, TaskStatus.FINISHED)

    finished = stage.count(TaskStatus.FINISHED)
    expect(page.locator(".sums")).to_contain_text(re.compile(rf"\b{finished}\s*finished"))
    page.get_by_role("button", name="Live").click()

    expect(page.get_by_role("button", name="Updates paused")).to_have_attribute("aria-pressed", "false")


def test_a_failed_task_is_put_right_and_tried_again(stage: Stage, page: Page, failed: int) -> None:
    """From the list to the task, its reason and what was said; once the shop sells it, trying again delivers it."""
    page.goto("/tasks?status=failed")
    page.locator(f"#task-{failed}").get_by_role("link").click()
    expect(page.locator("#task-head")).to_contain_text("What to do:")
    expect(page.locator(".timeline")).to_contain_text("connector call shop cart.add")
    stage.control("product", product_id=40, enabled=True)

    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#flash")).to_contain_text("1 task will be tried again")

    assert stage.wait(failed, TaskStatus.FINISHED).attempts == 2
    expect(page.locator("#task-head .status")).to_have_text("finished")


def test_an_unknown_outcome_is_settled(stage: Stage, page: Page, unknown: int) -> None:
    """The inbox has the evidence; a person says that it is there, and the task is finished."""
    page.goto("/unknown")
    doubt = page.locator(f"#task-{unknown}")
    expect(doubt).to_contain_text("order_add (order.add)")
    expect(doubt).to_contain_text("no answer")
    doubt.get_by_text("It is there", exact=True).click()
    doubt.get_by_placeholder("What you saw").fill("it is order 815")
    doubt.get_by_role("button", name="Settle").click()

    expect(page.locator("#flash")).to_contain_text("1 task settled as done")
    expect(page.locator(f"#task-{unknown}")).to_have_count(0)

    assert stage.wait(unknown, TaskStatus.FINISHED)
    page.goto("/audit")
    expect(page.locator("main")).to_contain_text("tasks.resolve")


def test_tasks_are_selected_and_left_out(stage: Stage, page: Page) -> None:
    """With the keyboard two tasks are selected; the page in between says what will be, and the next that it was."""
    stage.control("faults", route="cart/add", status=503, calls=2)
    made = stage.push("marketplace-into-shop", order("BULK-1"), order("BULK-2"))
    for task in made:
        stage.wait(task, TaskStatus.RETRY)
    page.goto("/tasks?status=retry&key=BULK-*")

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Leave out…").click()
    expect(page.get_by_role("heading", name="2 tasks will be left out")).to_be_visible()
    page.get_by_label("Why").fill("cancelled")
    page.get_by_role("button", name="Leave out: 2 tasks").click()

    expect(page.locator("#flash")).to_contain_text("2 tasks left out")
    left_out = TaskFilter(ids=tuple(made), statuses=(TaskStatus.SKIPPED,))
    assert stage.run(lambda: stage.store.tasks.count(left_out)) == 2


def test_keys_lead_about(stage: Stage, page: Page) -> None:
    """Slash goes to the search, g and a letter to a page, o opens what is marked, ? tells of the keys."""
    (task,) = stage.push("marketplace-into-shop", order("KEYS-1"))
    stage.wait(task, TaskStatus.FINISHED)
    page.goto("/")

    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/tasks")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("o")

    page.wait_for_url(re.compile(r"/tasks/\d+$"))


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    """The button goes from the system's theme to light and to dark, and the choice outlives the page."""
    page.goto("/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")

    toggle = page.locator("[data-theme-toggle]")
    toggle.click()
    toggle.click()
    expect(toggle).to_have_text("Dark theme")
    page.goto("/tasks")

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_times_are_in_the_viewers_zone(stage: Stage, page: Page) -> None:
    """A moment is shown by the clock of whoever looks, and tells its zone."""
    (task,) = stage.push("marketplace-into-shop", order("TIME-1"))
    page.goto(f"/tasks/{task}")

    shown = page.locator("time[data-form=full]").first

    expect(shown).to_have_attribute("title", re.compile(r"Europe/Amsterdam"))
    expect(shown).not_to_contain_text("UTC")


def test_everything_is_done_without_a_script(browser: Browser, stage: Stage, unknown: int) -> None:
    """With scripts switched off, pages are read and an outcome is settled all the same."""
    context = browser.new_context(base_url=stage.url, java_script_enabled=False)
    page = context.new_page()

    page.goto("/")
    page.get_by_role("link", name="Unknown outcomes").click()
    doubt = page.locator(f"#task-{unknown}")
    doubt.get_by_text("It is not there: leave it").click()
    doubt.get_by_role("button", name="Settle").click()
    expect(page.locator("#flash")).to_contain_text("1 task left as it is")
    context.close()

    assert stage.wait(unknown, TaskStatus.FAILED)


def test_a_phone_has_a_menu_and_no_page_is_too_wide(browser: Browser, stage: Stage, failed: int) -> None:
    """On a small screen the menu opens by its button, and nothing has to be scrolled sideways to be read."""
    context = browser.new_context(base_url=stage.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()

    for path in ("/", "/?show=table", "/tasks", f"/tasks/{failed}", "/unknown", "/tasks/change?do=retry"):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Tasks", exact=True).click()
    page.wait_for_url("**/tasks")
    context.close()
