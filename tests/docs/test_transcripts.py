"""The commands and Python on the pages, carried out against a practice shop."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.sandbox.server import SandboxServer
from tests.docs import transcript
from tests.docs.pages import ROOT, Block, Page, list_pages

_RUNNER = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
outcome = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(outcome):
    asyncio.run(outcome)
"""
"""Runs a snippet, which may `await` at its top to be short."""

PAGES = [page for page in list_pages() if any(block.language in {"console", "python"} for block in page.blocks)]


@pytest.fixture
async def shop_url() -> AsyncIterator[str]:
    """The address of a practice shop of its own."""
    async with SandboxServer(error_display=False) as shop:
        yield f"{shop.base_url}/"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_page_shows_what_is_seen(page: Page, shop_url: str, tmp_path: Path) -> None:
    """What a page shows of a command or a snippet is what one sees, from its first block to its last."""
    differences = await asyncio.to_thread(_play, page, shop_url, tmp_path)

    assert not differences, "\n\n".join(differences)


def _play(page: Page, shop_url: str, folder: Path) -> list[str]:
    shutil.copytree(ROOT / "configs", folder / "configs")
    environment = transcript.build_environment(folder, shop_url)
    differences: list[str] = []
    for number, block in enumerate(page.blocks):
        if "file" in block.marks:
            path = folder / block.marks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if "not run" in block.marks:
            assert block.marks["not run"], f"{block}: say why it is not run"
        elif block.language == "console":
            differences += _compare(block, folder, environment)
        elif block.language == "python":
            following = page.blocks[number + 1] if number + 1 < len(page.blocks) else None
            differences += _run_python(block, following, folder, environment)
    return differences


def _compare(block: Block, folder: Path, environment: dict[str, str]) -> list[str]:
    commands = transcript.parse(block.text)
    seen = transcript.run(commands, folder, environment)
    assert len(seen) == len(commands), f"{block}: it broke off"
    return [
        f"{block}: $ {command.typed}\n--- shown\n{command.seen}\n--- seen\n{found}"
        for command, found in zip(commands, seen, strict=True)
        if not transcript.fits(command.seen, found)
    ]


def _run_python(block: Block, following: Block | None, folder: Path, environment: dict[str, str]) -> list[str]:
    """Return what went wrong: the snippet fails, or does not print what the block after it shows."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUNNER],
        input=block.text,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    shown = following.text if following is not None and following.language == "text" else None
    if finished.returncode == 0 and (shown is None or transcript.fits(shown, finished.stdout)):
        return []
    return [f"{block}\n--- shown\n{shown}\n--- seen\n{finished.stdout}"]
