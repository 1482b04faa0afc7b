"""Every recorded answer of every generation through the verdict of its dialect, judged by rules of its own.

`verdicts-<version>.tsv` lists what each recorded answer of a version comes to, for people to check. After a change of
the rules, write them again and read the difference: `python -m tests.conformance.test_verdict`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.entity import unlisted_operation
from connector.client.opencart import v2_3, v3_0, v4_0
from connector.client.opencart.sessions import SessionDialect
from connector.client.opencart.v4_1 import OpenCart41
from connector.interfaces import SessionState
from connector.request import Answer, Effect, Response, Verdict
from tests.conformance.recording import load_scenarios

HERE = Path(__file__).parent
OURS = HERE / "recordings"
HEADING = ("scenario", "step", "route", "status", "body", "verdict")

CATALOG = load_catalog("opencart")
DIALECTS = {
    "2.3": SessionDialect(v2_3.TRAITS),
    "3.0": SessionDialect(v3_0.TRAITS),
    "4.0": SessionDialect(v4_0.TRAITS),
    "4.1": OpenCart41(host="shop.example", path="/"),
}
VERSIONS = {"2.3.0.2": "2.3", "3.0.5.1": "3.0", "4.0.2.3": "4.0", "4.1.0.4": "4.1"}
NO_JSON = object()

# What the answers of each generation mean, written down here once more.


@dataclass(frozen=True)
class Rules:
    """What to expect of one generation's answers.

    Calls are named by route; those of 4.1's `api/order` by what stands under `call`, those of its other routes by both.
    """

    login: str | None
    token: str | None
    commits: frozenset[str]
    success_key: dict[str, str]  # `success` for all others
    nothing_is_an_answer: frozenset[str] = frozenset()
    permission_text_is_lost: bool = False
    page_is_lost: bool = False


FIRST_KEYS = {
    "api/cart/products": "products",
    "api/reward/maximum": "maximum",
    "api/reward/available": "points",
    "api/shipping/methods": "shipping_methods",
    "api/payment/methods": "payment_methods",
    "api/order/add": "order_id",
    "api/order/info": "order",
}
FIRST = {
    "login": "api/login",
    "commits": frozenset({"api/order/add", "api/order/edit", "api/order/delete", "api/order/history"}),
    "success_key": FIRST_KEYS,
    "nothing_is_an_answer": frozenset({"api/shipping/address", "api/shipping/methods", "api/shipping/method"}),
    "permission_text_is_lost": True,
}
RULES = {
    "2.3": Rules(token="token", **FIRST),
    "3.0": Rules(token="api_token", **FIRST),
    "4.0": Rules(
        login="api/account/login",
        token="api_token",
        commits=frozenset({"api/sale/order.confirm", "api/sale/order.addHistory", "api/sale/order.delete"}),
        success_key={
            "api/sale/cart": "products",
            "api/sale/reward.maximum": "maximum",
            "api/sale/reward.available": "points",
            "api/sale/shipping_method": "shipping_methods",
            "api/sale/payment_method": "payment_methods",
            "api/sale/order.confirm": "order_id",
        },
        page_is_lost=True,
    ),
    "4.1": Rules(
        login=None,
        token=None,
        commits=frozenset({"confirm", "history_add", "api/subscription: confirm", "api/subscription: history_add"}),
        success_key={
            "cart": "products",
            "shipping_methods": "shipping_methods",
            "payment_methods": "payment_methods",
            "confirm": "order_id",
            "api/subscription: cart": "products",
            "api/subscription: shipping_methods": "shipping_methods",
            "api/subscription: payment_methods": "payment_methods",
        },
    ),
}


def pytest_generate_tests(metafunc):
    """Make one test of each scenario, of every generation."""
    if "recorded" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--recordings", default=OURS)
        metafunc.parametrize("recorded", load_scenarios(folder), ids=str)


def find_route(exchange):
    """Return the route that was called, or the path where there was none."""
    return exchange.request["query"].get("route", "").strip("/") or exchange.request["path"]


def name_call(exchange):
    """Return the route, with 4.0's pipe as a point; or what 4.1 was asked for."""
    route, call = find_route(exchange).replace("|", "."), exchange.request["query"].get("call")
    if not call:
        return route
    return call if route == "api/order" else f"{route}: {call}"


def find_operation(exchange, generation):
    """Return what was called: the entity of the route, or the route itself where none has it."""
    query, form = exchange.request["query"], exchange.request.get("form") or {}
    entities = {entity.id: entity for entity in CATALOG.find_route(find_route(exchange), generation, query)}
    for id_, others in (("cart.replace", "cart.products"), ("order.edit", "order.add")):
        if id_ in entities and others in entities:  # one call of 4.1 for both
            del entities[others if "order_id" in form and id_ == "order.edit" else id_]
    if not entities:
        return unlisted_operation(find_route(exchange), Effect.READ)
    return next(iter(entities.values())).operation(generation)


def read(exchange, generation):
    """Return what the dialect makes of a recorded answer."""
    recorded = exchange.response
    headers = {name: text for name, text in recorded["headers"].items() if isinstance(text, str)}
    body = json.dumps(recorded["json"]) if "json" in recorded else recorded.get("text", "")
    # The recorder kept its cookies, so that a log-in is given no new one where an earlier call was; ours never does.
    cookies = (exchange.request.get("cookies") or {}) | (recorded.get("cookies") or {})
    response = Response(recorded["status"], headers, body.encode(), cookies=cookies)
    dialect = DIALECTS[generation]
    if find_route(exchange) == RULES[generation].login:
        result = dialect.read_login(response)
        return Answer(Verdict.OK, status=response.status) if isinstance(result, SessionState) else result
    return dialect.read(find_operation(exchange, generation), response)


def find_json(response):
    """Return the recorded JSON, or the one at the end of a text, found by trying each bracket from the last one."""
    if "json" in response:
        return response["json"]
    text = response.get("text", "")
    for start in range(len(text) - 1, -1, -1):
        if text[start] in "{[":
            try:
                return json.loads(text[start:])
            except ValueError:
                continue
    return NO_JSON


def expect(exchange, generation):
    """Return the verdict that status and shape of an answer call for."""
    rules, response = RULES[generation], exchange.response
    route, value = find_route(exchange), find_json(response)
    is_commit = name_call(exchange) in rules.commits
    is_listed = bool(CATALOG.find_route(route, generation, exchange.request["query"]))
    broken = Verdict.UNKNOWN if is_commit else Verdict.FAULT
    match response["status"]:
        case 302:
            assert response["headers"]["location"] == "error.html"
            return broken
        case 403:
            return Verdict.DENIED
        case 404:
            return Verdict.LOST_SESSION if rules.page_is_lost and is_listed else Verdict.FAULT
        case 503:
            return Verdict.BUSY
        case 500:
            return Verdict.LOST_SESSION if "session_id must not be accessed" in response.get("text", "") else broken
        case _ if value is NO_JSON:
            return expect_of_text(response["text"].lower(), broken, is_commit=is_commit)
        case _ if route == rules.login:
            return Verdict.OK if rules.token in value else Verdict.DENIED
        case _:
            return expect_of_json(exchange, rules, value, is_listed=is_listed)


def expect_of_text(text, broken, *, is_commit):
    """Return the verdict for an answer without JSON.

    A shop that cannot reach its database has done nothing, but an extension that says the same of its own may have run
    behind the order: after a commit, the words prove nothing.
    """
    if "could not make a database link" in text:
        return broken if is_commit else Verdict.BUSY
    return Verdict.LOST_SESSION if "invalid session id" in text else broken


def expect_of_json(exchange, rules, value, *, is_listed):
    """Return the verdict for JSON; a call that the catalog does not list may answer with anything but an error."""
    call = name_call(exchange)
    key = rules.success_key.get(call, "success")
    if value == []:
        return Verdict.EMPTY if call in rules.nothing_is_an_answer or not is_listed else Verdict.REJECTED
    if "error" in value:
        if rules.permission_text_is_lost and "permission to access the API" in json.dumps(value["error"]):
            return Verdict.LOST_SESSION
        return Verdict.OK if key != "success" and value.get(key) else Verdict.REJECTED
    if list(value.values()) == [[]]:
        return Verdict.EMPTY
    return Verdict.OK if key in value or not is_listed else Verdict.FAULT


def test_verdict_follows_from_the_shape(recorded):
    """Each answer comes to what its status and shape call for, with a reason unless it is a success."""
    wrong = []
    for exchange in recorded.exchanges:
        answer, expected = read(exchange, recorded.generation), expect(exchange, recorded.generation)
        if answer.verdict is not expected or not (answer.verdict.is_success or answer.reason):
            wrong.append(f"{exchange.label}: {answer.verdict.value} ({answer.reason}), not {expected.value}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("generation", DIALECTS)
def test_no_answer_breaks_a_reader(recorded, generation):
    """The answers of every generation give a verdict in every dialect, at least not an exception."""
    verdicts = [read(exchange, generation).verdict for exchange in recorded.exchanges]

    assert all(isinstance(verdict, Verdict) for verdict in verdicts)


def test_warnings_in_front_of_json_are_reported(recorded):
    """An answer with text in front of its JSON tells that text."""
    silent = [
        exchange.label
        for exchange in recorded.exchanges
        if "json" not in exchange.response
        and find_json(exchange.response) is not NO_JSON
        and not any("Warning: " in notice for notice in read(exchange, recorded.generation).notices)
    ]

    assert not silent


def build_table(version):
    """Return the rows of a version's table, one an exchange of our recordings."""
    return [
        (
            scenario.name,
            str(exchange.step),
            " ".join(filter(None, (find_route(exchange), exchange.request["query"].get("call")))),
            str(exchange.response["status"]),
            shorten(exchange.response),
            read(exchange, scenario.generation).verdict.value,
        )
        for scenario in load_scenarios(OURS)
        if scenario.file == f"transcripts-{version}"
        for exchange in scenario.exchanges
    ]


def shorten(response):
    """Return an answer's body on one short line: its keys, its error, or the beginning of its text."""
    if "json" not in response:
        text = " ".join(response.get("text", "").split()) or "(nothing)"
        return text if len(text) <= 100 else f"{text[:48]} … {text[-48:]}"
    value = response["json"]
    if not isinstance(value, dict):
        return json.dumps(value)
    shown = [name for name in value if name != "error"]
    if "error" in value:
        error = json.dumps(value["error"], ensure_ascii=False)
        shown.insert(0, f"error {error if len(error) <= 100 else error[:99] + '…'}")
    return ", ".join(shown)


def table_path(version):
    """Return where a version's table is kept."""
    return HERE / f"verdicts-{version}.tsv"


@pytest.mark.parametrize("version", VERSIONS)
def test_table_is_up_to_date(version):
    """The committed table of each version says what its dialect says."""
    lines = table_path(version).read_text(encoding="utf-8").splitlines()
    heading, *rows = (tuple(line.split("\t")) for line in lines)

    assert heading == HEADING
    assert rows == build_table(version)


def write_tables():
    """Write the tables again."""
    for version in VERSIONS:
        lines = ["\t".join(row) for row in (HEADING, *build_table(version))]
        table_path(version).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_tables()
