"""`connector demo --serve`: the practice shop with live traffic and the dashboard."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.server.service.serving import wait_until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command


def test_it_shows_what_a_service_looks_like_at_work(command: Command):
    """Orders come in and are placed, some fail, one is unknown; Ctrl-C ends it, and nothing is left behind."""
    told = command.folder / "told.json"
    with told.open("wb") as out, (command.folder / "err").open("wb") as err:
        popen = subprocess.Popen(
            [sys.executable, "-m", "connector", "demo", "--serve", "--port", "0", "--output", "json"],
            cwd=command.folder,
            env=command.environment | {"CONNECTOR_DATABASE": "never.db", "CONNECTOR_HOST": "0.0.0.0"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        wait_until(lambda: told.read_bytes().rstrip().endswith(b"}") or popen.poll() is not None)
        shown = json.loads(told.read_text())
        tasks: list[dict[str, Any]] = []

        def look() -> bool:
            tasks[:] = httpx.get(f"{shown['url']}api/v1/tasks", timeout=30).json()["tasks"]
            return {"finished", "failed"} <= {task["status"] for task in tasks}

        wait_until(look)
        page = httpx.get(shown["url"], timeout=30)
        popen.send_signal(signal.SIGINT)
        code = popen.wait(60)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()

    assert code == 130
    assert page.status_code == 200
    assert shown["url"].startswith("http://127.0.0.1:")
    assert "orders-into-shop" in {task["route"] for task in tasks}
    assert not Path(shown["config"]).parent.exists()
    assert not (command.folder / "never.db").exists()


def test_a_port_without_the_dashboard_is_a_slip(command: Command):
    """`--port` alone would do nothing, so it is refused."""
    ran = command("demo", "--port", "8000")

    assert ran.code == 2
    assert "--serve" in ran.stderr
