"""Records in an answer: what is one, what is none, and what a publisher makes of an answer that has none."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import CallError, PayloadError, PublisherError, Recovery, SubscriberError
from connector.request import Verdict
from connector.testing.server import Reply

HTTP = {"connector": "http"}


async def read(open_call, answer: Any, records: str | None) -> list[Any]:
    """The records that a subscriber finds in one answer."""
    subscriber = {"route": "rows", **({"records": records} if records else {})}
    async with open_call(lambda _request: Reply(json=answer), subscriber=subscriber, client=HTTP) as (runtime, _server):
        return [record async for record in runtime.incoming("in").records()]


@pytest.mark.parametrize(
    ("answer", "records", "found"),
    [
        pytest.param({"rows": [{"a": 1}]}, "$.rows[*]", [{"a": 1}], id="a list's entries"),
        pytest.param({"rows": {"x": {"a": 1}, "y": {"a": 2}}}, "$.rows.*", [{"a": 1}, {"a": 2}], id="an object's"),
        pytest.param({"row": {"a": 1}}, "$.row", [{"a": 1}], id="one object"),
        pytest.param([{"a": 1}, {"a": 2}], None, [{"a": 1}, {"a": 2}], id="a list as a whole"),
        pytest.param({"a": 1}, None, [{"a": 1}], id="an object as a whole"),
        pytest.param({"rows": []}, "$.rows[*]", [], id="an empty list"),
        pytest.param({"rows": [{"a": 1}]}, "$.rows[?(@.a > 1)]", [], id="a filter that chooses none"),
        pytest.param([], "$.rows[*]", [], id="PHP's empty object"),
        pytest.param({}, None, [], id="an empty object"),
        pytest.param(None, None, [], id="null"),
    ],
)
async def test_records_are_found(open_call, answer: Any, records: str | None, found: list[Any]):
    """The path gives the records; without one the answer is a record or a list of them; nothing is no record."""
    assert await read(open_call, answer, records) == found


@pytest.mark.parametrize(
    ("answer", "records", "words"),
    [
        pytest.param({"rwos": []}, "$.rows[*]", 'there is no "rows" .*did you mean "rwos"', id="a wrong name"),
        pytest.param(
            {"rows": [1]}, "$.rows[*]", r"a record is a JSON object, \$\.rows\[\*\] gives the number 1", id="1"
        ),
        pytest.param({"rows": [{}]}, "$.rows", "a record is a JSON object", id="the list itself"),
        pytest.param("yes", None, "a record is a JSON object, the answer gives", id="a text"),
        pytest.param([[1]], None, "a record is a JSON object, the answer gives a list", id="lists in a list"),
    ],
)
async def test_what_is_no_record_is_an_error(open_call, answer: Any, records: str | None, words: str):
    """A path that leads nowhere, or to something else than objects, is named with what is there."""
    with pytest.raises(SubscriberError, match=words) as caught:
        await read(open_call, answer, records)

    assert caught.value.recovery is Recovery.ABORT


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"ok", headers={"content-type": "text/plain"}),
        Reply(204, body=b""),
        Reply(json="created"),
        Reply(json=[1, 2]),
        Reply(json={"id": 7}),
    ],
    ids=["a text", "no content", "a JSON text", "numbers", "an object without the path"],
)
async def test_a_publish_is_judged_by_its_verdict_not_by_its_records(open_call, reply: Reply):
    """An API that answers a commit with anything at all has carried it out; it need not give records."""
    publisher = {"route": "orders", "records": "$.rows[*]"}

    async with open_call(lambda _request: reply, publisher=publisher, client=HTTP) as (runtime, server):
        published = await runtime.publisher("out").publish({"id": 7})

    assert published.verdict in {Verdict.OK, Verdict.EMPTY}
    assert len(server.requests) == 1


async def test_a_publish_that_breaks_off_after_a_commit_names_it(open_call):
    """Where the next page of a commit cannot be found, the error says that the first one was carried out."""
    publisher = {
        "route": "orders",
        "pagination": {"page": {"in": "query", "name": "page"}},
        "records": "$.rows[*]",
    }

    async with open_call(lambda _request: Reply(json={"id": 7}), publisher=publisher, client=HTTP) as (runtime, server):
        with pytest.raises(PublisherError, match=r'there is no "rows".*already carried out: orders') as caught:
            await runtime.publisher("out").publish({"id": 7})

    assert caught.value.recovery is Recovery.PARK
    assert len(server.requests) == 1


async def test_an_answer_without_pages_fails_its_own_record_alone(open_call):
    """What a publisher cannot find in one answer is no reason to end a run."""
    publisher = {
        "route": "find",
        "effect": "read",
        "pagination": {"page": {"in": "query", "name": "page"}},
        "records": "$.rows[*]",
    }

    async with open_call(lambda _request: Reply(json={"id": 7}), publisher=publisher, client=HTTP) as (
        runtime,
        _server,
    ):
        with pytest.raises(PublisherError, match='there is no "rows"') as caught:
            await runtime.publisher("out").publish({"id": 7})

    assert caught.value.recovery is Recovery.PARK


async def test_a_payload_that_does_not_fit_after_a_commit_names_it(open_call, scripted_shop):
    """A later step whose payload is wrong does not hide that an earlier one was carried out."""
    script = scripted_shop({"api/order/history": Reply(json={"success": "noted"})})
    publisher = {
        "before": [{"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}}],
        "entity": "cart.add",
        "data": {"product_id": "{{ record.sku }}"},
    }

    async with open_call(script, publisher=publisher) as (runtime, _server):
        with pytest.raises(
            PublisherError, match=r"does not fit cart.add.*already carried out: order_history"
        ) as caught:
            await runtime.publisher("out").publish({"sku": "none"})

    assert caught.value.recovery is Recovery.PARK
    assert script.calls == {"api/login": 1, "api/order/history": 1}


async def test_a_payload_that_cannot_be_sent_after_a_commit_names_it(open_call):
    """The same holds for what only the encoding refuses."""
    publisher = {
        "before": [{"name": "first", "route": "orders", "effect": "commit", "data": {"id": "1"}}],
        "route": "lines",
        "data": {"deep": {"value": "{{ record.rows }}", "type": "any"}},
    }
    record = {"rows": {1: "a key that is no text"}}

    async with open_call(lambda _request: Reply(json={}), publisher=publisher, client=HTTP) as (runtime, server):
        with pytest.raises(PublisherError, match="already carried out: first"):
            await runtime.publisher("out").publish(record)

    assert len(server.requests) == 1


async def test_a_payload_that_does_not_fit_is_not_sent(open_call, scripted_shop):
    """Before anything was committed it is the payload's error, and nothing is sent."""
    script = scripted_shop({})
    publisher = {"entity": "cart.add", "data": {"product_id": "{{ record.sku }}"}}

    async with open_call(script, publisher=publisher) as (runtime, _server):
        with pytest.raises(PayloadError, match="product_id"):
            await runtime.publisher("out").publish({"sku": "none"})

    assert script.routes == []


async def test_a_filter_on_the_payload_leaves_the_call_out(open_call):
    """A publisher whose steps give no payload sends nothing, which is no failure."""
    publisher = {"route": "orders", "transform": [{"filter": "{{ record.paid }}"}]}

    async with open_call(lambda _request: Reply(json={}), publisher=publisher, client=HTTP) as (runtime, server):
        published = await runtime.publisher("out").publish({"paid": False})

    assert (published.verdict, published.pages, server.requests) == (None, 0, [])


async def test_two_payloads_for_one_call_are_an_error(open_call):
    """A split belongs onto the route, where each part is tried and reported by itself."""
    publisher = {"route": "orders", "transform": [{"split": "$.lines[*]"}]}

    async with open_call(lambda _request: Reply(json={}), publisher=publisher, client=HTTP) as (runtime, server):
        with pytest.raises(Exception, match="gave 2 payloads, one call takes one; split the records on the route"):
            await runtime.publisher("out").publish({"lines": [{"a": 1}, {"a": 2}]})

    assert server.requests == []


async def test_a_payload_may_have_fields_called_value_and_type(open_call):
    """Names of fields at the top of a payload are no long form of a template."""
    publisher = {"route": "prices", "data": {"value": "{{ record.price }}", "type": "decimal"}}

    async with open_call(lambda _request: Reply(json={}), publisher=publisher, client=HTTP) as (runtime, server):
        await runtime.publisher("out").publish({"price": "12.50"})

    assert server.requests[0].json == {"value": "12.50", "type": "decimal"}


async def test_a_question_that_got_no_answer_may_be_asked_again(open_call):
    """A call that changes nothing leaves nothing unknown, however it ended."""
    subscriber = {"route": "rows"}

    async with open_call(lambda _request: Reply(drop=True), subscriber=subscriber, client=HTTP) as (runtime, _server):
        with pytest.raises(CallError) as caught:
            _ = [record async for record in runtime.incoming("in").records()]

    assert (caught.value.recovery, caught.value.is_unknown) == (Recovery.RETRY, False)


async def test_a_record_half_done_says_so_with_its_step(open_call, scripted_shop):
    """A template that fails after a commit has its place in the result, and is not counted as never sent."""
    script = scripted_shop(
        {
            "api/order/history": Reply(json={"success": "noted"}),
            "api/cart/add": Reply(json={"success": "added"}),
        }
    )
    publisher = {
        "before": [
            {"entity": "order.history", "data": {"order_id": 1, "order_status_id": 2}},
            {"entity": "cart.add", "data": {"product_id": 40}},
        ],
        "entity": "coupon.apply",
        "data": {"coupon": "{{ record.missing }}"},
    }
    results = []

    async with open_call(script, publisher=publisher, route=True) as (runtime, _server):
        summary = await runtime.route("out").push(_batch({"n": 1}), on_result=results.append)

    assert (results[0].step, results[0].done) == ("outgoing.out.publisher.data.coupon", ("order_history",))
    assert "(already carried out: order_history)" in results[0].reason
    assert summary.verdicts == {"half_done": 1}


async def _batch(*records):
    yield list(records)
