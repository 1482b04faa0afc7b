"""Chromium, and a service on the practice shop for it to look at.

Debian's Chromium is driven by Playwright; `CHROMIUM` names another one. Without any, these tests are skipped, unless
`CONNECTOR_TESTS_REQUIRE_ALL=1` says that nothing may be.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE_MS = 30_000
"""How long a test waits for what the browser has to show."""

expect.set_options(timeout=PATIENCE_MS)

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):  # noqa: PTH120
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    found = os.environ.get("CHROMIUM") or next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = "there is no Chromium; apt-get install chromium, or name one by CHROMIUM"
        if os.environ.get("CONNECTOR_TESTS_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests of a module; each test has windows of its own.

    Not for the whole session: as long as it is open, Playwright's event loop counts as running in this thread, and no
    test of another module could run one of its own.
    """
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A whole service on the practice shop, one for all tests of a module: each test makes its own tasks."""
    folder: Path = tmp_path_factory.mktemp("stage")
    with Stage(folder) as made:
        yield made


@pytest.fixture
def site(stage: Stage) -> str:
    """Address of the dashboard, without a slash at its end."""
    return stage.url


@pytest.fixture
def window(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """A browser with cookies of its own, which looks at the site."""
    context = browser.new_context(
        base_url=site, viewport={"width": 1280, "height": 800}, timezone_id="Europe/Amsterdam"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A tab. Whatever the browser complains of, such as something that the content policy forbids, fails the test."""
    opened = window.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    assert not complaints
