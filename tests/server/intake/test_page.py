"""The lines on `docs/webhooks.md`: what people paste works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import DOCS, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTOR = str(Path(sys.executable).parent / "connector")
PAGE = read_page(DOCS / "webhooks.md")
SHELL = [block for block in PAGE.blocks if block.language == "sh"]
CONFIG = next(block for block in PAGE.blocks if block.language == "yaml").text
REST = """
clients:
  shop: {connector: http, base_url: "http://127.0.0.1:9/"}
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The service with the configuration of the page; gives the environment in which its lines are pasted."""
    whole = CONFIG.rstrip() + "\n    outgoing: {publisher: {client: shop, route: orders}}\n" + REST
    (tmp_path / "page.yaml").write_text(whole)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MARKET_SECRET": "a-shared-secret",
        "CONNECTOR_LOG_LEVEL": "warning",
    }
    command = [CONNECTOR, "--config", "page.yaml"]
    made = subprocess.run(
        [*command, "token", "create", "web", "--role", "push:place-orders", "--output", "json"],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "serve", "--port", "0"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        assert process.stdout is not None
        try:
            told = process.stdout.readline().decode()
            address = re.search(r"127\.0\.0\.1:\d+", told)
            assert address is not None, (tmp_path / "log").read_text()
            yield {**environment, "TOKEN": json.loads(made.stdout)["token"], "ADDRESS": address.group()}
        finally:
            process.terminate()
            process.wait()


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_what_people_paste_works(service: dict[str, str]) -> None:
    """Every block of shell lines is answered with the tasks that were made."""
    answers = []

    for block in SHELL:
        script = block.text.replace("127.0.0.1:8484", service["ADDRESS"])
        finished = subprocess.run(
            ["bash", "-euc", script], env=service, check=False, capture_output=True, text=True, timeout=60
        )
        assert finished.returncode == 0, finished.stderr
        answers.append(json.loads(finished.stdout))

    assert [answer["tasks"] for answer in answers] == [[1], [2], [3]], answers
    assert [outcome["id"] for outcome in answers[2]["outcomes"]] == [3]
