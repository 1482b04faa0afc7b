"""A configuration checked as a whole: names, what is written in place, warnings, everything at once."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from connector import ConfigError, Project, load

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = {
    "shop": {"connector": "opencart", "base_url": "http://shop.test/", "key": "k"},
    "erp": {"connector": "http", "base_url": "http://erp.test/"},
}
INCOMING = {"rows": {"subscriber": {"client": "erp", "route": "rows"}}}
OUTGOING = {
    "coupons": {
        "publisher": {
            "client": "shop",
            "before": [{"entity": "cart.add", "data": {"product_id": 1}}],
            "entity": "coupon.apply",
        }
    }
}


def document(**sections: Any) -> dict[str, Any]:
    """A sound document, with sections replaced."""
    return {"clients": CLIENTS, "incoming": INCOMING, "outgoing": OUTGOING, **sections}


def check(**sections: Any) -> Project:
    """Load it."""
    return load(document(**sections), environment={})


def faults_of(**sections: Any) -> list[str]:
    """What is wrong with it, without the file."""
    with pytest.raises(ConfigError) as caught:
        check(**sections)
    return [str(fault).partition(": ")[2] for fault in caught.value.faults]


def warnings_of(**sections: Any) -> list[str]:
    """What is most likely not meant."""
    return [str(warning).partition(": ")[2] for warning in check(**sections).warnings]


def test_a_route_finds_what_it_names():
    """A name leads to the very incoming and outgoing that have it."""
    project = check(routes={"r": {"incoming": "rows", "outgoing": "coupons"}})

    route = project.routes["r"]
    assert route.incoming is project.incoming["rows"]
    assert route.outgoing is project.outgoing["coupons"]


def test_incoming_and_outgoing_can_be_written_in_a_route():
    """They take names from the route, are not listed, and are checked like any other."""
    project = check(
        routes={
            "r": {
                "incoming": {"subscriber": {"client": "erp", "route": "rows"}, "transform": [{"pick": ["a"]}]},
                "outgoing": {"publisher": {"client": "erp", "route": "orders"}},
            }
        }
    )

    route = project.routes["r"]
    assert route.incoming is not None
    assert (route.incoming.name, route.outgoing.name) == ("routes.r", "r")
    assert (route.incoming.call.where, route.outgoing.call.where) == (
        "routes.r.incoming.subscriber",
        "routes.r.outgoing.publisher",
    )
    assert (list(project.incoming), list(project.outgoing)) == (["rows"], ["coupons"])


def test_a_route_may_have_no_incoming():
    """Its records are pushed."""
    assert check(routes={"r": {"outgoing": "coupons"}}).routes["r"].incoming is None


UNKNOWN = [
    pytest.param(
        {"incoming": {"rows": {"subscriber": {"client": "epr", "route": "rows"}}}},
        ['incoming.rows.subscriber.client: no client is called "epr", there are: shop, erp; did you mean "erp"?'],
        id="a client",
    ),
    pytest.param(
        {"routes": {"r": {"incoming": "row", "outgoing": "coupons"}}},
        ['routes.r.incoming: no incoming is called "row", there are: rows; did you mean "rows"?'],
        id="an incoming",
    ),
    pytest.param(
        {"routes": {"r": {"outgoing": "cuopons"}}},
        ['routes.r.outgoing: no outgoing is called "cuopons", there are: coupons; did you mean "coupons"?'],
        id="an outgoing",
    ),
    pytest.param(
        {"outgoing": {}, "routes": {"r": {"outgoing": "coupons"}}},
        ['routes.r.outgoing: no outgoing is called "coupons", there are: none'],
        id="an outgoing, of none",
    ),
    pytest.param(
        {"outgoing": {"o": {"publisher": {"client": "shop", "entity": "coupon.aply"}}}},
        ['outgoing.o.publisher.entity: .*did you mean "coupon.apply"'],
        id="an entity",
    ),
    pytest.param(
        {"routes": {"r": {"outgoing": ["coupons"]}}},
        ["routes.r.outgoing: found a list.*accepted is a name, or the keys of one written in place"],
        id="a list in place of a name",
    ),
]


@pytest.mark.parametrize(("sections", "messages"), UNKNOWN)
def test_a_name_that_nothing_has_is_a_fault_with_those_there_are(sections: dict[str, Any], messages: list[str]):
    """The fault stands where the name is written, lists the names and suggests the closest."""
    faults = faults_of(**sections)

    assert len(faults) == len(messages)
    for fault, message in zip(faults, messages, strict=True):
        assert fault == message or re.fullmatch(f"(?s){message}.*", fault)


FOLLOW_UPS = [
    pytest.param({"clients": {**CLIENTS, "erp": {"connector": "htp"}}}, 1, id="a client with a fault"),
    pytest.param({"clients": {**CLIENTS, "erp": {"connector": "http"}}}, 1, id="a client without an address"),
    pytest.param({"clients": ["shop", "erp"]}, 1, id="clients that are a list"),
    pytest.param({"clients": None}, 0, id="no clients at all"),
    pytest.param(
        {
            "incoming": {"rows": {"subscriber": {"client": "erp"}}},
            "routes": {"r": {"incoming": "rows", "outgoing": "coupons"}},
        },
        1,
        id="an incoming with a fault",
    ),
    pytest.param({"outgoing": 5, "routes": {"r": {"outgoing": "coupons"}}}, 1, id="outgoing that is a number"),
]


@pytest.mark.parametrize(("sections", "count"), FOLLOW_UPS)
def test_what_follows_from_a_fault_is_not_reported(sections: dict[str, Any], count: int):
    """Whoever names something that has faults of its own is not told that it does not exist."""
    faults = faults_of(**sections)

    if count:
        assert len(faults) == count
    else:
        assert all("no client is called" in fault for fault in faults)


def test_everything_is_reported_at_once(tmp_path: Path):
    """Faults of clients, calls, templates, paths, paging and routes, of all files, each at its position."""
    (tmp_path / "a.yaml").write_text(
        dedent("""\
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: k, tiemout: 5s}
              erp: {connector: http, base_url: "http://erp.test/"}
            incoming:
              rows:
                subscriber:
                  client: erp
                  route: rows
                  records: "$.rows[?("
                  pagination: {page: {in: query, name: page}, max_pages: 0}
            """)
    )
    (tmp_path / "b.yaml").write_text(
        dedent("""\
            outgoing:
              send:
                publisher:
                  client: erp
                  route: orders
                  before:
                    - {name: twice, route: a}
                    - {name: twice, route: b}
                  data: {n: "{{ record.n | nosuch }}"}
                transform:
                  - sett: {a: 1}
            routes:
              r: {incoming: rows, outgoing: sned, key: "{{ record. }}", retry: {attempts: 0}}
              s: {incoming: rows, outgoing: sned, key: "{{ record. }}", transform: [{filter: maybe}]}
            """)
    )

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environment={})

    spots = [(fault.file.rpartition("/")[2], fault.line, fault.where) for fault in caught.value.faults]
    assert spots == [
        ("a.yaml", 2, "clients.shop.tiemout"),
        ("a.yaml", 9, "incoming.rows.subscriber.records"),
        ("a.yaml", 10, "incoming.rows.subscriber.pagination.max_pages"),
        ("b.yaml", 8, "outgoing.send.publisher.before[1].name"),
        ("b.yaml", 9, "outgoing.send.publisher.data.n"),
        ("b.yaml", 11, "outgoing.send.transform[0].sett"),
        ("b.yaml", 13, "routes.r.retry.attempts"),
        ("b.yaml", 14, "routes.s.outgoing"),
        ("b.yaml", 14, "routes.s.key"),
        ("b.yaml", 14, "routes.s.transform[0].filter"),
    ]


def test_a_step_that_lacks_what_it_builds_on_is_a_warning():
    """It may be meant, since a session can be prepared in other ways; so it is told and not refused."""
    warnings = warnings_of(outgoing={"o": {"publisher": {"client": "shop", "entity": "shipping.methods"}}})

    assert warnings == [
        "outgoing.o.publisher.entity: shipping.methods builds on shipping.address, and no step before it is one"
    ]


def test_pages_of_an_entity_that_has_one_are_a_warning():
    """The shop would answer with the same again; the loop guard ends it, the warning says it before."""
    warnings = warnings_of(
        incoming={
            "i": {
                "subscriber": {
                    "client": "shop",
                    "entity": "reward.maximum",
                    "pagination": {"page": {"in": "form", "name": "page"}},
                }
            }
        }
    )

    told = [warning for warning in warnings if warning.startswith("incoming.i.subscriber.pagination: ")]
    assert len(told) == 1
    assert told[0].endswith(
        "reward.maximum answers with everything at once, further pages would repeat it; write pagination: none"
    )


def test_a_sound_document_has_no_warnings():
    """Nothing is told where there is nothing to tell."""
    assert warnings_of(routes={"r": {"incoming": "rows", "outgoing": "coupons"}}) == []


STATEFUL = {
    "client": "shop",
    "route": "api/rows",
    "effect": "session",
    "pagination": {"page": {"in": "form", "name": "page"}},
}


@pytest.mark.parametrize(
    ("sessions", "subscriber", "is_refused"),
    [
        pytest.param(1, STATEFUL, True, id="pages in the only session"),
        pytest.param(2, STATEFUL, False, id="another session for the records"),
        pytest.param(1, {**STATEFUL, "pagination": "none"}, False, id="one page"),
        pytest.param(1, {**STATEFUL, "client": "erp"}, False, id="pages from elsewhere"),
    ],
)
def test_a_route_that_would_wait_for_itself_is_refused(sessions: int, subscriber: dict[str, Any], is_refused: bool):
    """An incoming that keeps the only session from page to page would leave none to send its records with."""
    sections = {
        "clients": {**CLIENTS, "shop": {**CLIENTS["shop"], "sessions": sessions}},
        "incoming": {"rows": {"subscriber": subscriber}},
        "routes": {"r": {"incoming": "rows", "outgoing": "coupons"}},
    }

    if is_refused:
        (fault,) = faults_of(**sections)
        assert fault.startswith("routes.r: the incoming keeps the one session of shop from its first page to its last")
        assert fault.endswith("accepted are 2 or more under clients.shop.sessions")
    else:
        assert check(**sections).routes["r"]


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [("1s..30s", (1, 30)), ({"first": "2s", "longest": "1m"}, (2, 60)), ("500ms..500ms", (0.5, 0.5))],
)
def test_a_backoff_has_a_short_and_a_long_form(backoff: Any, waits: tuple[float, float]):
    """Both say the first wait and the longest."""
    project = check(routes={"r": {"outgoing": "coupons", "retry": {"attempts": 5, "backoff": backoff}}})

    policy = project.routes["r"].retry
    assert (policy.attempts, policy.first_delay.total_seconds(), policy.longest_delay.total_seconds()) == (5, *waits)


@pytest.mark.parametrize("backoff", ["30s..1s", "1s", "1..30", "1s..", {"first": "2m", "longest": "1m"}])
def test_a_backoff_that_is_none_is_refused(backoff: Any):
    """The longest wait is not shorter than the first, and both have units."""
    faults = faults_of(routes={"r": {"outgoing": "coupons", "retry": {"backoff": backoff}}})

    assert len(faults) == 1
    assert faults[0].startswith("routes.r.retry.backoff: ")


@pytest.mark.parametrize(
    ("client", "where"),
    [
        ({"base_url": "http://h:99999/"}, "base_url"),
        ({"base_url": "http://a b/"}, "base_url"),
        ({"base_url": "http://[::1/"}, "base_url"),
        ({"base_url": "http://ann:pw@h/"}, "base_url"),
        ({"base_url": "http://h/?a=1"}, "base_url"),
        ({"base_url": "h/"}, "base_url"),
        ({"headers": {"X A": "b"}}, "headers[.]?.*"),
        ({"headers": {"X-A": "b\nc"}}, "headers.X-A"),
        ({"headers": {"Content-Length": "3"}}, "headers.Content-Length"),
        ({"auth": {"bearer": "a\nb"}}, "auth.bearer"),
        ({"auth": {"header": {"name": "a b", "value": "c"}}}, "auth.header.name"),
        ({"auth": {"bearer": "a", "basic": {"username": "u", "password": "p"}}}, "auth"),
        ({"timeout": {"total": "0s"}}, "timeout.total"),
        ({"sessions": 0}, "sessions"),
        ({"rate_limit": "0/s"}, "rate_limit"),
    ],
)
def test_what_could_not_be_sent_is_refused_at_load(client: dict[str, Any], where: str):
    """An address, a header or a credential that HTTP cannot say is a fault of the configuration, not of a record."""
    faults = faults_of(clients={**CLIENTS, "erp": {**CLIENTS["erp"], **client}})

    assert len(faults) == 1
    assert re.match(rf"clients\.erp\.{where}: ", faults[0]), faults[0]


def test_a_short_total_needs_no_shorter_connect():
    """The whole wait counts from the first byte sent, so the wait for a connection is another one."""
    project = check(clients={**CLIENTS, "erp": {**CLIENTS["erp"], "timeout": {"total": "5s"}}})

    assert project.clients["erp"].options.timeout.total.total_seconds() == 5


def test_a_name_of_a_file_beside_is_looked_for_in_the_folder(tmp_path, monkeypatch):
    """One file of a folder names what stands in another: the fault says to name the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "shop.yaml").write_text("clients: {shop: {connector: http, base_url: 'http://shop.test/'}}")
    coupons = tmp_path / "configs" / "coupons.yaml"
    coupons.write_text("outgoing: {coupons: {publisher: {client: shop, route: coupons}}}")

    with pytest.raises(ConfigError) as caught:
        load("configs/coupons.yaml", environment={})

    (fault,) = caught.value.faults
    assert fault.hint == "this is one file of configs/: name the folder to read all of its files"
    assert load("configs", environment={}).outgoing.keys() == {"coupons"}


STORING = {"changed": {"key": "{{ record.sku }}", "store": "sent"}}
PRICES: dict[str, Any] = {"publisher": {"client": "erp", "route": "prices"}}


def test_steps_of_the_store_stand_where_records_are_sent():
    """A route and an outgoing may have them; marks are named after what has the step."""
    route = {"outgoing": "prices", "transform": [{"changed": "{{ record.sku }}"}]}
    inline = {"outgoing": {**PRICES, "transform": [{"changed": "{{ record.sku }}"}]}}
    outgoing = {"prices": {**PRICES, "transform": [{"changed": "{{ record.sku }}"}]}}

    project = check(outgoing=outgoing, routes={"r": route, "inline": inline})

    named, own, written = project.outgoing["prices"], project.routes["r"], project.routes["inline"].outgoing
    assert [list(plan.transformer.marks) for plan in (named, own, written) if plan.transformer] == [
        ["changed:outgoing.prices"],
        ["changed:routes.r"],
        ["changed:routes.inline.outgoing"],
    ]


def test_steps_of_the_store_stand_nowhere_else():
    """In an incoming, and in the payload of a call, they are a fault that says where to move them."""
    steps = [{"store.get": {"store": "a", "key": "b", "into": "c"}}]
    told = (
        "store.get works with the value store, which only records that are about to be sent reach; "
        "move it to the transform of the route, or of its outgoing"
    )

    faults = faults_of(
        incoming={"rows": {**INCOMING["rows"], "transform": steps}},
        outgoing={"prices": {"publisher": {"client": "erp", "route": "prices", "transform": steps}}},
    )

    assert faults == [
        f'incoming.rows.transform[0]["store.get"]: {told}',
        f'outgoing.prices.publisher.transform[0]["store.get"]: {told}',
    ]


def test_a_route_and_its_outgoing_may_not_share_their_marks():
    """The outgoing would find what the route has just put, and nothing would ever be sent."""
    route = {"outgoing": "prices", "transform": [STORING]}

    told = (
        "routes.r.transform: a step changed of the route keeps its marks in changed:sent, and so does one of its "
        "outgoing, which would find those of the first, and let nothing through; "
        "give each a store of its own, or leave one out"
    )

    faults = faults_of(outgoing={"prices": {**PRICES, "transform": [STORING]}}, routes={"r": route})

    assert faults == [told]


@pytest.mark.parametrize(
    ("options", "is_warned"),
    [
        ({"key": "{{record.sku}}"}, True),
        ({"key": "{{ record.sku }}", "on_duplicate": "update"}, False),
        ({"key": "{{ record.sku }}-{{ record.at }}"}, False),
        ({}, False),
    ],
    ids=["skip", "update", "other key", "no key"],
)
def test_a_step_that_sees_each_key_once_is_a_warning(options: dict[str, Any], is_warned: bool):
    """Where the route leaves out every record of a key that it knows, `changed` never sees a change."""
    told = (
        "routes.r: the step changed sees the first record of each key alone: the route leaves out what has a key that "
        "it knows already; write on_duplicate: update"
    )

    warnings = warnings_of(
        outgoing={"prices": PRICES}, routes={"r": {"outgoing": "prices", "transform": [STORING], **options}}
    )

    assert warnings == ([told] if is_warned else [])
