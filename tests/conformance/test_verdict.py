"""Every recorded answer through the verdict of the OpenCart 3.0 dialect, judged by a rule table of its own.

`verdicts-3.0.5.1.tsv` lists what each recorded answer of that version comes to, for people to check. After a change of
the rules, write it again and read the difference: `python -m tests.conformance.test_verdict`.
"""

import json
from pathlib import Path

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.entity import unlisted_operation
from connector.client.opencart.v3_0 import OpenCart30
from connector.interfaces import SessionState
from connector.request import Answer, Effect, Response, Verdict
from tests.conformance.recording import load_scenarios

HERE = Path(__file__).parent
OURS = HERE / "recordings"
TABLE = HERE / "verdicts-3.0.5.1.tsv"
HEADING = ("scenario", "step", "route", "status", "body", "verdict")

CATALOG = load_catalog("opencart")
DIALECT = OpenCart30()

LOGIN = "api/login"
COMMITS = {"api/order/add", "api/order/edit", "api/order/delete", "api/order/history"}
NOTHING_IS_AN_ANSWER = {"api/shipping/address", "api/shipping/methods", "api/shipping/method"}  # nothing to ship
SUCCESS_KEY = {
    "api/cart/products": "products",
    "api/reward/maximum": "maximum",
    "api/reward/available": "points",
    "api/shipping/methods": "shipping_methods",
    "api/payment/methods": "payment_methods",
    "api/order/add": "order_id",
    "api/order/info": "order",
}
NO_JSON = object()


def pytest_generate_tests(metafunc):
    """Make one test of each scenario, of every generation."""
    if "recorded" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--recordings", default=OURS)
        metafunc.parametrize("recorded", load_scenarios(folder), ids=str)


def find_route(exchange):
    """Return the route that was called, or the path where there was none."""
    return exchange.request["query"].get("route", "").strip("/") or exchange.request["path"]


def read(exchange):
    """Return what the dialect makes of a recorded answer."""
    route = find_route(exchange)
    recorded = exchange.response
    headers = {name: text for name, text in recorded["headers"].items() if isinstance(text, str)}
    body = json.dumps(recorded["json"]) if "json" in recorded else recorded.get("text", "")
    response = Response(recorded["status"], headers, body.encode())
    if route == LOGIN:
        result = DIALECT.read_login(response)
        return Answer(Verdict.OK, status=response.status) if isinstance(result, SessionState) else result
    entities = CATALOG.find_route(route, "3.0")
    operation = entities[0].operation("3.0") if entities else unlisted_operation(route, Effect.READ)
    return DIALECT.read(operation, response)


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


def expect(route, response):
    """Return the verdict that status and shape of a 3.0 answer call for, by rules written down here once more."""
    value = find_json(response)
    match response["status"]:
        case 404:
            return Verdict.FAULT
        case 503:
            return Verdict.BUSY
        case 500:
            return Verdict.UNKNOWN if route in COMMITS else Verdict.FAULT
        case _ if value is NO_JSON:
            return expect_of_text(route, response["text"].lower())
        case _ if route == LOGIN:
            return Verdict.OK if "api_token" in value else Verdict.DENIED
        case _:
            return expect_of_json(route, value)


def expect_of_text(route, text):
    """Return the verdict for an answer without JSON."""
    if "could not make a database link" in text:
        return Verdict.BUSY
    if "invalid session id" in text:
        return Verdict.LOST_SESSION
    return Verdict.UNKNOWN if route in COMMITS else Verdict.FAULT


def expect_of_json(route, value):
    """Return the verdict for JSON; a route that the catalog does not list may answer with anything but an error."""
    is_listed = bool(CATALOG.find_route(route, "3.0"))
    key = SUCCESS_KEY.get(route, "success")
    if value == []:
        return Verdict.EMPTY if route in NOTHING_IS_AN_ANSWER or not is_listed else Verdict.REJECTED
    if "error" in value:
        if "permission to access the API" in json.dumps(value["error"]):
            return Verdict.LOST_SESSION
        return Verdict.OK if key != "success" and value.get(key) else Verdict.REJECTED
    if list(value.values()) == [[]]:
        return Verdict.EMPTY
    return Verdict.OK if key in value or not is_listed else Verdict.FAULT


def test_verdict_follows_from_the_shape(recorded):
    """Each answer of a 3.0 shop comes to what its status and shape call for, with a reason unless it is a success."""
    if recorded.generation != "3.0":
        pytest.skip(f"the rules are those of 3.0, this is {recorded.generation}")

    wrong = []
    for exchange in recorded.exchanges:
        answer, expected = read(exchange), expect(find_route(exchange), exchange.response)
        if answer.verdict is not expected or not (answer.verdict.is_success or answer.reason):
            wrong.append(f"{exchange.label}: {answer.verdict.value} ({answer.reason}), not {expected.value}")

    assert not wrong, "\n".join(wrong)


def test_no_answer_breaks_the_reader(recorded):
    """The answers of every generation give a verdict; of one that 3.0 does not know, at least not an exception."""
    verdicts = [read(exchange).verdict for exchange in recorded.exchanges]

    assert all(isinstance(verdict, Verdict) for verdict in verdicts)


def test_warnings_in_front_of_json_are_reported(recorded):
    """An answer with text in front of its JSON tells that text."""
    silent = [
        exchange.label
        for exchange in recorded.exchanges
        if "json" not in exchange.response
        and find_json(exchange.response) is not NO_JSON
        and not any("Warning: " in notice for notice in read(exchange).notices)
    ]

    assert not silent


def build_table():
    """Return the rows of the table, one an exchange of our recordings of 3.0.5.1."""
    return [
        (
            scenario.name,
            str(exchange.step),
            find_route(exchange),
            str(exchange.response["status"]),
            shorten(exchange.response),
            read(exchange).verdict.value,
        )
        for scenario in load_scenarios(OURS)
        if scenario.file.endswith("3.0.5.1")
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


def test_table_is_up_to_date():
    """The committed table says what the dialect says."""
    heading, *rows = (tuple(line.split("\t")) for line in TABLE.read_text(encoding="utf-8").splitlines())

    assert heading == HEADING
    assert rows == build_table()


def write_table():
    """Write the table again."""
    lines = ["\t".join(row) for row in (HEADING, *build_table())]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_table()
