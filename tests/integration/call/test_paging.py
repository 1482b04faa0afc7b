"""Pages, end to end: every way of asking for the next one, and what ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from connector.errors import CallError, PayloadError, SubscriberError
from connector.testing.server import Received, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROWS = [{"id": number} for number in range(1, 8)]
SIZE = 3


def cut(start: int) -> list[dict[str, int]]:
    """One page of the rows."""
    return ROWS[start : start + SIZE]


def by_page(read: Callable[[Received], Any]) -> Callable[[Received], Reply]:
    """A script that gives the page whose number a request names."""
    return lambda request: Reply(json={"rows": cut((int(read(request) or 1) - 1) * SIZE)})


def by_offset(read: Callable[[Received], Any]) -> Callable[[Received], Reply]:
    """A script that gives the rows behind the offset a request names."""
    return lambda request: Reply(json={"rows": cut(int(read(request)))})


def by_cursor(request: Received) -> Reply:
    """A script that hands a cursor on in the body."""
    start = int((request.json.get("after") or "c0")[1:])
    rows = cut(start)
    return Reply(json={"rows": rows, "next": f"c{start + SIZE}" if start + SIZE < len(ROWS) else None})


def by_header_cursor(request: Received) -> Reply:
    """A script that hands a cursor on in a header."""
    start = int(request.query.get("after", "0"))
    headers = {"X-Next": str(start + SIZE)} if start + SIZE < len(ROWS) else {}
    return Reply(json={"rows": cut(start)}, headers=headers)


def by_next_link(request: Received) -> Reply:
    """A script that hands a relative address on in the body."""
    start = int(request.query.get("start", "0"))
    return Reply(json={"rows": cut(start), "next": f"?start={start + SIZE}" if start + SIZE < len(ROWS) else ""})


def by_link_header(request: Received) -> Reply:
    """A script that hands an address on in the Link header."""
    start = int(request.query.get("start", "0"))
    link = f'<{request.path}?start={start + SIZE}>; rel="next", <{request.path}>; rel="first"'
    return Reply(json={"rows": cut(start)}, headers={"Link": link} if start + SIZE < len(ROWS) else {})


async def take_all(records: AsyncIterator[Any], taken: list[Any]) -> None:
    """Take records into a list, which holds those before an error."""
    async for record in records:
        taken.append(record)  # noqa: PERF401 - a comprehension would lose them


HTTP_CASES = [
    # the pagination, what the API does, and how many requests it takes
    pytest.param({"page": {"in": "query", "name": "page"}}, by_page(lambda r: r.query["page"]), 4, id="page, query"),
    pytest.param({"page": {"in": "header", "name": "X-Page"}}, by_page(lambda r: r.headers["x-page"]), 4, id="header"),
    pytest.param(
        {"page": {"in": "json", "name": "$.filter.page", "size": 3, "size_name": "$.filter.limit"}},
        by_page(lambda r: r.json["filter"]["page"]),
        3,
        id="page, json, size",
    ),
    pytest.param(
        {"offset": {"in": "json", "name": "$.offset", "size": 3}}, by_offset(lambda r: r.json["offset"]), 3, id="offset"
    ),
    pytest.param({"cursor": {"from": "$.next", "in": "json", "name": "$.after"}}, by_cursor, 3, id="cursor"),
    pytest.param(
        {"cursor": {"from_header": "X-Next", "in": "query", "name": "after"}}, by_header_cursor, 3, id="cursor, header"
    ),
    pytest.param({"next_link": {"from": "$.next"}}, by_next_link, 3, id="next link"),
    pytest.param({"link_header": {}}, by_link_header, 3, id="link header"),
]


@pytest.mark.parametrize(("pagination", "script", "requests"), HTTP_CASES)
async def test_every_way_of_paging_gives_every_record_once(open_call, pagination, script, requests: int):
    """All records come, in order, with no more requests than the strategy needs."""
    subscriber = {"route": "rows", "pagination": pagination, "records": "$.rows[*]"}

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, server):
        records = [record async for record in runtime.incoming("in").records()]

    assert records == ROWS
    assert len(server.requests) == requests
    assert {request.method for request in server.requests} == {"POST"}


async def test_pages_of_a_form_on_a_route_that_the_catalog_does_not_list(open_call, scripted_shop):
    """On a shop the page goes into the form, beside the payload; one log-in serves all pages."""
    forms: list[dict[str, str]] = []

    def answer(request: Received) -> Reply:
        forms.append(request.form)
        return Reply(json={"rows": cut((int(request.form["page"]) - 1) * SIZE)})

    script = scripted_shop({"api/rows": answer})
    subscriber = {
        "route": "api/rows",
        "data": {"status": "paid"},
        "pagination": {"page": {"in": "form", "name": "page", "size": 3, "size_name": "limit"}},
        "records": "$.rows[*]",
    }

    async with open_call(script, subscriber=subscriber) as (runtime, _server):
        records = [record async for record in runtime.incoming("in").records()]

    assert records == ROWS
    assert forms == [{"status": "paid", "page": str(number), "limit": "3"} for number in (1, 2, 3)]
    assert script.calls["api/login"] == 1


async def test_the_payload_may_speak_of_the_page(open_call):
    """A template finds the number of the page."""
    script = by_page(lambda request: request.json["wanted"][1:])
    subscriber = {
        "route": "rows",
        "data": {"wanted": "p{{ page.number }}"},
        "pagination": {"page": {"in": "query", "name": "unused"}},
        "records": "$.rows[*]",
    }

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, _server):
        records = [record async for record in runtime.incoming("in").records()]

    assert records == ROWS


async def test_a_filter_in_the_path_does_not_end_the_pages(open_call):
    """A page of which the filter leaves nothing is followed by the next; the end is decided on the raw answer."""
    script = by_page(lambda request: request.query["page"])
    subscriber = {
        "route": "rows",
        "pagination": {"page": {"in": "query", "name": "page", "size": 3}},
        "records": "$.rows[?(@.id > 4)]",
    }

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, server):
        records = [record async for record in runtime.incoming("in").records()]

    assert records == [{"id": 5}, {"id": 6}, {"id": 7}]
    assert len(server.requests) == 3


async def test_max_records_counts_what_came_before_a_filter(open_call):
    """Of the first five records those that the filter chooses are given, and no further page is asked for."""
    script = by_page(lambda request: request.query["page"])
    subscriber = {
        "route": "rows",
        "pagination": {"page": {"in": "query", "name": "page"}, "max_records": 5},
        "records": "$.rows[?(@.id > 3)]",
    }

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, server):
        records = [record async for record in runtime.incoming("in").records()]

    assert records == [{"id": 4}, {"id": 5}]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("limit", "ids"),
    [({"max_pages": 2}, [1, 2, 3, 4, 5, 6]), ({"max_records": 4}, [1, 2, 3, 4])],
    ids=["pages", "records"],
)
async def test_a_limit_ends_the_pages_with_a_warning(open_call, limit: dict[str, int], ids: list[int]):
    """What lies beyond the limit stays where it is, and the log says that there was more."""
    script = by_page(lambda request: request.query["page"])
    subscriber = {
        "route": "rows",
        "pagination": {"page": {"in": "query", "name": "page"}, **limit},
        "records": "$.rows[*]",
    }

    with capture_logs() as lines:
        async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, server):
            records = [record["id"] async for record in runtime.incoming("in").records()]

    assert records == ids
    assert len(server.requests) == 2
    assert [(line["event"], line["log_level"], line["limit"]) for line in lines] == [
        ("paging_stopped", "warning", next(iter(limit)))
    ]


async def test_an_api_that_ignores_the_page_is_not_asked_for_ever(open_call):
    """The same records again are an error that names what seems to be ignored."""
    script = by_page(lambda _request: 1)
    subscriber = {
        "route": "rows",
        "pagination": {"page": {"in": "query", "name": "page"}},
        "records": "$.rows[*]",
    }

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, server):
        with pytest.raises(
            SubscriberError, match="page 2 gives the same records as page 1, so page seems to be ignored"
        ):
            _ = [record async for record in runtime.incoming("in").records()]

    assert len(server.requests) == 2


async def test_a_chain_of_relative_links_is_followed(open_call):
    """Each link is relative to the page it stands on, not to the first one."""

    def answer(request: Received) -> Reply:
        following = {"/rows": "lists/2", "/lists/2": "3"}.get(request.path)
        return Reply(json={"rows": [{"path": request.path}], "next": following})

    subscriber = {"route": "rows", "pagination": {"next_link": {"from": "$.next"}}, "records": "$.rows[*]"}
    async with open_call(answer, subscriber=subscriber, client={"connector": "http"}) as (runtime, _server):
        records = [record async for record in runtime.incoming("in").records()]

    assert [record["path"] for record in records] == ["/rows", "/lists/2", "/lists/3"]


async def test_a_next_link_to_another_host_is_not_followed(open_call):
    """The credential goes nowhere else, whatever an answer says."""
    script_json = {"rows": ROWS[:3], "next": "http://elsewhere.invalid/rows?page=2"}
    subscriber = {"route": "rows", "pagination": {"next_link": {"from": "$.next"}}, "records": "$.rows[*]"}
    client = {"connector": "http", "auth": {"bearer": "the-token"}}
    taken: list[dict[str, Any]] = []

    async with open_call(lambda _request: Reply(json=script_json), subscriber=subscriber, client=client) as (
        runtime,
        server,
    ):
        with pytest.raises((SubscriberError, PayloadError), match=r"elsewhere\.invalid"):
            await take_all(runtime.incoming("in").records(), taken)

    assert taken == ROWS[:3]
    assert len(server.requests) == 1


async def test_a_page_that_fails_leaves_those_before_it(open_call):
    """What was read before a page failed has been given, and the error is the page's own."""

    def script(request: Received) -> Reply:
        number = int(request.query["page"])
        return Reply(500, body=b"") if number == 3 else Reply(json={"rows": cut((number - 1) * SIZE)})

    subscriber = {"route": "rows", "pagination": {"page": {"in": "query", "name": "page"}}, "records": "$.rows[*]"}
    taken: list[dict[str, Any]] = []

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, _server):
        with pytest.raises(CallError, match="HTTP 500"):
            await take_all(runtime.incoming("in").records(), taken)

    assert taken == ROWS[:6]


async def test_a_publisher_may_page_too(open_call, scripted_shop):
    """A publish whose answer goes on is followed to its last page, whose answer is the result."""

    def answer(request: Received) -> Reply:
        return Reply(json={"rows": cut((int(request.form["page"]) - 1) * SIZE)})

    script = scripted_shop({"api/rows": answer})
    publisher = {
        "route": "api/rows",
        "effect": "session",
        "pagination": {"page": {"in": "form", "name": "page", "size": 3}},
        "records": "$.rows[*]",
    }

    async with open_call(script, publisher=publisher) as (runtime, _server):
        published = await runtime.publisher("out").publish({"status": "paid"})

    assert (published.pages, published.value) == (3, {"rows": ROWS[6:]})


async def test_reading_ahead_of_need_does_not_happen(open_call):
    """The next page is asked for when the one before was taken, not earlier: memory holds one."""
    script = by_page(lambda request: request.query["page"])
    subscriber = {"route": "rows", "pagination": {"page": {"in": "query", "name": "page"}}, "records": "$.rows[*]"}

    async with open_call(script, subscriber=subscriber, client={"connector": "http"}) as (runtime, server):
        asked = [len(server.requests) async for _page in runtime.subscriber("in").pages()]

    assert asked == [1, 2, 3, 4]
