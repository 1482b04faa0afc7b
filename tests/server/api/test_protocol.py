"""What holds for every operation: who may, what is refused, how the document describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.kept import fill

if TYPE_CHECKING:
    from tests.server.api.stage import Stage

METHODS = ("get", "post", "put", "patch", "delete")


async def read_operations(stage: Stage) -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation of `/api/v1`."""
    async with stage.client() as client:
        document = (await client.get("/api/v1/openapi.json")).json()
    return [
        (method.upper(), path, described)
        for path, operations in document["paths"].items()
        for method, described in operations.items()
        if method in METHODS and path.startswith("/api/v1")
    ]


async def test_the_document_is_good_enough_to_make_a_client_of(stage: Stage):
    """Every operation has an id of its own, a tag, words, how callers are known, and what it answers."""
    operations = await read_operations(stage)

    ids = [described["operationId"] for _, _, described in operations]
    assert len(ids) == len(set(ids)) > 30
    for _, path, described in operations:
        assert described["tags"], path
        assert described["summary"], path
        assert described.get("description"), path
        assert {"bearer": []} in described["security"], path
        assert "401" in described["responses"], path
        assert all("content" in one for status, one in described["responses"].items()), path


async def test_the_document_says_31(stage: Stage):
    """It is OpenAPI 3.1, and problems have one schema."""
    async with stage.client() as client:
        document = (await client.get("/api/v1/openapi.json")).json()

    assert document["openapi"].startswith("3.1.")
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in json.dumps(document)


async def test_nobody_gets_in_without_saying_who_they_are(stage: Stage):
    """Once there is a user, every operation answers 401 to a caller that nobody knows."""
    await stage.store.accounts.put_user("ann", password_hash="x", role="operate")
    stage.context.doors.forget_people()

    async with stage.client() as client:
        for method, path, _ in await read_operations(stage):
            answer = await client.request(method, path.replace("{task}", "1"))
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_who_may_read_changes_nothing(stage: Stage):
    """A token with the role `read` gets every answer, and 403 wherever something would be changed."""
    await fill(stage.store)
    token = await stage.add_token("read")

    async with stage.client(token) as client:
        for method, path, _ in await read_operations(stage):
            concrete = path.format(task=2, route="orders", name="new-orders", client="shop", entity="coupon.apply")
            answer = await client.request(method, concrete, json={} if method == "POST" else None)
            is_harmless = method == "GET" or path.endswith(("/transform", "/validate"))
            assert (answer.status_code == 403) != is_harmless, (method, path, answer.text)


async def test_who_may_push_reads_nothing(stage: Stage):
    """A token that pushes into one route gets 403 from everything else."""
    token = await stage.add_token("push:orders")

    async with stage.client(token) as client:
        answers = [await client.get(f"/api/v1/{path}") for path in ("routes", "tasks", "me", "audit")]

    assert {answer.status_code for answer in answers} == {403}


async def test_a_token_is_known_by_its_name(stage: Stage):
    """`me` tells who asks, and the audit log names the token."""
    token = await stage.add_token("operate")

    async with stage.client(token) as client:
        me = (await client.get("/api/v1/me")).json()
        await client.post("/api/v1/routes/orders/pause")

    assert (me["name"], me["kind"], me["roles"]) == ("robot for operate", "token", ["operate"])
    assert await stage.audited() == [("robot for operate", "routes.pause", "orders")]


@pytest.mark.parametrize(
    "body",
    [
        b'{"steps": "", "record": {"a": NaN}}',
        b'{"steps": "", "record": "\\ud800"}',
        b"{",
        b"\xff\xfe",
        b'{"steps": "", "record": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"steps": "", "record": {"a":' + b'{"a":' * 80 + b"1" + b"}" * 80 + b"}}",
        b"[]",
        b"",
    ],
)
async def test_a_body_that_is_no_json_is_a_fault(stage: Stage, body: bytes):
    """What is no JSON, or nests beyond all use, is refused with what is wrong."""
    async with stage.client() as client:
        answer = await client.post("/api/v1/transform", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_whole_numbers_keep_every_digit(stage: Stage):
    """A number beyond 64 bits goes through a try-out and back as it is."""
    number = 2**80 + 1

    answer = await stage.ask("POST", "transform", {"steps": "[]", "record": {"a": number}})

    assert answer.json()["records"] == [{"a": number}]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "nothing", 404), ("DELETE", "tasks/1", 405), ("PUT", "routes", 405)]
)
async def test_what_is_not_there_is_a_problem_too(stage: Stage, method: str, path: str, status: int):
    """An address that nothing has, or not with that method, is answered as any other error."""
    answer = await stage.ask(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert status != 405 or answer.headers["allow"] == "GET"


async def test_a_fault_of_ours_tells_no_more_than_that(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """An error that nobody foresaw is a problem of status 500 without its words, which stand in the log."""
    monkeypatch.setattr(type(stage.store.routes), "states", _fail)

    answer = await stage.ask("GET", "routes")

    assert answer.status_code == 500
    assert answer.json()["request_id"]
    assert "a detail of the inside" not in answer.text


async def _fail(_self: Any) -> Any:
    raise RuntimeError("a detail of the inside")


async def test_a_misspelt_parameter_is_a_fault(stage: Stage):
    """What is asked for under a name that there is not is refused, with what there is and what may be meant."""
    answer = await stage.ask("GET", "tasks?stauts=failed")

    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["cure"] == 'did you mean "status"?'
    (fault,) = problem["faults"]
    assert fault["where"] == "query.stauts"
    assert fault["cure"] == 'did you mean "status"?'
    assert "accepted: route, status, key, key_prefix, text" in fault["message"]


async def test_no_operation_passes_over_a_parameter(filled: Stage):
    """Every operation refuses a parameter in the address that has no meaning, and does nothing then."""
    operations = await read_operations(filled)

    async with filled.client() as client:
        for method, path, _ in operations:
            concrete = path.format(task=2, route="orders", name="new-orders", client="shop", entity="coupon.apply")
            body = {"code": "A"} if path.endswith("/push") else {}
            answer = await client.request(
                method, concrete, params={"dry-rnu": "1"}, json=body if method == "POST" else None
            )
            assert answer.status_code in {400, 422}, (method, path, answer.text)
            assert "dry-rnu" in answer.text, (method, path)

    assert await filled.audited() == []


async def test_who_may_not_call_learns_that_first(stage: Stage):
    """A parameter without a meaning changes nothing about the answer to a caller who may not."""
    token = await stage.add_token("push:orders")

    async with stage.client(token) as client:
        answer = await client.get("/api/v1/tasks?stauts=failed")

    assert answer.status_code == 403
