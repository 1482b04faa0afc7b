"""`connector run`: an incoming's records, and a route's."""

from __future__ import annotations

import time

import orjson
import pytest

from connector.testing.server import Reply
from tests.acceptance.conftest import CONFIGS, ServerThread

ERP = """
clients:
  erp: {connector: http, base_url: "${ERP_URL}", sessions: 2}
  shop: {connector: opencart, base_url: "${SHOP_URL}", key: "${SHOP_KEY}"}
incoming:
  products:
    subscriber:
      client: erp
      route: products
      effect: read
      pagination: {page: {in: json, name: $.page}, total_pages: $.pages}
      records: $.products[*]
    transform:
      - filter: "{{ record.price != '0.00' }}"
      - cast: {price: decimal, seen: date}
      - set: {sku: "SKU-{{ record.id }}"}
  both: {subscriber: {client: erp, route: products, effect: read, records: "$.products[*]"}}
  changes:
    subscriber:
      {client: erp, route: changes, effect: read, data: {since: "{{ state.cursor }}"}, records: "$.products[*]"}
    state: {cursor: $.id, start: 1}
routes:
  add: &add
    incoming: products
    key: "{{ record.sku }}"
    outgoing: {publisher: {client: shop, entity: cart.add, data: {product_id: "{{ record.id }}"}}}
  both: *add
  pushed: {outgoing: {publisher: {client: shop, entity: coupon.apply}}}
  changed:
    incoming: changes
    key: "{{ record.id }}"
    outgoing: {publisher: {client: shop, entity: cart.add, data: {product_id: "{{ record.id }}"}}}
"""

PAGES = [
    [{"id": 40, "price": "12.50", "seen": "2026-01-31"}, {"id": 31, "price": "0.00", "seen": "2026-01-31"}],
    [{"id": 33, "price": "free", "seen": "2026-01-31"}, {"id": 9999, "price": "1.10", "seen": "2026-01-31"}],
]


def answer(request):
    """Give one page of products."""
    page = orjson.loads(request.body).get("page", 1)
    return Reply(json={"pages": len(PAGES), "products": PAGES[page - 1]})


@pytest.fixture
def erp(shop_command):
    """A server with two pages of products, of which one cannot be read and one is not in the shop."""
    with ServerThread(answer) as server:
        shop_command.write("erp.yaml", ERP)
        shop_command.environment |= {"ERP_URL": server.url, "CONNECTOR_CONFIG": "erp.yaml"}
        yield server


def test_records_of_a_session(shop_command):
    """A subscriber with steps ahead of it prints its records as JSON lines; the count goes to standard error."""
    ran = shop_command("run", "shipping-quotes", "--config", CONFIGS)

    assert ran.code == 0
    (record,) = ran.lines
    assert (record["code"], record["cost"]) == ("flat.flat", "5.00")
    assert ran.messages[-1].startswith("shipping-quotes: 1 record in ")


def test_incoming_prints_lines_and_goes_on_after_a_failure(erp, shop_command):
    """Money keeps its digits, dates are ISO; a record that cannot be shaped is told, the others go on: exit code 3."""
    ran = shop_command("run", "products")

    assert ran.code == 3
    assert ran.lines == [
        {"id": 40, "price": "12.50", "seen": "2026-01-31", "sku": "SKU-40"},
        {"id": 9999, "price": "1.10", "seen": "2026-01-31", "sku": "SKU-9999"},
    ]
    failed, count = ran.messages
    assert failed.startswith("failed: index 2, at incoming.products.transform[1].cast")
    assert count.startswith("products: 2 records in ")
    assert count.endswith(", 1 failed")


def test_limit_of_an_incoming(erp, shop_command):
    """`--limit` ends after so many incoming records, and asks for no further page."""
    ran = shop_command("run", "products", "--limit", "1")

    assert ran.code == 0
    assert [record["id"] for record in ran.lines] == [40]
    assert len(erp.requests) == 1


def test_route_reports_every_failure_and_counts(erp, shop_command):
    """A route tells task, key, step and reason of each failure, and counts by status and verdict: exit code 3."""
    ran = shop_command("run", "add")

    assert ran.code == 3
    assert ran.stdout.splitlines()[0].startswith("add: 4 records in ")
    assert ran.stdout.splitlines()[1:] == [
        "  finished  1",
        "  skipped   1",
        "  failed    2",
        "verdicts: not_sent 1, ok 1, rejected 1",
    ]
    shaping, sending = sorted(line for line in ran.messages if line.startswith("failed: "))
    assert shaping.startswith("failed: task 3, at incoming.products.transform[1].cast")
    assert sending.startswith('failed: task 5, key "SKU-9999", rejected at cart_add: the shop refuses it: ')


def test_route_summary_as_json(erp, shop_command):
    """The same counts as JSON, with a list of what failed."""
    ran = shop_command("run", "add", "--output", "json")

    assert ran.json["statuses"] == {"finished": 1, "skipped": 1, "failed": 2, "unknown": 0}
    assert ran.json["verdicts"] == {"ok": 1, "rejected": 1, "not_sent": 1}
    assert {failure["index"] for failure in ran.json["failures"]} == {2, 3}
    assert ran.json["failures_not_listed"] == 0
    assert ran.json["stopped"] is None


def test_results_as_lines(erp, shop_command):
    """`--results` prints what became of each record as it happens, with the answer."""
    ran = shop_command("run", "add", "--results")

    by_index = {line["index"]: line for line in ran.lines}
    assert by_index[0]["value"]["success"].startswith("Success: ")
    assert by_index[0]["key"] == "SKU-40"
    assert by_index[3]["verdict"] == "rejected"
    assert len(by_index) == 4
    assert any(line.startswith("add: 4 records") for line in ran.messages)


def test_dry_run_sends_nothing(erp, shop_command, shop):
    """`--dry-run` asks the incoming, prints the payloads, and calls nobody else."""
    before = len(shop.control("calls")["calls"])

    ran = shop_command("run", "add", "--dry-run", "--limit", "1")

    assert ran.code == 0
    assert ran.lines == [
        {"index": 0, "key": "SKU-40", "step": "cart_add", "entity": "cart.add", "payload": {"product_id": "40"}}
    ]
    assert ran.messages[-1] == "dry run: 1 record would be sent, nothing was"
    assert len(shop.control("calls")["calls"]) == before


def test_a_refused_credential_ends_the_run(erp, shop_command, assert_clear):
    """Where every record would be refused, the route stops, says why, keeps its tasks, and exit code is 1."""
    ran = shop_command("run", "add", SHOP_KEY="wrong-key-1234")

    assert ran.code == 1
    assert "error: cart_add: the log-in failed: " in ran.stderr
    assert "the route has stopped, since every record would be refused as well; its tasks are kept" in ran.messages
    assert_clear(ran)


def test_an_incoming_that_fails_reports_what_was_sent(shop_command):
    """When the second page cannot be had, the records of the first are counted all the same: exit code 1."""

    def answer_once(request):
        return Reply(status=500, body=b"") if orjson.loads(request.body)["page"] > 1 else answer(request)

    with ServerThread(answer_once) as server:
        shop_command.write("erp.yaml", ERP)
        ran = shop_command("run", "add", "--config", "erp.yaml", ERP_URL=server.url)

    assert ran.code == 1
    assert ran.stdout.splitlines()[1:] == ["  finished  1", "  skipped   1", "verdicts: ok 1"]
    assert ran.messages[-2].startswith("error: products: the remote system broke off (HTTP 500)")


def test_an_unknown_outcome_outweighs_an_incoming_that_fails(shop_command, shop):
    """Where an outcome is unknown and the incoming fails as well, both are told, and exit code is 4."""

    def answer_once(request):
        return Reply(status=500, body=b"") if orjson.loads(request.body)["page"] > 1 else answer(request)

    shop.control("faults", route="order/delete", drop_after_processing=True)
    delete = "outgoing: {publisher: {client: shop, entity: order.delete, data: {order_id: 1}}}"
    with ServerThread(answer_once) as server:
        shop_command.write("erp.yaml", ERP + f"  delete: {{incoming: products, {delete}}}\n")
        ran = shop_command("run", "delete", "--config", "erp.yaml", ERP_URL=server.url)

    assert ran.code == 4
    assert any(line.startswith("unknown: task 3, unknown at order_delete: ") for line in ran.messages)
    assert any(line.startswith("error: products: the remote system broke off") for line in ran.messages)


def test_both_a_route_and_an_incoming(erp, shop_command, assert_clear):
    """A name of two things is asked for with its kind, which then works."""
    ran = shop_command("run", "both")
    chosen = shop_command("run", "incoming.both")

    assert ran.code == 2
    assert ran.messages == [
        'error: both a route and an incoming are called "both"',
        " cure: write routes.both or incoming.both",
    ]
    assert len(chosen.lines) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope"], 'no route and no incoming is called "nope", there are: '),
        (["ad"], 'did you mean "add"?'),
        (["pushed", "--no-store"], "the route pushed has no incoming to take records from"),
        (["products", "--dry-run"], "--dry-run and --results go with a route"),
    ],
)
def test_what_cannot_be_run_is_usage(erp, shop_command, assert_clear, arguments, told):
    """A name that cannot be run is exit code 2, with what can."""
    ran = shop_command("run", *arguments)

    assert ran.code == 2
    assert told in ran.stderr
    assert_clear(ran)


def test_a_route_goes_on_where_the_last_run_ended(erp, shop_command):
    """The cursor moves with the tasks; a record that comes again is left out, and said to be."""
    first = shop_command("run", "changed")

    ran = shop_command("run", "changed", "--results")

    assert first.code == 0, first.stderr
    assert [orjson.loads(request.body)["since"] for request in erp.requests] == ["1", "40"]
    assert [line["status"] for line in ran.lines] == ["duplicate", "duplicate"]
    assert "  duplicate  2  the route knows their keys" in ran.stderr.splitlines()
    assert ran.code == 0


def test_printing_an_incoming_moves_no_cursor(erp, shop_command):
    """An incoming with a state is read from where it stands, which is said, and stays there."""
    shop_command("run", "changed")

    ran = shop_command("run", "changes")

    assert [orjson.loads(request.body)["since"] for request in erp.requests] == ["1", "40"]
    assert ran.messages[0] == "changes: read from 40, and the cursor stays there: a run of a route moves it"
    assert shop_command("state", "show", "changes", "--output", "json").json["value"] == 40


def test_a_dry_run_begins_where_the_next_run_would(erp, shop_command):
    """A dry run of a route reads the cursor, so that it shows what a run would send, and leaves it where it is."""
    shop_command("run", "changed")

    ran = shop_command("run", "changed", "--dry-run")

    assert [orjson.loads(request.body)["since"] for request in erp.requests] == ["1", "40"]
    assert ran.messages[0] == "changes: read from 40, and the cursor stays there: a run of a route moves it"


def test_without_the_database_no_cursor_is_known(erp, shop_command):
    """With --no-store a run begins at the start of an incoming with a state, and says so."""
    shop_command("run", "changed")

    ran = shop_command("run", "changed", "--no-store")

    assert [orjson.loads(request.body)["since"] for request in erp.requests] == ["1", "1"]
    assert ran.messages[0] == "changes: read from its start, since no cursor is known without the database"


def test_routes_of_one_incoming_are_fed_together(erp, shop_command):
    """A run takes the records in for every route that names the incoming, says so, and delivers its own alone."""
    ran = shop_command("run", "add")

    statuses = {
        route["route"]: {name: number for name, number in route["tasks"].items() if number}
        for route in shop_command("routes", "list", "--output", "json").json
    }
    assert statuses["add"] == {"finished": 1, "failed": 2}
    assert statuses["both"] == {"new": 2, "failed": 1}
    assert ran.messages[-1] == "2 new tasks of the route both too: connector run both, or a worker, delivers them"


def test_what_another_route_made_of_a_record_is_not_told_as_the_route_s_own(erp, shop_command):
    """A task of another route that takes a newer record is no update of this one, and no new task."""
    update = "both: {incoming: products, outgoing: other, key: '{{ record.sku }}', on_duplicate: update}\n"
    outgoing = "outgoing: {other: {publisher: {client: shop, entity: cart.add, data: {product_id: 1}}}}\n"
    shop_command.write("erp.yaml", ERP.replace("both: *add\n", update) + outgoing)
    shop_command("run", "add")

    ran = shop_command("run", "add", "--output", "json")

    assert (ran.json["duplicates"], ran.json["updated"]) == (2, 0)
    assert ran.json["other_routes"] == {}
    assert not any("new task" in message for message in ran.messages)


def test_what_an_earlier_run_left_is_delivered(erp, shop_command):
    """A run delivers the open tasks of earlier ones as well, says so, and tells them by their numbers."""
    shop_command("run", "add", "--wait", "0s", SHOP_URL="http://127.0.0.1:9/")

    ran = shop_command("run", "add", "--results", "--limit", "1")

    assert ran.messages[0] == "2 open tasks of earlier runs are delivered too"
    earlier = [line for line in ran.lines if "index" not in line]
    assert sorted((line["task"], line["status"]) for line in earlier) == [(1, "finished"), (5, "failed")]
    assert [line["status"] for line in ran.lines if "index" in line] == ["duplicate"]


def test_a_try_that_is_due_later_is_left(erp, shop_command):
    """What is not tried again within `--wait` is left for the next run, which the counts say: exit code 3."""
    shop_command.write(
        "slow.yaml", ERP.replace("incoming: products\n", "incoming: products\n    retry: {backoff: 9m..9m}\n")
    )
    away = {"SHOP_URL": "http://127.0.0.1:9/", "CONNECTOR_CONFIG": "slow.yaml"}

    ran = shop_command("run", "add", "--output", "json", "--wait", "1s", **away)

    assert ran.code == 3
    assert ran.json["left"] == {"retry": 2}
    assert 240 < ran.json["next_due_s"] <= 540
    assert "2 tasks are left for the next run, or a worker: connector tasks list --route add" in ran.messages


def test_a_paused_route_is_refused(erp, shop_command, assert_clear):
    """Nobody is asked and nothing is sent; who paused it, and what resumes it, is told: exit code 2."""
    shop_command("db", "upgrade")
    shop_command("routes", "pause", "add", "--reason", "stocktaking")

    ran = shop_command("run", "add")

    assert ran.code == 2
    assert ran.messages[0].startswith("error: the route add is paused since ")
    assert ran.messages[0].endswith(": stocktaking")
    assert ran.messages[1] == " cure: connector routes resume add"
    assert not erp.requests
    assert_clear(ran)


def test_a_stopped_route_is_tried(erp, shop_command):
    """A person who runs a route that had stopped itself has most likely seen to it."""
    shop_command("run", "add", SHOP_KEY="wrong-key-1234")

    ran = shop_command("run", "add")

    assert ran.messages[0].startswith("the route had stopped itself, and is tried again: cart_add: the log-in failed: ")
    assert "  finished   1" in ran.stdout.splitlines()


def test_without_the_store(erp, shop_command, tmp_path):
    """`--no-store` sends at once and keeps nothing, not even where it came to."""
    first = shop_command("run", "add", "--no-store")
    second = shop_command("run", "add", "--no-store")

    assert first.code == second.code == 3
    assert first.stdout.splitlines()[1:] == second.stdout.splitlines()[1:]
    assert any(line.startswith('failed: index 3, key "SKU-9999", rejected at cart_add') for line in second.messages)
    assert not (tmp_path / "kept").exists()


def test_a_dry_run_touches_no_store(erp, shop_command, tmp_path):
    """A preview makes no tasks, and no store."""
    shop_command("run", "add", "--dry-run")

    assert not (tmp_path / "kept").exists()


def test_a_second_process_is_refused(shop_command, shop, assert_clear):
    """On one file one process works: the second is told who has it, since when, and what to do."""

    def answer_slowly(request):
        return Reply(status=200, json={"pages": 1, "products": []}, delay_s=30.0)

    with ServerThread(answer_slowly) as server:
        shop_command.write("erp.yaml", ERP)
        shop_command.environment |= {"ERP_URL": server.url, "CONNECTOR_CONFIG": "erp.yaml"}
        with shop_command.start("run", "add") as first:
            while not server.requests:
                time.sleep(0.05)

            ran = shop_command("run", "add")

            first.terminate()
            first.wait(timeout=20)

    assert ran.code == 1
    assert f"is in use by `connector run add` (pid {first.pid}, since " in ran.messages[0]
    assert ran.messages[1].startswith(" cure: wait until it ends, or use PostgreSQL")
    assert_clear(ran)
