"""A recorded scenario played again on a practice shop, every answer compared with the recorded one."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from connector.sandbox.controls import ControlError
from connector.sandbox.php.notice import ROOT
from connector.sandbox.server import SOURCE_IP_HEADER, SandboxServer
from tests.conformance.change import UnknownChangeError, read_change
from tests.conformance.left_out import RANDOM_CODES, cut_fatal_error, find_left_out, is_page, order_lines, split_notices
from tests.conformance.recording import Exchange, Scenario
from tests.conformance.signing import Signer, read_manner

BODY_LIMIT = 2000
"""How much of a body that is not JSON a recording keeps."""

_USER_AGENT = "opencart-recorder/1.0"
_PLACEHOLDER = re.compile(r"\{[A-Z_]+\d*\}")
_BOUNDARY = "----transcript"


class CannotReplayError(Exception):
    """The scenario cannot go on: somebody changed the shop in a way the practice shop cannot be changed."""


@dataclass
class Outcome:
    """How a scenario went: what differed from the recording, and why it could not be played to its end, if so."""

    differences: list[str] = field(default_factory=list)
    stop: str | None = None


async def play(scenarios: list[Scenario]) -> dict[str, Outcome]:
    """Play scenarios of one recording on one fresh shop and return how each went.

    Args:
        scenarios: One, or those of a recording that runs on, in their order.
    """
    async with (
        SandboxServer(scenarios[0].generation, allowed_ips=("127.0.0.1",)) as shop,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        replay = Replay(shop, http, runs_on=scenarios[0].runs_on)
        outcomes = {}
        for scenario in scenarios:
            outcomes[str(scenario)] = outcome = Outcome()
            for exchange in scenario.exchanges:
                try:
                    found = await replay.perform(exchange)
                except CannotReplayError as error:
                    outcome.stop = str(error)
                    break
                outcome.differences += [f"{exchange.label}: {one}" for one in found]
            replay.end_scenario()
        return outcomes


_KEYS = {
    "Default": "{KEY}",
    "Second": "{KEY2}",
    "Disabled": "{KEY_DISABLED}",
    "NoIp": "{KEY_NOIP}",
    "oc_api": "{KEY}",
    "oc_off": "{KEY_DISABLED_USER}",
    "oc_noip": "{KEY_NOIP_USER}",
}
"""What recordings call the keys, by API user."""

_TOKENS = {"token", "api_token"}
_SESSION_COOKIE = "OCSESSID"


class RunningNumbers:
    """The ids a shop counts up from scenario to scenario, as recorded and as they are here.

    They differ when a recording has gaps: what the scenarios left out counted up is missing here. What must hold is
    that the same id stays the same, that different ones stay different, and that none is higher than recorded.
    """

    def __init__(self) -> None:
        self._ours: dict[tuple[str, str], str] = {}
        self._theirs: dict[tuple[str, str], str] = {}

    def match(self, key: str, recorded: str, actual: str) -> bool:
        """Say whether an id can stand for a recorded one, and remember that it does."""
        known, taken = self._ours.get((key, recorded)), self._theirs.get((key, actual))
        if (known, taken) == (None, None):
            self._ours[key, recorded], self._theirs[key, actual] = actual, recorded
            return int(actual) <= int(recorded)
        return known == actual

    def translate(self, key: str, recorded: str, newest: int) -> str:
        """Return the id that stands for a recorded one.

        Args:
            key: What kind of id it is.
            recorded: As it was recorded.
            newest: Our newest id of that kind: no answer may have named it, and then it is what a new name stands for.
        """
        if (key, recorded) not in self._ours and newest and (key, str(newest)) not in self._theirs:
            self.match(key, recorded, str(newest))
        return self._ours.get((key, recorded), recorded)


class RunningStock:
    """The stock of products and option values, which falls from scenario to scenario.

    What the scenarios left out took is still here, so within a scenario the difference to the recorded stock must stay
    the same, and ours must never be the lower.
    """

    def __init__(self) -> None:
        self._surplus: dict[str, int] = {}

    def end_scenario(self) -> None:
        """Let the next scenario have differences of its own: others may have been left out before it."""
        self._surplus.clear()

    def match(self, what: str, recorded: str, actual: str) -> bool:
        """Say whether a stock can stand for a recorded one."""
        surplus = int(actual) - int(recorded)
        return 0 <= surplus == self._surplus.setdefault(what, surplus)


def _name_stock(key: str, row: dict[str, Any]) -> str | None:
    """Return what a value under some key is the stock of, None when it is no stock."""
    if key == "stock" and "product_id" in row and isinstance(row[key], str):
        return f"product {row['product_id']}"
    if key == "quantity" and "product_option_value_id" in row and isinstance(row[key], str):
        return f"option value {row['product_option_value_id']}"
    return None


class Replay:
    """Scenarios on one shop: one of them, or one after another where the recording runs on.

    Args:
        shop: A shop fresh from its seed.
        http: Sends the requests; keeps no cookies.
        runs_on: Whether the recording was made without going back to the seed between scenarios.
    """

    def __init__(self, shop: SandboxServer, http: aiohttp.ClientSession, *, runs_on: bool = False) -> None:
        self._shop = shop
        self._http = http
        self._numbers = RunningNumbers() if runs_on else None
        self._stock = RunningStock() if runs_on else None
        self._values = {"{BASE_URL}": shop.base_url, "{BASE}": shop.base_url, "{ROOT}": ROOT.rstrip("/")}
        keys = {user["username"]: user["key"] for user in shop.control("users")["users"]}
        self._signer = Signer(URL(shop.base_url).authority, keys)
        for username, key in keys.items():
            self._values[_KEYS[username]] = key
        self._values["{KEY_SWAPCASE}"] = self._values["{KEY}"].swapcase()
        self._codes: dict[str, str] = {}

    def end_scenario(self) -> None:
        """Take back what notes have changed in the shop: it holds to the end of a scenario."""
        self._shop.control("restore")
        self._values.pop("{SESSION}", None)
        if self._stock is not None:
            self._stock.end_scenario()

    async def perform(self, exchange: Exchange) -> list[str]:
        """Make an exchange and return how the answer differs from the recorded one.

        Raises:
            CannotReplayError: A note before it has no known meaning.
        """
        for note in exchange.before:
            self._change(note)
        request = exchange.request
        query = self._write_query(exchange)
        url = URL(f"{self._shop.base_url}{request['path']}{'?' + query if query else ''}", encoded=True)
        body, headers = self._build_body(request)
        if cookies := request.get("cookies"):
            headers["Cookie"] = "; ".join(f"{name}={self._fill(value)}" for name, value in cookies.items())
        if source_ip := request.get("source_ip"):
            headers[SOURCE_IP_HEADER] = source_ip
        headers.update(request.get("headers", {}))
        async with self._http.request(
            request["method"],
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            skip_auto_headers=("Accept-Encoding", "Content-Type"),
        ) as answer:
            text = (await answer.read()).decode("utf-8", "replace")
            if cookie := answer.cookies.get(_SESSION_COOKIE):
                self._learn_session(request, cookie.value)
            return self._compare(exchange.response, answer, text)

    def _change(self, note: str) -> None:
        try:
            for name, fields in read_change(note):
                self._shop.control(name, **fields)
        except (UnknownChangeError, ControlError) as error:
            raise CannotReplayError(f"cannot replay (unknown shop change): {note}") from error

    def _fill(self, text: Any) -> str:
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), str(text))

    def _fill_fields(self, request: dict[str, Any], fields: dict[str, Any]) -> list[tuple[str, str]]:
        """Return fields with this shop's values in them: keys, tokens, gift vouchers' codes, ids that run on."""
        route = request["query"].get("route", "")
        filled = []
        for name, recorded in fields.items():
            value = self._codes.get(recorded) or self._fill(recorded)
            if self._numbers is not None:
                if name == "order_id" or name.startswith("selected["):
                    newest = self._shop.orders[-1].order_id if self._shop.orders else 0
                    value = self._numbers.translate("order_id", value, newest)
                elif name == "key" and "/cart" in route:
                    value = self._numbers.translate("cart_id", value, 0)
            filled.append((self._fill(name), value))
        return filled

    def _write_query(self, exchange: Exchange) -> str:
        request = exchange.request
        fields = self._fill_fields(request, request["query"])
        if "signature" not in request["query"]:
            return urlencode(fields)
        has_form = request["method"] == "POST" and not {"json", "raw"} & set(request)
        form = self._fill_fields(request, request["form"]) if has_form else []
        return self._signer.write_query(fields, form, read_manner(exchange.note))

    def _learn_session(self, request: dict[str, Any], session_id: str) -> None:
        """Take the session a recording names: the log-in's, and where there is none, the scenario's first."""
        if request["query"].get("route", "").endswith("login"):
            self._values["{SESSION}"] = session_id
        elif "signature" in request["query"]:
            self._values.setdefault("{SESSION}", session_id)

    def _build_body(self, request: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
        """Return the body and the headers that go with it."""
        headers = {"User-Agent": _USER_AGENT}
        fields = self._fill_fields(request, request["form"])
        if "raw" in request:
            raw = self._fill(request["raw"])
            return raw.encode("latin-1" if all(ord(letter) < 256 for letter in raw) else "utf-8"), headers
        if "json" in request:
            return self._fill(json.dumps(request["json"])).encode(), {**headers, "Content-Type": "application/json"}
        if request.get("multipart") or request.get("encoding") == "multipart/form-data":
            parts = "".join(
                f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in fields
            )
            headers["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
            return f"{parts}--{_BOUNDARY}--\r\n".encode(), headers
        if request["method"] == "GET":
            return None, headers
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return urlencode(fields).encode(), headers

    def _compare(self, recorded: dict[str, Any], answer: aiohttp.ClientResponse, text: str) -> list[str]:
        differences = []
        cookies = [line.partition("=") for line in answer.headers.getall("Set-Cookie", [])]
        facts = {
            "status": (recorded["status"], answer.status),
            "content type": (recorded["headers"].get("content-type"), answer.headers.get("Content-Type")),
            "cookies": (sorted(recorded["headers"].get("set-cookie", [])), sorted({name for name, _, _ in cookies})),
            "location": (recorded["headers"].get("location"), answer.headers.get("Location")),
        }
        for what, (expected, actual) in facts.items():
            if expected != actual:
                differences.append(f"{what}: recorded {expected!r}, got {actual!r}")
        jar = {name: rest.partition(";")[0] for name, _, rest in cookies}
        for name, value in recorded.get("cookies", {}).items():
            self._learn(value, jar.get(name))
        if "json" in recorded:
            return differences + self._compare_json(recorded["json"], text)
        return differences + self._compare_text(recorded.get("text", ""), text)

    def _compare_json(self, recorded: Any, text: str) -> list[str]:
        try:
            actual = json.loads(text)
        except ValueError:
            return [f"body: recorded JSON, got {text[:300]!r}"]
        return list(self._diff("", "", recorded, actual))

    def _diff(self, path: str, key: str, recorded: Any, actual: Any) -> "list[str]":
        if type(recorded) is not type(actual):
            return [f"{path}: recorded {recorded!r}, got {actual!r}"]
        if isinstance(recorded, dict):
            found = [f"{path}.{name}: recorded, not answered" for name in recorded.keys() - actual.keys()]
            found += [f"{path}.{name}: answered, not recorded" for name in actual.keys() - recorded.keys()]
            for name in recorded.keys() & actual.keys():
                stock = _name_stock(name, recorded) if self._stock is not None else None
                if stock is None or self._stock is None or not self._stock.match(stock, recorded[name], actual[name]):
                    found += self._diff(f"{path}.{name}", name, recorded[name], actual[name])
            return found
        if isinstance(recorded, list):
            found = (
                [] if len(recorded) == len(actual) else [f"{path}: recorded {len(recorded)} entries, got {len(actual)}"]
            )
            for place, (one, other) in enumerate(zip(order_lines(recorded), order_lines(actual), strict=False)):
                found += self._diff(f"{path}[{place}]", key, one, other)
            return found
        return self._diff_value(path, key, recorded, actual)

    def _diff_value(self, path: str, key: str, recorded: Any, actual: Any) -> list[str]:
        left_out = find_left_out(key, recorded)
        if left_out is not None and find_left_out(key, actual) is left_out:
            if left_out is RANDOM_CODES:
                self._codes[str(recorded)] = str(actual)
            return []
        if self._numbers is not None and key in {"order_id", "cart_id"}:
            is_same = self._numbers.match(key, str(recorded), str(actual))
            return [] if is_same else [f"{path}: recorded {recorded!r}, got {actual!r}"]
        if isinstance(recorded, str):
            if key in _TOKENS:
                self._values.pop(recorded, None)
            self._learn(recorded, actual)
            recorded, actual = self._fill(recorded), self._fill(actual)
        return [] if recorded == actual else [f"{path}: recorded {recorded!r}, got {actual!r}"]

    def _compare_text(self, recorded: str, text: str) -> list[str]:
        expected, actual = self._fill(recorded), text
        if is_page(expected):
            return [] if is_page(actual) else [f"body: recorded a page, got {actual[:300]!r}"]
        notices, rest = split_notices(expected)
        if notices and len(recorded) >= BODY_LIMIT:
            expected, actual = notices, actual[: len(notices)]
        elif notices and rest.startswith(("{", "[")):
            found = self._compare_json(json.loads(rest), split_notices(actual)[1])
            if found:
                return found
            expected, actual = notices, split_notices(actual)[0]
        if cut_fatal_error(expected) == cut_fatal_error(actual)[:BODY_LIMIT] or expected == actual[:BODY_LIMIT]:
            return []
        return [f"body: recorded {expected!r}, got {actual[:BODY_LIMIT]!r}"]

    def _learn(self, recorded: str, actual: str | None) -> None:
        """Take a value the shop made up (a token, a cookie) for the placeholder the recording has in its place."""
        if actual is not None and _PLACEHOLDER.fullmatch(recorded) and recorded not in self._values:
            self._values[recorded] = actual
