"""`connector state`: cursors, and values kept by key."""

from __future__ import annotations

import json

import pytest

from connector.store.rows import StoredValue
from tests.acceptance.kept import on_store

CONFIG = """
clients:
  erp: {connector: http, base_url: "http://127.0.0.1:9/"}
incoming:
  orders:
    subscriber:
      {client: erp, route: orders, effect: read, data: {since: "{{ state.cursor }}"}, records: "$[*]"}
    state: {cursor: $.modified_at}
  walked:
    subscriber: {client: erp, route: one, effect: read, data: {id: "{{ state.id }}"}}
    state: {walk: {}}
  recent:
    subscriber:
      {client: erp, route: orders, effect: read, data: {since: "{{ state.cursor }}"}, records: "$[*]"}
    state: {cursor: $.modified_at, overlap: 5m}
  plain: {subscriber: {client: erp, route: plain, effect: read}}
routes:
  into-shop:
    incoming: orders
    key: "{{ record.id }}"
    outgoing: {publisher: {client: erp, route: sink}}
"""


async def keep_some(store):
    """Keep two cursors and three values."""
    await store.state.set_cursor("orders", "2026-01-01 00:00:00")
    await store.state.set_cursor("ids", 815, pending=820)
    await store.state.set_values(
        [
            StoredValue("prices", "SKU-1", b'{"$decimal":"12.50"}'),
            StoredValue("prices", "SKU-2", b'"9.99"'),
            StoredValue("marks", "a", b"1"),
        ]
    )


@pytest.fixture
def state(command):
    """`connector state …`, with something kept."""
    on_store(command, keep_some)
    command.write("erp.yaml", CONFIG)
    command.environment["CONNECTOR_CONFIG"] = "erp.yaml"
    return lambda *arguments, **options: command("state", *arguments, **options)


@pytest.fixture
def cursor(command):
    """Return what says where a cursor stands, or that it stands nowhere."""

    def read(name):
        found = on_store(command, lambda store: store.state.cursor(name))
        return None if found is None else found.value

    return read


@pytest.fixture
def value(command):
    """Return what says what a store has under a key."""
    return lambda *place: on_store(command, lambda store: store.state.values([place])).get(place)


def test_show(state):
    """Cursors with their values, and how many values each store holds."""
    ran = state("show")

    assert ran.code == 0
    cursors, stores = ran.stdout.split("\n\n")
    assert [line.split()[:2] for line in cursors.splitlines()[1:]] == [["ids", "815"], ["orders", "2026-01-01"]]
    assert [line.split() for line in stores.splitlines()] == [["store", "values"], ["marks", "1"], ["prices", "2"]]


def test_show_as_json(state):
    """The same as JSON; a value that is not in force yet stands beside."""
    shown = state("show", "--output", "json").json

    assert [(one["incoming"], one["value"], one["pending"]) for one in shown["cursors"]] == [
        ("ids", 815, 820),
        ("orders", "2026-01-01 00:00:00", None),
    ]
    assert shown["stores"] == [{"store": "marks", "values": 1}, {"store": "prices", "values": 2}]


def test_show_one(state):
    """One cursor, by its name or its place; the values of a store; one value."""
    assert state("show", "incoming.orders", "--output", "json").json["value"] == "2026-01-01 00:00:00"
    assert state("show", "--store", "prices").lines == [
        {"key": "SKU-1", "value": "12.50"},
        {"key": "SKU-2", "value": "9.99"},
    ]
    assert state("show", "--store", "prices", "--key", "SKU-1").stdout == '"12.50"\n'


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "order"], 'no cursor is kept under "order", there are: ids, orders'),
        (["reset", "plain"], 'no cursor is kept under "plain"'),
        (["show", "--store", "prices", "--key", "SKU-9"], 'the store prices has nothing under "SKU-9"'),
        (["show", "orders", "--store", "prices"], "an incoming and a store are named"),
        (["show", "--key", "SKU-1"], "--key goes with --store"),
        (["set", "orders"], "name an incoming and its value"),
        (["set", "--store", "prices", "x"], "--store needs the key of the value"),
        (["set", "orders", "--json", "2026-01-01"], "the value is not JSON"),
        (["set", "plain", "x"], 'no incoming with a state is called "plain", there are: orders, walked, recent'),
        (["reset"], "say what is to be forgotten"),
        (["set", "orders", "--json", "[1]"], "incoming.orders.state: the cursor is"),
        (
            ["set", "orders", "--json", "true"],
            "incoming.orders.state: the cursor is true, accepted is text or a number",
        ),
        (["set", "orders", "--json", "null"], "accepted is text or a number"),
        (["set", "ids", "--json", "{}"], "incoming.ids.state: the cursor is"),
        (["set", "walked", "--json", '"a"'], "incoming.walked.state.walk: the last id is"),
        (["set", "recent", "--json", "5"], "incoming.recent.state.overlap"),
    ],
)
def test_what_cannot_be_meant_is_usage(state, assert_clear, arguments, told):
    """What contradicts itself, or names what is not there, changes nothing: exit code 2."""
    ran = state(*arguments)

    assert ran.code == 2
    assert told in ran.stderr
    assert_clear(ran)


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        ("orders", ["2026-11-01 00:00:00"], "2026-11-01 00:00:00"),
        ("orders", ["815"], "815"),
        ("ids", ["900"], 900),
        ("ids", ["--json", '"900"'], "900"),
    ],
)
def test_set_a_cursor(state, cursor, name, typed, kept):
    """A value is text, or a number where the cursor is one, or whatever its JSON says."""
    ran = state("set", name, *typed)

    assert (ran.code, ran.stdout) == (0, f"{name}: the next fetch goes on from {kept}\n")
    assert cursor(name) == kept


def test_set_a_cursor_that_was_never_moved(command, state, cursor):
    """An incoming of the configuration that has a state can be told where to begin."""
    on_store(command, lambda store: store.state.reset("orders"))

    ran = state("set", "orders", "2026-06-01 00:00:00")

    assert ran.code == 0
    assert cursor("orders") == "2026-06-01 00:00:00"


def test_set_a_value(state, value):
    """A value of a store is set by its key."""
    state("set", "--store", "prices", "--key", "SKU-3", "--json", '{"price": "1.00"}')

    assert value("prices", "SKU-3") == b'{"price":"1.00"}'


def test_reset(state, cursor, value):
    """A cursor is forgotten, or a value, or all values of a store; each says so."""
    of_cursor = state("reset", "orders")
    of_value = state("reset", "--store", "prices", "--key", "SKU-1")
    of_store = state("reset", "--store", "marks", "--output", "json")

    assert of_cursor.stdout == "orders: the next fetch begins at the start\n"
    assert of_value.stdout == "prices: 1 value forgotten\n"
    assert of_store.json == {"store": "marks", "key": None, "forgotten": 1}
    assert cursor("orders") is None
    assert (value("prices", "SKU-1"), value("prices", "SKU-2"), value("marks", "a")) == (None, b'"9.99"', None)


def test_what_is_exported_is_imported(command, state, cursor, value):
    """An export, imported into another store, gives the same cursors and values, down to their digits."""
    exported = state("export")
    command.environment["CONNECTOR_DATA_DIR"] += "-other"
    command("db", "upgrade")

    ran = state("import", stdin=exported.stdout)

    assert exported.messages == ["5 entries exported"]
    assert [set(line) for line in exported.lines] == [{"cursor", "value", "pending"}] * 2 + [
        {"store", "key", "value"}
    ] * 3
    assert (ran.code, ran.messages) == (0, ["5 entries kept"])
    assert (cursor("ids"), cursor("orders")) == (815, "2026-01-01 00:00:00")
    assert value("prices", "SKU-1") == b'{"$decimal":"12.50"}'


def test_export_of_one_store(state):
    """With a store, its values alone."""
    assert [line["key"] for line in state("export", "--store", "prices").lines] == ["SKU-1", "SKU-2"]


def test_lines_that_are_no_state(state, cursor):
    """They are told by number, the others are kept: exit code 3."""
    lines = [{"cursor": "ids", "value": 1}, {"cursor": "ids"}, {"store": "prices", "key": 5, "value": 1}]
    text = "\n".join([json.dumps(lines[0]), "nonsense", *map(json.dumps, lines[1:])])

    ran = state("import", stdin=text)

    assert ran.code == 3
    assert ran.messages[0].startswith("line 2: not JSON")
    assert [message.partition(":")[0] for message in ran.messages[1:3]] == ["line 3", "line 4"]
    assert ran.messages[-1] == "1 entry kept, 3 lines could not be used"
    assert cursor("ids") == 1


def test_nothing_kept(command):
    """An empty store says that nothing is kept yet."""
    command("db", "upgrade")

    ran = command("state", "show")

    assert (ran.code, ran.stdout) == (0, "")
    assert ran.messages[0].startswith("nothing is kept: ")


def test_import_refuses_what_no_fetch_could_go_on_from(state, cursor):
    """A cursor of the wrong kind is told with its line and its place, and the others are kept."""
    lines = (
        '{"cursor": "orders", "value": ["2026"], "pending": null}\n'
        '{"cursor": "ids", "value": 1, "pending": true}\n'
        '{"cursor": "walked", "value": 7, "pending": null}\n'
    )

    ran = state("import", stdin=lines)

    assert ran.code == 3
    assert "line 1: incoming.orders.state: the cursor is" in ran.stderr
    assert "line 2: incoming.ids.state: the cursor is true" in ran.stderr
    assert (cursor("orders"), cursor("ids"), cursor("walked")) == ("2026-01-01 00:00:00", 815, 7)
