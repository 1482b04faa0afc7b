"""Several processes of the service on one PostgreSQL database, each with roles of its own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.postgres import Postgres, find_server
from tests.server.service.serving import serve, wait_until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command
    from tests.server.service.serving import Remote

pytestmark = pytest.mark.postgres


def test_each_process_does_its_part(shared: Command, remote: Remote):
    """What one takes in the other delivers, at once; what one finds due, or is asked for, the other fetches."""
    with (
        serve(shared, "--role", "scheduler", "--role", "http") as front,
        serve(shared, "--role", "worker") as worker,
    ):
        pushed = front.push("S1", wait="30s")
        asked = front.post("/api/v1/incomings/feed/run")
        wait_until(lambda: remote.taken("ticks") and remote.taken("fed"))
        codes = [front.end(), worker.end()]

    assert pushed.json()["outcomes"][0]["status"] == "finished"
    assert asked.is_success
    assert remote.asked("feed") == 1
    assert codes == [143, 143]
    assert not front.events("route_delivered")
    assert worker.events("schedule_asked")[0]["incoming"] == "feed"


def test_a_worker_answers_whoever_watches_over_it_and_nobody_else(shared: Command):
    """It tells whether it is alive and ready, and its counts; it has no pages, no API, and takes no records."""
    with serve(shared, "--role", "worker") as worker:
        told = {path: worker.get(path).status_code for path in ("/livez", "/readyz", "/metrics")}
        hidden = {path: worker.get(path).status_code for path in ("/", "/login", "/api/v1/tasks", "/hooks/orders")}
        pushed = worker.push("S1")

    assert set(told.values()) == {200}
    assert set(hidden.values()) == {404}
    assert pushed.status_code == 404


def test_nothing_is_fetched_without_a_scheduler(shared: Command, remote: Remote):
    """A worker that is nothing else leaves it to others to say what is due."""
    with (
        serve(shared, "--role", "http") as front,
        serve(shared, "--role", "worker"),
    ):
        front.push("S1", wait="30s")
        front.push("S2", wait="30s")

    assert len(remote.taken("sales")) == 2
    assert not remote.asked("clock")


def test_a_worker_takes_up_what_another_did_not_finish(shared: Command, remote: Remote):
    """Processes come and go; what one gave back when it was stopped the next one delivers."""
    remote.delays["*"] = 0.2
    with serve(shared, "--role", "http") as front:
        with serve(shared, "--role", "worker") as worker:
            front.push(*[f"S{number}" for number in range(40)])
            wait_until(lambda: len(remote.taken("sales")) > 4)
            worker.end()
        with serve(shared, "--role", "worker"):
            wait_until(lambda: len(remote.taken("sales")) >= 40)

    ids = [record["id"] for record in remote.taken("sales")]
    assert sorted(ids) == sorted(f"S{number}" for number in range(40))


def test_each_process_loads_anew_by_its_own_signal(shared: Command, remote: Remote):
    """A new configuration is delivered by once the worker was told; the front has it by then."""
    with (
        serve(shared, "--role", "scheduler", "--role", "http") as front,
        serve(shared, "--role", "worker") as worker,
    ):
        text = (shared.folder / "connector.yaml").read_text()
        shared.write("connector.yaml", text.replace("client: remote, route: sales}", "client: remote, route: anew}"))

        for served in (front, worker):
            served.send(signal.SIGHUP)
            served.wait_for("reloaded")
        pushed = front.push("S1", wait="30s")

    assert pushed.json()["outcomes"][0]["status"] == "finished"
    assert remote.taken("anew") == [{"id": "S1"}]


def test_an_outage_of_the_database_ends_no_process(installed: Command, remote: Remote):
    """While it is away a push is refused and no process is ready; once it is back, everything goes on by itself."""
    programs = find_server()
    if programs is None:
        pytest.skip("there is no PostgreSQL server here")
    with Postgres(programs) as server:
        installed.environment["CONNECTOR_DATABASE"] = server.make_database()
        with (
            serve(installed, "--role", "scheduler", "--role", "http") as front,
            serve(installed, "--role", "worker") as worker,
        ):
            front.push("S1", wait="30s")
            server.stop()
            wait_until(lambda: front.get("/readyz").status_code == worker.get("/readyz").status_code == 503)
            server.start()
            wait_until(lambda: front.get("/readyz").status_code == worker.get("/readyz").status_code == 200)
            pushed = front.push("S2", wait="60s")
            fetched = remote.asked("clock")
            wait_until(lambda: remote.asked("clock") > fetched)
            codes = [front.end(), worker.end()]

    assert pushed.json()["outcomes"][0]["status"] == "finished"
    assert [record["id"] for record in remote.taken("sales")] == ["S1", "S2"]
    assert codes == [143, 143]
