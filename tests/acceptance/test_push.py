"""`connector push`: JSON lines through a route."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import CONFIGS, SAMPLES
from tests.postgres import postgres

__all__ = ["postgres"]

MIXED = b"\xef\xbb\xbf" + b"\n".join(
    [
        b'{"code": "2222"}',
        b"",
        b"nonsense",
        b'{"code": "GONE"}',
        b"[1]",
        b'{"code": "\xe9"}',
        b'{"code": "%s"}' % (b"x" * 5_000_000),
        b'{"code": "1111"}',
    ]
)


@pytest.fixture
def push(shop_command):
    """`connector push …` with the example configuration."""
    shop_command.environment["CONNECTOR_CONFIG"] = str(CONFIGS)
    return lambda *arguments, **options: shop_command("push", *arguments, **options)


def test_orders_of_the_examples(push, shop):
    """The example orders end in the shop with lines, options, coupon and reference; the unpaid one is left out."""
    ran = push("place-orders", "--results", stdin=SAMPLES / "orders.jsonl")

    assert ran.code == 0, ran.stderr
    placed = {line["key"]: line["value"]["order_id"] for line in ran.lines if line["status"] == "finished"}
    by_id = {order["order_id"]: order for order in shop.orders}
    order = by_id[placed["WEB-1001"]]
    assert set(placed) == {"WEB-1001", "WEB-1002"}
    assert order["comment"] == "Our reference: WEB-1001"
    assert {(line["product_id"], line["quantity"]) for line in order["lines"]} == {(40, 1), (30, 1)}
    assert [total["code"] for total in order["totals"]] == ["sub_total", "shipping", "coupon", "tax", "tax", "total"]
    assert len(shop.orders) == 2


def test_history_of_the_examples(push, shop):
    """Status updates of one order go out in their order."""
    push("place-orders", stdin=SAMPLES / "orders.jsonl")

    ran = push("order-status", stdin=SAMPLES / "history.jsonl")

    assert ran.code == 0, ran.stderr
    (order,) = [order for order in shop.orders if order["order_id"] == 1]
    assert order["status"] == "Shipped"


def test_coupons_of_the_examples(push):
    """One of the three coupons is refused, and the exit code says so."""
    ran = push("try-coupons", stdin=SAMPLES / "coupons.jsonl")

    assert ran.code == 3
    assert ran.stdout.splitlines()[1:] == ["  finished  2", "  failed    1", "verdicts: ok 2, rejected 1"]
    (told,) = ran.messages
    assert told.startswith(
        "failed: line 2, task 2, rejected at coupon_apply: the shop refuses it: Coupon is either invalid"
    )


def test_bad_lines_are_told_by_number(push):
    """Lines that give no record count as failed, by number and reason; the others go on."""
    ran = push("try-coupons", "--output", "json", stdin=MIXED)

    assert ran.code == 3
    assert ran.json["taken"] == 7
    assert ran.json["statuses"] == {"finished": 2, "skipped": 0, "failed": 5, "unknown": 0}
    reasons = {failure["line"]: failure["reason"] for failure in ran.json["failures"]}
    assert sorted(reasons) == [3, 4, 5, 6, 7]
    assert reasons[3].startswith("not JSON: ")
    assert reasons[5] == "found a list, accepted is a JSON object"
    assert reasons[6] == "the byte 0xE9 at 11 is not UTF-8; save or send it as UTF-8"
    assert reasons[7] == "longer than 4 MiB, the most that is read"


def test_nothing_to_push(push):
    """No line is no failure."""
    ran = push("try-coupons")

    assert ran.code == 0
    assert ran.stdout.startswith("try-coupons: 0 records in ")


def test_dry_run(push, shop):
    """`--dry-run` prints every payload and calls nobody."""
    ran = push("place-orders", "--dry-run", stdin=SAMPLES / "orders.jsonl")

    assert ran.code == 0
    first = [line for line in ran.lines if line["line"] == 1]
    assert [line["entity"] for line in first][:4] == ["customer.set", "cart.add", "cart.add", "coupon.apply"]
    assert first[2]["payload"] == {"product_id": 30, "quantity": 1, "option": {"226": "15"}}
    assert ran.messages[-1] == "dry run: 2 records would be sent, nothing was"
    assert shop.control("calls")["calls"] == []


def test_limit(push):
    """`--limit` takes so many records and leaves the rest unread."""
    ran = push("try-coupons", "--limit", "1", stdin=SAMPLES / "coupons.jsonl")

    assert ran.code == 0
    assert ran.stdout.startswith("try-coupons: 1 record in ")


def test_an_unknown_outcome(push, shop):
    """An order whose answer is lost is told as unknown, and not sent again: exit code 4."""
    shop.control("faults", route="order/add", drop_after_processing=True)
    order = SAMPLES.joinpath("orders.jsonl").read_bytes().splitlines()[0]

    ran = push("place-orders", stdin=order)

    assert ran.code == 4
    assert ran.messages[0].startswith('unknown: line 1, task 1, key "WEB-1001", unknown at order_add: ')
    assert ran.stdout.splitlines()[1:] == ["  unknown  1", "verdicts: unknown 1"]
    assert len(shop.orders) == 1


def test_one_key_is_never_doubled(push, shop):
    """A lost session is renewed and the plan played again; still there is one order."""
    shop.control("faults", route="payment/methods", status=503, calls=1)
    order = SAMPLES.joinpath("orders.jsonl").read_bytes().splitlines()[0]

    ran = push("place-orders", "--results", stdin=order)

    assert ran.code == 0, ran.stderr
    assert ran.lines[0]["attempts"] == 2
    assert len(shop.orders) == 1


def test_unknown_route(push, assert_clear):
    """A route that is not there is usage, and nothing is read."""
    ran = push("place-order", stdin=b"{}")

    assert ran.code == 2
    assert ran.messages[0].startswith('error: no route is called "place-order", there are: ')
    assert ran.messages[1] == ' cure: did you mean "place-orders"?'
    assert_clear(ran)


def test_failures_are_listed_up_to_a_bound(push):
    """Twenty thousand bad lines are told and counted, and no more than a thousand listed."""
    ran = push("try-coupons", "--output", "json", stdin=b"x\n" * 20_000)

    assert ran.code == 3
    assert len(ran.json["failures"]) == 1000
    assert ran.json["failures_not_listed"] == 19_000
    assert ran.json["statuses"]["failed"] == 20_000


def test_a_reference_is_placed_once(push, shop):
    """The same file again sends nothing: every line is told to be known."""
    push("place-orders", stdin=SAMPLES / "orders.jsonl")

    ran = push("place-orders", "--results", stdin=SAMPLES / "orders.jsonl")

    assert ran.code == 0
    assert ran.lines == [
        {"line": number, "key": key, "status": "duplicate"}
        for number, key in enumerate(["WEB-1001", "WEB-1002", "WEB-1003"], 1)
    ]
    assert len(shop.orders) == 2


def test_a_line_that_cannot_have_a_key(push):
    """It becomes a failed task with the record in it, told by line and number."""
    ran = push("place-orders", stdin=b'{"status": "paid"}')

    assert ran.code == 3
    (told,) = ran.messages
    assert told.startswith("failed: line 1, task 1, at routes.place-orders.key: ")


def test_what_is_left_is_sent_with_the_next_lines(push, shop):
    """Tasks of an earlier push are delivered by the next, were it one without a line."""
    order = SAMPLES.joinpath("orders.jsonl").read_bytes().splitlines()[0]
    left = push("place-orders", "--wait", "0s", stdin=order, SHOP_URL="http://127.0.0.1:9/")

    ran = push("place-orders", "--output", "json")

    assert (left.code, left.stdout.splitlines()[1].split()[:2]) == (3, ["retry", "1"])
    assert (ran.code, ran.json["taken"], ran.json["earlier"]) == (0, 0, 1)
    assert ran.json["statuses"]["finished"] == 1
    assert len(shop.orders) == 1


def test_what_is_left_is_sent_by_a_run(push, shop_command, shop):
    """A route that nothing but pushes feeds is run for what they have left."""
    order = SAMPLES.joinpath("orders.jsonl").read_bytes().splitlines()[0]
    push("place-orders", "--wait", "0s", stdin=order, SHOP_URL="http://127.0.0.1:9/")

    ran = shop_command("run", "place-orders", "--output", "json")

    assert (ran.code, ran.json["taken"], ran.json["statuses"]["finished"]) == (0, 0, 1)
    assert len(shop.orders) == 1


@pytest.mark.postgres
def test_two_at_once(shop_command, shop, postgres):
    """On a database that others work on too, each tells of its own lines, whoever sent them; each is placed once."""
    shop_command.environment |= {"CONNECTOR_DATABASE": postgres.make_database(), "CONNECTOR_CONFIG": str(CONFIGS)}
    order = json.loads(SAMPLES.joinpath("orders.jsonl").read_bytes().splitlines()[0]) | {"lines": [{"sku": "IPHONE"}]}
    del order["coupon"]  # it is good for ten orders alone
    references = [[f"WEB-{name}-{number}" for number in range(10)] for name in "AB"]
    started = [shop_command.start("push", "place-orders", "--results") for _ in references]
    for process, mine in zip(started, references, strict=True):
        process.stdin.write("\n".join(json.dumps({**order, "reference": reference}) for reference in mine))
        process.stdin.close()
        process.stdin = None

    ended = [process.communicate(timeout=60) for process in started]

    for process, mine, (stdout, _) in zip(started, references, ended, strict=True):
        lines = [json.loads(line) for line in stdout.splitlines()]
        assert process.returncode == 0, [told for _, told in ended]  # what one met, the other tells of
        assert sorted(line["line"] for line in lines if "line" in line) == list(range(1, 11))
        assert {line["key"] for line in lines if "line" in line} == set(mine)
        assert {line["status"] for line in lines} == {"finished"}
        assert all(line["value"]["order_id"] for line in lines)
    assert len(shop.orders) == 20
