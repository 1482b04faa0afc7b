"""`POST /api/v1/routes/<route>/push`."""

from __future__ import annotations

import asyncio
import gzip
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from connector.errors import StoreError
from connector.server.intake.routes import PUSH, add_routes
from connector.store.rows import TaskStatus
from tests.server.intake.stage import configure, until
from tests.store.stage import report, settle, take

ADDRESS = "/api/v1/routes/place/push"
JSON = ("Content-Type", "application/json")


@pytest.fixture
def config():
    """A configuration with a route that records are pushed into."""
    return configure({})


@pytest.mark.parametrize(
    ("body", "content_type", "records"),
    [
        (b'{"id": 1}', "application/json", [{"id": 1}]),
        (b'[{"id": 1}, {"id": 2}]', "application/json", [{"id": 1}, {"id": 2}]),
        (b'{"id": 1}\n{"id": 2}\n', "application/x-ndjson", [{"id": 1}, {"id": 2}]),
        (b'{"id": 1}', "application/x-www-form-urlencoded", [{"id": 1}]),
        (b'{"id": 1}\n{"id": 2}\n', "", [{"id": 1}, {"id": 2}]),
    ],
)
async def test_records_become_tasks(open_house, config, body, content_type, records):
    """One, a list of them, or JSON lines; also as curl sends them."""
    async with open_house(config) as house:
        reply = await house.send(ADDRESS, body, ("Content-Type", content_type))

        assert await house.records() == records
    assert (reply.status, reply.json["records"]) == (202, len(records))
    assert reply.headers["location"] == f"/api/v1/tasks/{reply.json['tasks'][0]}"


async def test_the_incoming_is_passed_by(open_house):
    """Its steps are for what comes to it."""
    config = configure({}, transform=[{"set": {"seen": True}}])
    async with open_house(config) as house:
        await house.send(ADDRESS, {"id": 1}, JSON)

        assert await house.records() == [{"id": 1}]


async def test_a_key_that_is_known_is_answered_as_the_first_was(open_house, config):
    """So that whoever got no answer can send it again."""
    config["routes"]["place"].pop("key")
    async with open_house(config) as house:
        replies = [await house.send(ADDRESS, {"id": 1}, JSON, ("Idempotency-Key", key)) for key in ("a", "a", "b")]

        assert await house.count() == 2
    assert [(reply.json["tasks"], reply.json["is_repeat"]) for reply in replies] == [
        ([1], False),
        ([1], True),
        ([2], False),
    ]


async def test_a_key_that_is_known_with_another_body_is_refused(open_house, config):
    """Answered as the first one was, it would be lost."""
    config["routes"]["place"].pop("key")
    async with open_house(config) as house:
        replies = [await house.send(ADDRESS, {"id": id_}, JSON, ("Idempotency-Key", "a")) for id_ in (1, 2, 1)]

        assert await house.records() == [{"id": 1}]
    assert [reply.status for reply in replies] == [202, 422, 202]
    assert "another body" in replies[1].json["detail"]


async def test_a_key_of_one_caller_is_none_of_anothers(open_house, config):
    """Nobody can find out, or use up, what another one sends."""
    config["routes"]["place"].pop("key")
    async with open_house(config) as house:
        tokens = [await house.add_token("push:*", name=name) for name in ("one", "two", "local")]
        for headers in ([tokens[0]], [tokens[1]], [tokens[2]], []):  # the last one is a caller of this machine, `local`
            await house.send(ADDRESS, {"id": 1}, JSON, *headers, ("Idempotency-Key", "a"))

        assert await house.count() == 4


@pytest.mark.parametrize(
    ("roles", "status"),
    [(["push:place"], 202), (["push:*"], 202), (["operate"], 202), (["read"], 403), (["push:other"], 403)],
)
async def test_a_token_has_to_allow_it(open_house, config, roles, status):
    """For this route, or for all."""
    async with open_house(config) as house:
        header = await house.add_token(*roles)
        reply = await house.send(ADDRESS, {"id": 1}, JSON, header, peer="203.0.113.9")

        assert (reply.status, await house.count()) == (status, int(status == 202))


async def test_nobody_is_let_in_without_a_token(open_house, config):
    """Whoever calls from elsewhere has to show one."""
    async with open_house(config) as house:
        reply = await house.send(ADDRESS, {"id": 1}, JSON, peer="203.0.113.9")

    assert reply.status == 401
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "message"),
    [
        ("/api/v1/routes/plce/push", b"{}", [], 404, "no route is called"),
        (ADDRESS, b"{", [JSON], 400, "no JSON"),
        (ADDRESS, b"", [], 400, "empty"),
        (ADDRESS, b"1", [], 400, "a record is a JSON object"),
        (f"{ADDRESS}?wiat=1s", b"{}", [], 400, "no parameter"),
        (f"{ADDRESS}?wait=soon", b"{}", [], 400, "duration"),
        (ADDRESS, b"{}", [("Idempotency-Key", " ")], 400, "Idempotency-Key"),
        (ADDRESS, b"{}", [("Idempotency-Key", "k" * 256)], 400, "Idempotency-Key"),
        (ADDRESS, b"{}", [("Content-Encoding", "br")], 415, "gzip"),
        (ADDRESS, gzip.compress(bytes(100_000), mtime=0), [("Content-Encoding", "gzip")], 413, "larger"),
    ],
)
async def test_what_is_wrong_is_told(open_house, config, path, body, headers, status, message):
    """With a status and a reason, and nothing is kept."""
    async with open_house(config, max_request="10kB") as house:
        reply = await house.send(path, body, *headers)

        assert (reply.status, await house.count()) == (status, 0)
    assert message in reply.json["detail"]


async def finish(house, **given):
    """Settle the first task as a worker does, as soon as it is there."""

    async def is_there():
        return await house.count() > 0

    await until(is_there)
    (claimed,) = await take(house.store, route="place")
    await report(house.store, settle(claimed, **given))


async def test_whoever_waits_is_told_the_outcome(open_house, config):
    """With 200, what the other system answered, and no secret in it."""
    async with open_house(config) as house:
        pushing = asyncio.create_task(house.send(f"{ADDRESS}?wait=60s", {"id": 1}, JSON))
        await finish(house, status=TaskStatus.FINISHED, verdict="success", value=b'{"order_id":7,"api_token":"abc"}')
        reply = await pushing

    (told,) = reply.json["outcomes"]
    assert reply.status == 200
    assert (told["id"], told["status"], told["verdict"]) == (1, "finished", "success")
    assert told["value"] == {"order_id": 7, "api_token": "***"}


async def test_whoever_waits_is_told_a_refusal(open_house, config):
    """With the reason and what to do about it."""
    async with open_house(config) as house:
        pushing = asyncio.create_task(house.send(f"{ADDRESS}?wait=60s", {"id": 1}, JSON))
        await finish(house, status=TaskStatus.FAILED, reason="no such product", cure="make one", step="order")
        reply = await pushing

    (told,) = reply.json["outcomes"]
    assert (reply.status, told["status"], told["reason"], told["cure"]) == (
        200,
        "failed",
        "no such product",
        "make one",
    )


async def test_a_wait_that_is_over_is_told_too(open_house, config):
    """With 202, and how the task stands: it is kept all the same."""
    async with open_house(config) as house:
        reply = await house.send(f"{ADDRESS}?wait=50ms", {"id": 1}, JSON)

    assert reply.status == 202
    assert [told["status"] for told in reply.json["outcomes"]] == ["new"]


async def test_a_stop_ends_a_wait(open_house, config):
    """A service that is to end does not wait for the outcome."""
    async with open_house(config) as house:
        pushing = asyncio.create_task(house.send(f"{ADDRESS}?wait=60s", {"id": 1}, JSON))

        async def is_there():
            return await house.count() > 0

        await until(is_there)
        house.service.stopping.set()
        reply = await pushing

    assert reply.status == 202


async def test_many_wait_at_once(open_house, config):
    """Each is told of its own."""
    async with open_house(config) as house:
        replies = await asyncio.gather(
            *(house.send(f"{ADDRESS}?wait=100ms", {"id": number}, JSON) for number in range(20))
        )

    assert sorted(reply.json["outcomes"][0]["id"] for reply in replies) == list(range(1, 21))


async def test_overload_is_told_and_nothing_lost(open_house, config):
    """What is refused can be sent again a little later, and what was taken is kept."""
    held, entered = asyncio.Event(), asyncio.Event()

    def hold(store):
        accept = store.tasks.accept

        async def wait(batches):
            entered.set()
            await held.wait()
            return await accept(batches)

        store.tasks.accept = wait
        return store

    async with open_house(config, wrap=hold, most_waiting=4) as house:
        taken = [asyncio.create_task(house.send(ADDRESS, {"id": number}, JSON)) for number in range(2)]
        await entered.wait()

        async def is_full():
            return house.acceptor.waiting == 2

        await until(is_full)
        refused = await house.send(ADDRESS, {"id": 3}, JSON)
        held.set()
        replies = await asyncio.gather(*taken)
        again = await house.send(ADDRESS, {"id": 3}, JSON)

        count = await house.count()

    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert [reply.status for reply in (*replies, again)] == [202, 202, 202]
    assert count == 3


async def test_a_store_that_is_away_is_told(open_house, config):
    """With 503, and when to send it again."""

    def fail(store):
        async def accept(_batches):
            raise StoreError("the database is away")

        store.tasks.accept = accept
        return store

    async with open_house(config, wrap=fail) as house:
        reply = await house.send(ADDRESS, {"id": 1}, JSON)

    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert reply.json["detail"] == "the database is away"


async def test_a_service_that_ends_takes_nothing_more(open_house, config):
    """It is told to go elsewhere, or to come back."""
    async with open_house(config) as house:
        await house.acceptor.aclose()
        reply = await house.send(ADDRESS, {"id": 1}, JSON)

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


async def test_only_post_is_taken(open_house, config):
    """Anything else is told what is."""
    async with open_house(config) as house:
        reply = await house.send(ADDRESS, method="PUT")

    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_the_openapi_document_has_both():
    """With what they take, what they answer, and who may."""
    app = FastAPI()
    add_routes(app, SimpleNamespace(store=None))  # type: ignore[arg-type]

    paths = app.openapi()["paths"]

    push, hook = paths[PUSH]["post"], paths["/hooks/{path}"]["post"]
    assert {parameter["name"] for parameter in push["parameters"]} == {"route", "wait", "Idempotency-Key"}
    assert {"200", "202", "400", "401", "403", "404", "413", "429", "503"} <= set(push["responses"])
    assert hook["security"] == []
