"""`POST /hooks/<path>`."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from connector import load
from connector.store.rows import TaskFilter, TaskStatus
from tests.server.intake.stage import OUTGOING, SECRET, configure, reload, sign

DATED = {"hmac": {"header": "X-Signature", "secret": SECRET, "timestamp": {"header": "X-Timestamp", "tolerance": "5m"}}}
PLAIN = {"hmac": {"header": "X-Signature", "secret": SECRET}}


async def test_what_is_sent_becomes_tasks(open_house):
    """Each record is a task of the route, and their ids are answered once they are kept."""
    async with open_house(configure({"records": "$.orders[*]"})) as house:
        reply = await house.send("/hooks/orders", {"orders": [{"id": 1}, {"id": 2}]})

        kept = await house.records()

    assert (reply.status, reply.json["tasks"], reply.json["records"]) == (202, [1, 2], 2)
    assert reply.headers["location"] == "/api/v1/tasks/1"
    assert kept == [{"id": 1}, {"id": 2}]
    assert house.woken == ["place"]


async def test_records_go_through_the_steps_of_the_incoming(open_house):
    """As fetched ones do: a filter leaves some out, a split makes several."""
    steps = [{"filter": "{{ record.paid }}"}, {"set": {"id": "S-{{ record.id }}"}}]
    async with open_house(configure({}, transform=steps)) as house:
        reply = await house.send("/hooks/orders", [{"id": 1, "paid": True}, {"id": 2, "paid": False}])

        kept = await house.records()

    assert (reply.json["records"], reply.json["left_out"]) == (2, 1)
    assert [record["id"] for record in kept] == ["S-1"]


async def test_one_webhook_feeds_all_routes_that_name_it(open_house):
    """In one transaction, and each of them is woken."""
    config = configure({})
    config["routes"]["tell"] = {"incoming": "orders", "outgoing": OUTGOING}
    async with open_house(config) as house:
        reply = await house.send("/hooks/orders", [{"id": 1}, {"id": 2}])

        kept = [await house.records(route) for route in ("place", "tell")]

    assert len(reply.json["tasks"]) == 4
    assert kept == [[{"id": 1}, {"id": 2}]] * 2
    assert sorted(house.woken) == ["place", "tell"]


async def test_a_webhook_written_inside_a_route_is_served(open_house):
    """And its tasks say where they come from."""
    config = configure({})
    config["routes"]["other"] = {
        "incoming": {"webhook": {"path": "/deep/er", "auth": {"none": {}}}},
        "outgoing": OUTGOING,
    }
    async with open_house(config) as house:
        reply = await house.send("/hooks/deep/er/", {"id": 1})

        (row,) = await house.store.tasks.find(TaskFilter(route="other"))

    assert reply.status == 202
    assert row.source == "routes.other.incoming"


async def test_a_record_that_cannot_be_shaped_is_kept_as_it_came(open_house):
    """It is a failed task, which somebody can try anew once the steps are right, and its id is answered too."""
    async with open_house(configure({})) as house:
        reply = await house.send("/hooks/orders", [{"id": 1}, {"nothing": 2}])

        rows = {row.id: row for row in await house.store.tasks.find(TaskFilter())}

    assert (reply.status, reply.json["tasks"], reply.json["failed"]) == (202, [1, 2], 1)
    assert rows[2].status is TaskStatus.FAILED
    assert "id" in rows[2].reason


async def test_a_known_key_makes_no_second_task(open_house):
    """What is left out is told."""
    async with open_house(configure({})) as house:
        await house.send("/hooks/orders", {"id": 1, "n": 1})
        reply = await house.send("/hooks/orders", {"id": 1, "n": 2})

    assert (reply.status, reply.json["tasks"], reply.json["duplicates"]) == (202, [], 1)
    assert "location" not in reply.headers


async def test_the_same_body_again_is_answered_as_the_first_was(open_house):
    """Within the window nothing is made of it; after that it is new."""
    config = configure({"window": "1h"})
    config["routes"]["place"].pop("key")
    async with open_house(config) as house:
        first = await house.send("/hooks/orders", {"id": 1})
        house.clock.now_ms += 3_599_000
        again = await house.send("/hooks/orders", {"id": 1})
        house.clock.now_ms += 2_000
        later = await house.send("/hooks/orders", {"id": 1})

    assert [reply.json["tasks"] for reply in (first, again, later)] == [[1], [1], [2]]
    assert [reply.json["is_repeat"] for reply in (first, again, later)] == [False, True, False]
    assert [reply.status for reply in (first, again, later)] == [202] * 3


@pytest.mark.parametrize(
    ("declared", "first", "second"),
    [
        ({"header": "X-Delivery"}, ({"id": 1}, ("X-Delivery", "d-1")), ({"id": 2}, ("X-Delivery", "d-1"))),
        ({"path": "$.meta.id"}, ({"id": 1, "meta": {"id": 7}},), ({"id": 2, "meta": {"id": 7}},)),
    ],
)
async def test_a_declared_id_tells_deliveries_apart(open_house, declared, first, second):
    """Whatever else of the body has changed."""
    async with open_house(configure({"delivery_id": declared})) as house:
        await house.send("/hooks/orders", *first)
        reply = await house.send("/hooks/orders", *second)

        count = await house.count()

    assert (reply.json["is_repeat"], count) == (True, 1)


async def test_without_a_window_each_delivery_is_new(open_house):
    """As the sender means it."""
    config = configure({"window": "0s"})
    config["routes"]["place"].pop("key")
    async with open_house(config) as house:
        for _ in range(2):
            await house.send("/hooks/orders", {"id": 1})

        assert await house.count() == 2


async def test_the_declared_status_is_answered(open_house):
    """Some senders take nothing but 200 for a success."""
    async with open_house(configure({"answer": 200})) as house:
        assert (await house.send("/hooks/orders", {"id": 1})).status == 200


async def test_a_body_that_cannot_be_read_is_refused_and_nothing_kept(open_house):
    """The sender is told why, so that it is sent again and somebody is told."""
    async with open_house(configure({"records": "$.orders[*]"})) as house:
        reply = await house.send("/hooks/orders", {"zen": "calm"}, ("Content-Type", "application/json"))

        count = await house.count()

    assert (reply.status, count) == (400, 0)
    assert reply.headers["content-type"] == "application/problem+json"
    assert "orders" in reply.json["detail"]


async def test_one_bad_record_refuses_the_whole_body(open_house):
    """Sent again, nothing of it is there twice."""
    async with open_house(configure({})) as house:
        reply = await house.send("/hooks/orders", [{"id": 1}, 2])

        assert (reply.status, await house.count()) == (400, 0)


@pytest.mark.parametrize(
    "body", [[b'{"id": "', b"x" * 200, b'"}'], gzip.compress(b'{"id": "' + b"x" * 200 + b'"}', mtime=0)]
)
async def test_a_body_beyond_the_limit_is_refused(open_house, body):
    """Whether it tells its length or not, packed or not."""
    packed = [("Content-Encoding", "gzip")] if isinstance(body, bytes) else []
    async with open_house(configure({"max_body": "100B"})) as house:
        reply = await house.send("/hooks/orders", body, *packed)

        assert (reply.status, await house.count()) == (413, 0)


async def test_a_body_is_not_read_where_its_length_is_told_to_be_too_much(open_house):
    """It is refused at once."""
    async with open_house(configure({"max_body": "100B"})) as house:
        reply = await house.send("/hooks/orders", b"{}", ("Content-Length", "101"))

    assert reply.status == 413


async def test_a_packed_body_is_unpacked(open_house):
    """And a signature may be over what was packed, or over what was sent."""
    body = b'{"id": 1}'
    packed = gzip.compress(body, mtime=0)
    async with open_house(configure({"auth": PLAIN})) as house:
        for signed in (body, packed):
            headers = ("Content-Encoding", "gzip"), ("X-Signature", sign(signed))
            assert (await house.send("/hooks/orders", packed, *headers)).status == 202

        assert await house.records() == [{"id": 1}]


async def test_a_broken_off_body_is_nothing(open_house):
    """Nobody is there to be answered."""
    async with open_house(configure({})) as house:
        with pytest.raises(ValueError, match="not enough values"):  # no answer at all
            await house.send("/hooks/orders", [b'{"id": 1}'] * 0)

        assert await house.count() == 0


async def test_only_post_is_taken(open_house):
    """Anything else is told what is."""
    async with open_house(configure({})) as house:
        reply = await house.send("/hooks/orders", method="GET")

    assert (reply.status, reply.headers["allow"]) == (405, "POST")


async def test_an_unknown_path_is_not_found(open_house):
    """With a problem that says so."""
    async with open_house(configure({})) as house:
        reply = await house.send("/hooks/nothing", {"id": 1})

    assert (reply.status, reply.json["status"]) == (404, 404)


async def test_what_no_route_takes_is_refused_for_the_time_being(open_house):
    """The sender keeps it and sends it again."""
    config = configure({})
    config["routes"] = {}
    async with open_house(config) as house:
        reply = await house.send("/hooks/orders", {"id": 1})

    assert (reply.status, reply.headers["retry-after"]) == (503, "5")


async def test_an_address_outside_the_networks_is_refused(open_house):
    """By the address of the caller, as trusted proxies tell it."""
    config = configure({"allow": ["203.0.113.0/24"]})
    async with open_house(config, trusted_proxies="10.0.0.0/8", host="0.0.0.0") as house:
        replies = [
            await house.send("/hooks/orders", {"id": 1}, ("X-Forwarded-For", told), peer=peer)
            for peer, told in (("10.0.0.1", "203.0.113.9"), ("10.0.0.1", "198.51.100.9"), ("192.0.2.1", "203.0.113.9"))
        ]

    assert [reply.status for reply in replies] == [202, 403, 403]


async def test_a_wrong_signature_is_refused(open_house):
    """Nothing is kept, and nothing of the secret is told."""
    async with open_house(configure({"auth": PLAIN})) as house:
        reply = await house.send("/hooks/orders", {"id": 1}, ("X-Signature", sign(b'{"id": 2}')))

        assert (reply.status, await house.count()) == (401, 0)
    assert SECRET.encode() not in reply.body


async def test_a_stale_signature_is_refused(open_house):
    """The very request that was taken is refused once its time is too long ago."""
    body = b'{"id": 1}'
    async with open_house(configure({"auth": DATED, "window": "10m"})) as house:
        at_ms = house.clock.now_ms
        headers = ("X-Signature", sign(body, at_ms=at_ms)), ("X-Timestamp", str(at_ms // 1000))
        first = await house.send("/hooks/orders", body, *headers)
        house.clock.now_ms += 301_000
        late = await house.send("/hooks/orders", body, *headers)

        assert (first.status, late.status, await house.count()) == (202, 401, 1)


async def test_a_clock_that_was_set_counts_for_signatures(open_house, monkeypatch):
    """What senders sign is the time of day, which the machine may have learnt after the start of this process."""
    body = b'{"id": 1}'
    async with open_house(configure({"auth": DATED})) as house:
        at_ms = house.clock.now_ms + 3_600_000
        monkeypatch.setattr("connector.server.intake.hooks.read_wall_ms", lambda: at_ms)
        reply = await house.send(
            "/hooks/orders", body, ("X-Signature", sign(body, at_ms=at_ms)), ("X-Timestamp", str(at_ms // 1000))
        )

    assert reply.status == 202


async def test_a_replayed_signature_makes_nothing_without_a_window(open_house):
    """Each delivery is new, and yet a dated signature counts once, in whichever process."""
    body = b'{"id": 1}'
    config = configure({"auth": DATED, "window": "0s"})
    config["routes"]["place"].pop("key")
    async with open_house(config) as house:
        replies = []
        for at_ms in (house.clock.now_ms, house.clock.now_ms, house.clock.now_ms + 1000):
            headers = ("X-Signature", sign(body, at_ms=at_ms)), ("X-Timestamp", str(at_ms // 1000))
            replies.append(await house.send("/hooks/orders", body, *headers))

        assert [reply.json["tasks"] for reply in replies] == [[1], [1], [2]]


async def test_a_signature_with_another_delivery_id_is_refused(open_house):
    """Who has seen a request cannot send it anew by changing what is not signed, also past a reload."""
    body = b'{"id": 1}'
    config = configure({"auth": PLAIN, "delivery_id": {"header": "X-Delivery"}})
    async with open_house(config) as house:
        signed = ("X-Signature", sign(body))
        first = await house.send("/hooks/orders", body, signed, ("X-Delivery", "one"))
        repeated = await house.send("/hooks/orders", body, signed, ("X-Delivery", "one"))
        reload(house, load(config))
        replayed = await house.send("/hooks/orders", body, signed, ("X-Delivery", "two"))

        assert await house.count() == 1
    assert [reply.status for reply in (first, repeated, replayed)] == [202, 202, 401]
    assert repeated.json["is_repeat"]


async def test_a_reload_changes_what_is_served(open_house):
    """The old path is gone, the new one is there."""
    async with open_house(configure({})) as house:
        reload(house, load(configure({"path": "/new"})))

        statuses = [(await house.send(f"/hooks/{path}", {"id": 1})).status for path in ("orders", "new")]

    assert statuses == [404, 202]


async def test_10_000_requests_are_answered_without_a_fault_of_ours(open_house):
    """Whatever they hold: each is taken, or refused with a reason."""
    chance = random.Random(7)
    config = configure({"auth": PLAIN, "max_body": "2kB"})
    auths = [
        {"none": {}},
        DATED,
        {"basic": {"username": "a", "password": "b"}},
        {"header": {"name": "X-S", "value": "v"}},
    ]
    for number, auth in enumerate(auths):
        config["incoming"][f"i{number}"] = {"webhook": {"path": f"/p{number}", "auth": auth, "window": "0s"}}
        config["routes"][f"r{number}"] = {"incoming": f"i{number}", "outgoing": OUTGOING, "key": "{{ record.id }}"}
    seeds = [
        b'{"id": 1}',
        b'[{"id": 1}, {"id": 2}]',
        b"id=1&x=2",
        b"id\n1\n2\n",
        b'{"id": 1}\n{"id": 2}',
        b"\xff\xfe",
        b"",
    ]
    kinds = [
        "",
        "application/json",
        "text/csv",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "a/b",
        ";;",
    ]
    texts = ["", "x", "0" * 64, "1800000000", "Basic YTpi", "Bearer v", "v", "\udcff", "=,=,t=1", "sha256="]
    answered: dict[int, int] = {}
    async with open_house(config) as house:
        for _ in range(10_000):
            body = bytearray(chance.choice(seeds))
            for _ in range(max(0, chance.randrange(8) - 4)):
                body[chance.randrange(len(body) + 1) :][:1] = b""
                body.insert(chance.randrange(len(body) + 1), chance.randrange(256))
            packing = chance.choice(["", "", "", "gzip"])
            sent = gzip.compress(body, 1, mtime=0) if packing else bytes(body)
            headers = [
                ("Content-Type", chance.choice(kinds)),
                ("X-Signature", sign(sent) if chance.random() < 0.5 else chance.choice(texts)),
                ("X-Timestamp", chance.choice(texts)),
                ("X-S", chance.choice(texts)),
                ("Authorization", chance.choice(texts)),
                ("Content-Encoding", packing if chance.random() < 0.9 else chance.choice(["gzip", "deflate", "br"])),
            ]
            path = chance.choice(["orders", "p0", "p0", "p1", "p2", "p3", "p4"])
            reply = await house.send(f"/hooks/{path}", sent, *headers)
            answered[reply.status] = answered.get(reply.status, 0) + 1
            if reply.status != 202:
                assert json.loads(reply.body)["detail"]

    assert max(answered) < 500, answered
    assert min(answered[status] for status in (202, 400, 401)) > 500, answered
