"""Loading the configuration anew while the service runs."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.service.serving import CONFIG, serve, wait_until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command
    from tests.server.service.serving import Remote, Served

RENAMED = CONFIG.replace("publisher: {client: remote, route: sales}", "publisher: {client: remote, route: sales-anew}")
FAULTY = CONFIG.replace("outgoing: {publisher: {client: remote, route: sales}}", "outgoing: nowhere")


def test_sighup_puts_a_new_configuration_in_force(installed: Command, remote: Remote):
    """What is pushed afterwards goes where the new one says."""
    with serve(installed) as served:
        served.push("S1", wait="30s")
        installed.write("connector.yaml", RENAMED)

        served.send(signal.SIGHUP)
        served.wait_for("reloaded")
        served.push("S2", wait="30s")

    assert remote.taken("sales") == [{"id": "S1"}]
    assert remote.taken("sales-anew") == [{"id": "S2"}]


def test_a_configuration_with_a_fault_changes_nothing(installed: Command, remote: Remote):
    """It is refused as a whole, with its faults and their places; the old one goes on."""
    with serve(installed) as served:
        installed.write("connector.yaml", FAULTY)

        answer = served.post("/api/v1/reload")
        served.send(signal.SIGHUP)
        served.wait_for("reload_refused", 2)
        pushed = served.push("S1", wait="30s")

    assert answer.status_code == 409
    (fault,) = answer.json()["faults"]
    assert fault["file"].endswith("connector.yaml")
    assert (fault["line"], fault["column"], fault["where"]) == (11, 21, "routes.sales.outgoing")
    assert 'no outgoing is called "nowhere"' in fault["message"]
    assert "connector.yaml:11:21: routes.sales.outgoing: no outgoing" in served.events("reload_refused")[0]["faults"][0]
    assert pushed.json()["outcomes"][0]["status"] == "finished"
    assert remote.taken("sales") == [{"id": "S1"}]
    assert len(served.events("worker_started")) == 1


def test_an_empty_file_changes_nothing(installed: Command):
    """As one is that is just being written: nothing that is sent in is answered as if there were no route for it."""
    with serve(installed) as served:
        installed.write("connector.yaml", "")

        checked = served.post("/api/v1/validate")
        answer = served.post("/api/v1/reload")
        pushed = served.push("S1", wait="30s")

    assert not checked.json()["is_valid"]
    assert answer.status_code == 409
    assert "is empty" in answer.text
    assert pushed.json()["outcomes"][0]["status"] == "finished"


def test_what_cannot_be_built_changes_nothing(installed: Command):
    """A file that the configuration names and that is not there refuses it, too."""
    with serve(installed) as served:
        installed.write("connector.yaml", CONFIG.replace('"${URL}"', "https://shop.example.com/, ca_file: no.pem"))

        answer = served.post("/api/v1/reload")
        pushed = served.push("S1", wait="30s")

    assert answer.status_code == 409
    assert "no.pem" in answer.text
    assert pushed.json()["outcomes"][0]["status"] == "finished"


def test_what_is_in_hand_is_finished_as_it_was_begun(installed: Command, remote: Remote):
    """A task on its way when the configuration changes comes to its end under the old one, however long that takes."""
    remote.delays["S1"] = 3.0
    with serve(installed, "--grace", "500ms") as served:
        served.push("S1")
        wait_until(lambda: remote.taken("sales"))
        installed.write("connector.yaml", RENAMED)

        served.post("/api/v1/reload")
        waiting = served.push("S2", wait="30s")

        assert not served.events("broken_off")
    tasks = installed("tasks", "list", "--route", "sales", "--output", "json").json["tasks"]
    assert [task["status"] for task in tasks] == ["finished", "finished"]
    assert waiting.json()["outcomes"][0]["status"] == "finished"
    assert remote.taken("sales-anew") == [{"id": "S2"}]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_nothing_is_lost_over_reloads(kind: str, installed: Command, remote: Remote, request: pytest.FixtureRequest):
    """Requests that come in meanwhile are all answered, and every record arrives once."""
    command = installed if kind == "sqlite" else request.getfixturevalue("shared")
    with serve(command) as served:
        pushers = [_Pusher(served, name) for name in "AB"]
        for generation in range(2, 6):
            assert served.post("/api/v1/reload").json() == {"generation": generation}
            pushed = [len(pusher.ids) for pusher in pushers]
            wait_until(lambda before=pushed: all(len(p.ids) > n for p, n in zip(pushers, before, strict=True)))
        for pusher in pushers:
            pusher.end()
        ids = sorted(id_ for pusher in pushers for id_ in pusher.ids)
        wait_until(lambda: len(remote.taken("sales")) >= len(ids))
        ended = served.end()

    assert [pusher.refused for pusher in pushers] == [[], []]
    assert sorted(record["id"] for record in remote.taken("sales")) == ids
    assert ended == 143


def test_reloads_in_quick_succession_end_with_the_last(installed: Command):
    """Each is in force for what comes in; the worker begins with the last of them."""
    with serve(installed) as served:
        generations = [served.post("/api/v1/reload").json()["generation"] for _ in range(5)]
        wait_until(lambda: served.get("/readyz").status_code == 200)
        pushed = served.push("S1", wait="30s")
        ended = served.end()

    assert generations == [2, 3, 4, 5, 6]
    assert pushed.json()["outcomes"][0]["status"] == "finished"
    assert ended == 143


class _Pusher:
    """Pushes record after record, in a thread."""

    def __init__(self, served: Served, name: str) -> None:
        self.ids: list[str] = []
        self.refused: list[Any] = []
        self._served = served
        self._name = name
        self._is_over = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Push no more."""
        self._is_over = True
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over:
            id_ = f"{self._name}{len(self.ids)}"
            answer = self._served.push(id_)
            if answer.status_code == 202:
                self.ids.append(id_)
            else:
                self.refused.append(answer.text)
                return
