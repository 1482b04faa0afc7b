"""What is fetched and when, seen from the command line and asked for there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.service.serving import CONFIG, serve, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import Command, Ran
    from tests.server.service.serving import Remote


def test_what_can_be_fetched_is_listed_before_anything_has_run(installed: Command):
    """The configuration says it; no tables are made for that."""
    ran = installed("schedules", "list")

    assert ran.code == 0
    header, feed, clock = ran.stdout.splitlines()
    assert header.split() == ["INCOMING", "SCHEDULE", "NEXT", "LAST", "TOOK", "RESULT"]
    assert feed.split()[:4] == ["feed", "when", "asked", "for"]
    assert clock.split()[:3] == ["clock", "every", "1s"]
    assert not list((installed.folder.parent / "kept").glob("*.db"))


def test_the_last_run_and_the_next_are_listed(installed: Command):
    """With how long it took, and what came of it."""
    with serve(installed) as served:
        served.wait_for("records_fetched")
        served.end()

    feed, clock = installed("schedules", "list", "--output", "json").json
    assert clock["incoming"] == "clock"
    assert clock["next_at"] > clock["last_started_at"]
    assert clock["last_result"].startswith("1 record")
    assert clock["last_duration_ms"] >= 0
    assert feed["next_at"] is None
    assert feed["last_result"] is None or not feed["last_result"]


def test_an_incoming_is_fetched_when_somebody_asks(installed: Command, remote: Remote):
    """Whoever works on the tables does so at once, whether there is a schedule or none."""
    with serve(installed) as served:
        ran = installed("schedules", "run", "feed")
        wait_until(lambda: remote.taken("fed"))
        served.wait_for("schedule_asked")

    assert ran.code == 0
    assert remote.asked("feed") == 1
    assert served.events("schedule_asked")[0]["incoming"] == "feed"


def test_what_was_asked_for_waits_for_who_does_it(installed: Command, remote: Remote):
    """Asked for while nobody works, it is fetched when somebody begins."""
    with serve(installed):
        pass
    installed("schedules", "run", "feed")

    with serve(installed):
        wait_until(lambda: remote.taken("fed"))

    assert remote.asked("feed") == 1


def test_a_fetch_that_goes_on_is_not_begun_again(
    installed: Command, remote: Remote, assert_clear: Callable[[Ran], None]
):
    """With `overlap: skip`, and without a schedule, whoever asks is told that it goes on already."""
    remote.delays["/feed"] = 30.0
    with serve(installed):
        installed("schedules", "run", "feed")
        wait_until(lambda: remote.asked("feed"))

        ran = installed("schedules", "run", "feed")

    assert ran.code == 1
    assert "feed is being fetched already" in ran.stderr
    assert_clear(ran)


def test_with_overlap_queue_the_next_fetch_waits(installed: Command, remote: Remote):
    """It is taken note of, and begun when the one that goes on has ended."""
    queued = CONFIG.replace("route: feed, effect: read, records: \"$.records[*]\"}",
                            "route: feed, effect: read, records: \"$.records[*]\"}\n"
                            "    schedule: {cron: '0 0 1 1 *', overlap: queue}")  # fmt: skip
    installed.write("connector.yaml", queued)
    remote.delays["/feed"] = 2.0
    with serve(installed) as served:
        installed("schedules", "run", "feed")
        wait_until(lambda: remote.asked("feed"))

        ran = installed("schedules", "run", "feed")
        served.wait_for("schedule_asked", 2)

    assert ran.code == 0
    assert remote.asked("feed") == 2


def test_what_cannot_be_fetched_is_told(installed: Command, assert_clear: Callable[[Ran], None]):
    """A name that there is none of, with those there are."""
    with serve(installed):
        ran = installed("schedules", "run", "feeds")

    assert ran.code == 2
    assert 'no incoming is called "feeds", there are: feed, clock' in ran.stderr
    assert_clear(ran)
