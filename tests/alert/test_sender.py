"""Messages on their way to a receiver."""

from __future__ import annotations

import hashlib
import hmac

import orjson
import pytest

from connector.alert.judge import Conditions
from connector.alert.message import write_message, write_subject
from connector.alert.options import AlertOptions
from connector.alert.plan import AlertPlan
from connector.alert.sender import AlertSender
from connector.errors import AlertError
from connector.store.rows import AlarmRow
from connector.testing.server import Received, Reply, ScriptedServer

NOW_MS = 1_800_000_000_000
OPTIONS = AlertOptions.model_validate({"url": "https://chat.example/"})


def plan(url: str = "http://127.0.0.1:9/", **changes: object) -> AlertPlan:
    """Return a receiver."""
    return AlertPlan("chat", OPTIONS, url, changes.pop("secret", None), Conditions(), **changes)  # type: ignore[arg-type]


def row(subject: str = "orders", **changes: object) -> AlarmRow:
    """Return an alarm as the store keeps it."""
    values = {
        "kind": "failures",
        "text": f"{subject}: 3 of 20 tasks failed",
        "since_ms": NOW_MS - 60_000,
        "detail": b'{"cure":"see why","failed":3}',
        **changes,
    }
    return AlarmRow(subject=write_subject("chat", subject), **values)  # type: ignore[arg-type]


async def never_wait(_seconds: float) -> None:
    """Wait for nothing."""


def test_message_tells_programs_and_people() -> None:
    """A message has its alarms as JSON, and a text with the cure and a link that chats show."""
    message = write_message(plan(), [row()], now_ms=NOW_MS, public_url="https://connector.example/")

    told = orjson.loads(message.body)
    (alarm,) = told["alarms"]
    assert (told["alert"], told["is_test"], told["sent_at"]) == ("chat", False, "2027-01-15T08:00:00.000Z")
    assert alarm == {
        "status": "began",
        "kind": "failures",
        "subject": "orders",
        "text": "orders: 3 of 20 tasks failed",
        "cure": "see why",
        "since": "2027-01-15T07:59:00.000Z",
        "over_at": None,
        "url": "https://connector.example/tasks?route=orders&status=failed",
        "detail": {"failed": 3},
    }
    assert told["text"] == f"Needs a person: orders: 3 of 20 tasks failed. See why {alarm['url']}"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({}, "began", "Needs a person: "),
        ({"told_at_ms": NOW_MS - 1}, "lasts", "Still needs a person: "),
        ({"told_at_ms": NOW_MS - 1, "cleared_at_ms": NOW_MS}, "over", "Over: "),
    ],
)
def test_message_says_what_is_new_and_what_is_over(changes: dict[str, int], status: str, said: str) -> None:
    """An alarm began, lasts, or is over."""
    told = orjson.loads(write_message(plan(), [row(**changes)], now_ms=NOW_MS).body)

    assert told["alarms"][0]["status"] == status
    assert told["text"].startswith(said)


def test_text_of_many_alarms_is_bounded() -> None:
    """A hundred alarms at once are all in the JSON; the text tells some, and how many more."""
    rows = [row(f"route-{number}") for number in range(100)]

    told = orjson.loads(write_message(plan(), rows, now_ms=NOW_MS).body)

    assert len(told["alarms"]) == 100
    assert len(told["text"].splitlines()) == 21
    assert told["text"].endswith("… and 80 more")


def test_receiver_may_take_a_text_alone() -> None:
    """Where the receiver refuses what it does not know, it is sent the text and nothing else."""
    message = write_message(plan(is_text_alone=True), [row()], now_ms=NOW_MS)

    assert orjson.loads(message.body).keys() == {"text"}


async def test_message_is_signed() -> None:
    """The signature is the HMAC of the very bytes that arrive."""
    async with ScriptedServer(lambda _request: Reply(204, body=b"")) as server:
        receiver = plan(server.url, secret="s3cr3t-sign")

        status = await AlertSender(receiver).send(write_message(receiver, [row()], now_ms=NOW_MS))

    (received,) = server.requests
    wanted = hmac.new(b"s3cr3t-sign", received.body, hashlib.sha256).hexdigest()
    assert (status, received.method) == (204, "POST")
    assert received.headers["x-connector-signature"] == f"sha256={wanted}"
    assert received.headers["content-type"] == "application/json"


async def test_busy_receiver_is_tried_again() -> None:
    """A receiver that is broken or busy gets the same message again, and then no more."""
    replies = iter([Reply(503), Reply(429), Reply(200)])
    async with ScriptedServer(lambda _request: next(replies)) as server:
        receiver = plan(server.url)

        await AlertSender(receiver, sleep=never_wait).send(write_message(receiver, [row()], now_ms=NOW_MS))

    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) == 3


async def test_refusal_is_not_repeated() -> None:
    """A receiver that refuses a message is not asked again, and the refusal is told in its words."""
    async with ScriptedServer(lambda _request: Reply(400, body=b"invalid_payload")) as server:
        receiver = plan(server.url)

        with pytest.raises(AlertError, match="chat could not be told: it answered 400: invalid_payload") as caught:
            await AlertSender(receiver, sleep=never_wait).send(write_message(receiver, [row()], now_ms=NOW_MS))

    assert len(server.requests) == 1
    assert "format: text" in (caught.value.cure or "")
    assert not caught.value.may_pass


async def test_redirects_are_not_followed() -> None:
    """A message goes where the configuration says, and nowhere that an answer says."""

    def lead_on(request: Received) -> Reply:
        return Reply(302, headers={"location": "/elsewhere"}) if request.path == "/" else Reply()

    async with ScriptedServer(lead_on) as server:
        receiver = plan(server.url)

        with pytest.raises(AlertError, match="it answered 302"):
            await AlertSender(receiver, sleep=never_wait).send(write_message(receiver, [row()], now_ms=NOW_MS))

    assert [request.path for request in server.requests] == ["/"]


async def test_receiver_that_is_gone_is_an_error() -> None:
    """A receiver that cannot be reached is told as such after the last try, and may be there later."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    with pytest.raises(AlertError, match="chat could not be told") as caught:
        await AlertSender(plan(), sleep=note).send(write_message(plan(), [row()], now_ms=NOW_MS))

    assert waits == [1.0, 4.0]
    assert caught.value.may_pass
