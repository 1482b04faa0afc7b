"""`connector serve`: starting, stopping, being in the way of others."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.server.service.serving import serve, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import Command, Ran
    from tests.server.service.serving import Remote


def test_it_does_everything_in_one_process(installed: Command, remote: Remote):
    """What is pushed is delivered, what is due is fetched, and the dashboard is there."""
    with serve(installed) as served:
        answer = served.push("S1", wait="30s")
        wait_until(lambda: remote.taken("ticks"))
        page = served.get("/")

    assert answer.json()["outcomes"][0]["status"] == "finished"
    assert remote.taken("sales") == [{"id": "S1"}]
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


def test_without_routes_it_shows_what_there_is(installed: Command, remote: Remote):
    """Who begins with clients alone can look around; the first route is there after a reload."""
    text = (installed.folder / "connector.yaml").read_text()
    installed.write("connector.yaml", text.partition("incoming:")[0])
    with serve(installed) as served:
        page = served.get("/")
        installed.write("connector.yaml", text)
        served.post("/api/v1/reload")
        answer = served.push("S1", wait="30s")
        ended = served.end()

    assert page.status_code == 200
    assert answer.json()["outcomes"][0]["status"] == "finished"
    assert remote.taken("sales") == [{"id": "S1"}]
    assert ended == 143


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_finishes_what_is_in_hand(signum: int, code: int, installed: Command, remote: Remote):
    """A task on its way comes to its end, and so does the request that waits for it; then the process ends."""
    remote.delays["S1"] = 2.0
    answers: list[httpx.Response] = []
    with serve(installed) as served:
        pushing = threading.Thread(target=lambda: answers.append(served.push("S1", wait="30s")))
        pushing.start()
        wait_until(lambda: remote.taken("sales"))

        ended = served.end(signum)
        pushing.join()

        assert ended == code
        assert answers[0].status_code in {200, 202}
        assert len(answers[0].json()["tasks"]) == 1
        assert not served.events("broken_off")
    (task,) = installed("tasks", "list", "--route", "sales", "--output", "json").json["tasks"]
    assert task["status"] == "finished"


def test_a_stop_takes_nothing_new(installed: Command, remote: Remote):
    """While what is in hand comes to its end, nobody can connect any more."""
    remote.delays["S1"] = 3.0
    with serve(installed) as served:
        served.push("S1")
        wait_until(lambda: remote.taken("sales"))
        served.send(signal.SIGTERM)
        served.wait_for("service_stopping")

        wait_until(lambda: _refuses(served.url))

        assert served.popen.wait(60) == 143


def test_a_second_signal_breaks_off(installed: Command, remote: Remote):
    """Whoever does not want to wait for what is in hand asks twice."""
    remote.delays["S1"] = 50.0
    with serve(installed) as served:
        served.push("S1")
        wait_until(lambda: remote.taken("sales"))
        served.send(signal.SIGTERM)
        served.wait_for("service_stopping")

        assert served.end() == 143
    assert "broken off" in served.stderr


def test_what_takes_longer_than_the_grace_is_broken_off(installed: Command, remote: Remote):
    """A task that was sent and not answered in time is unknown, not lost and not sent again."""
    remote.delays["S1"] = 50.0
    with serve(installed, "--grace", "500ms") as served:
        served.push("S1")
        wait_until(lambda: remote.taken("sales"))

        assert served.end() == 143
    (task,) = installed("tasks", "list", "--route", "sales", "--output", "json").json["tasks"]
    assert task["status"] == "unknown"


def test_a_port_that_is_taken_is_told_before_any_work(
    installed: Command, remote: Remote, assert_clear: Callable[[Ran], None]
):
    """The message names the port and what to do; nothing was fetched, and no database was made."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        ran = installed("serve", "--port", str(port))

    assert ran.code == 1
    assert f"cannot listen on 127.0.0.1:{port}: another program does" in ran.stderr
    assert "--port 0" in ran.stderr
    assert not remote.asked("clock")
    assert_clear(ran)


@pytest.mark.parametrize(
    ("host", "message"), [("203.0.113.7", "this machine does not have that address"), ("no.such.invalid", "no address")]
)
def test_an_address_that_cannot_be_had_is_told(
    host: str, message: str, installed: Command, assert_clear: Callable[[Ran], None]
):
    """The message says what is wrong with the host."""
    ran = installed("serve", "--host", host, "--port", "0")

    assert ran.code == 1
    assert message in ran.stderr
    assert_clear(ran)


def test_off_this_machine_it_needs_somebody_to_let_in(installed: Command, assert_clear: Callable[[Ran], None]):
    """Without a user or a token it does not listen to other machines, and says how to make one."""
    ran = installed("serve", "--host", "0.0.0.0", "--port", "0")

    assert ran.code == 1
    assert "connector user create" in ran.stderr
    assert_clear(ran)


def test_on_sqlite_the_roles_cannot_be_split(installed: Command, assert_clear: Callable[[Ran], None]):
    """One process has the file, so it has to do everything; the message says what would help."""
    ran = installed("serve", "--role", "worker", "--port", "0")

    assert ran.code == 1
    assert "on SQLite one process does everything" in ran.stderr
    assert "CONNECTOR_DATABASE" in ran.stderr
    assert_clear(ran)


def test_a_second_one_on_the_same_file_is_refused(installed: Command, assert_clear: Callable[[Ran], None]):
    """The message names the process that has the file."""
    with serve(installed) as served:
        ran = installed("serve", "--port", "0")

    assert ran.code == 1
    assert f"is in use by `connector serve` (pid {served.popen.pid}" in ran.stderr
    assert_clear(ran)


def test_without_the_packages_of_the_extra_it_says_what_to_install(
    installed: Command, assert_clear: Callable[[Ran], None]
):
    """Whoever installed the plain package is told the one command that is missing."""
    installed.write("uvicorn.py", "raise ModuleNotFoundError(\"No module named 'uvicorn'\", name='uvicorn')\n")

    ran = installed("serve", "--port", "0", PYTHONPATH=str(installed.folder))

    assert ran.code == 1
    assert "in the folder of the sources: python -m pip install '.[server]'" in ran.stderr
    assert_clear(ran)


def test_a_certificate_alone_is_refused(installed: Command, assert_clear: Callable[[Ran], None]):
    """A half of what TLS needs is a slip, and not a reason to speak without."""
    ran = installed("serve", "--port", "0", CONNECTOR_TLS_CERTIFICATE="server.pem")

    assert ran.code == 1
    assert "CONNECTOR_TLS_KEY is not set" in ran.stderr
    assert_clear(ran)


def _refuses(url: str) -> bool:
    try:
        httpx.get(f"{url}/livez", timeout=5)
    except httpx.TransportError:
        return True
    return False
