"""Takes pictures of every page: light and dark, on a desktop and on a phone.

    python tests/browser/screens.py FOLDER [WORD ...]

With words, only pages whose name has one of them. Starts the practice shop and a service of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from stage import Stage

from connector.store.rows import TaskStatus

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
THEMES = ("light", "dark")


def list_pages(made: dict[TaskStatus, int]) -> dict[str, str]:
    """Return the address of each page by its name."""
    return {
        "overview": "/",
        "overview-table": "/?show=table",
        "tasks": "/tasks",
        "tasks-failed": "/tasks?status=failed",
        "tasks-none": "/tasks?text=nothing-like-it",
        "task-finished": f"/tasks/{made[TaskStatus.FINISHED]}",
        "task-failed": f"/tasks/{made[TaskStatus.FAILED]}",
        "task-unknown": f"/tasks/{made[TaskStatus.UNKNOWN]}",
        "change-retry": "/tasks/change?do=retry",
        "change-skip": f"/tasks/change?do=skip&id={made[TaskStatus.FAILED]}&id={made[TaskStatus.FINISHED]}",
        "unknown": "/unknown",
        "schedules": "/schedules",
        "clients": "/clients",
        "catalog": "/catalog",
        "try": "/try",
        "log": "/log",
        "audit": "/audit",
        "account": "/account",
    }


def say(text: str) -> None:
    """Tell it on the terminal."""
    sys.stdout.write(f"{text}\n")


def take(browser: Browser, url: str, pages: dict[str, str], folder: Path) -> None:
    """Take the pictures, and say where scripts or the browser complained."""
    for size, (width, height) in SIZES.items():
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,  # type: ignore[arg-type]
                device_scale_factor=1 if size == "desktop" else 2,
                has_touch=size == "phone",
                timezone_id="Europe/Amsterdam",
            )
            page = context.new_page()
            page.on(
                "console",
                lambda message: (
                    say(f"  {message.type}: {message.text}") if message.type in {"error", "warning"} else None
                ),
            )
            page.on("pageerror", lambda error: say(f"  {error}"))
            for name, address in pages.items():
                answer = page.goto(url + address, wait_until="networkidle")
                status = 0 if answer is None else answer.status
                wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                say(f"{name}-{size}-{theme}: {status}{f', {wide} px too wide' if wide else ''}")
                page.screenshot(path=folder / f"{name}-{size}-{theme}.png", full_page=True)
            context.close()


def main() -> None:
    """Take them."""
    folder, words = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept, Stage(Path(kept)) as stage:
        made = stage.fill()
        pages = {
            name: address
            for name, address in list_pages(made).items()
            if not words or any(word in name for word in words)
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            take(browser, stage.url, pages, folder)
            browser.close()


if __name__ == "__main__":
    main()
