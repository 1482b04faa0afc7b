"""A recorded scenario played again on a practice shop, every answer compared with the recorded one."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from connector.sandbox.controls import ControlError
from connector.sandbox.server import SOURCE_IP_HEADER, SandboxServer
from tests.conformance.change import UnknownChangeError, read_change
from tests.conformance.left_out import RANDOM_CODES, cut_fatal_error, find_left_out, is_page, order_lines, split_notices
from tests.conformance.recording import Exchange

BODY_LIMIT = 2000
"""How much of a body that is not JSON a recording keeps."""

_USER_AGENT = "opencart-recorder/1.0"
_PLACEHOLDER = re.compile(r"\{[A-Z_]+\d*\}")
_BOUNDARY = "----transcript"


class CannotReplayError(Exception):
    """The scenario cannot go on: somebody changed the shop in a way the practice shop cannot be changed."""


class Replay:
    """One scenario on one shop.

    Args:
        shop: A shop fresh from its seed.
        http: Sends the requests; keeps no cookies.
    """

    def __init__(self, shop: SandboxServer, http: aiohttp.ClientSession) -> None:
        self._shop = shop
        self._http = http
        keys = {user["username"]: user["key"] for user in shop.control("users")["users"]}
        self._values = {
            "{BASE_URL}": shop.base_url,
            "{KEY}": keys["Default"],
            "{KEY2}": keys["Second"],
            "{KEY_DISABLED}": keys["Disabled"],
            "{KEY_NOIP}": keys["NoIp"],
            "{KEY_SWAPCASE}": keys["Default"].swapcase(),
        }
        self._codes: dict[str, str] = {}

    async def perform(self, exchange: Exchange) -> list[str]:
        """Make an exchange and return how the answer differs from the recorded one.

        Raises:
            CannotReplayError: A note before it has no known meaning.
        """
        for note in exchange.before:
            self._change(note)
        request = exchange.request
        query = urlencode([(self._fill(name), self._fill(value)) for name, value in request["query"].items()])
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
            return self._compare(exchange.response, answer, text)

    def _change(self, note: str) -> None:
        try:
            for name, fields in read_change(note):
                self._shop.control(name, **fields)
        except (UnknownChangeError, ControlError) as error:
            raise CannotReplayError(f"cannot replay (unknown shop change): {note}") from error

    def _fill(self, text: Any) -> str:
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), str(text))

    def _build_body(self, request: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
        """Return the body and the headers that go with it; the codes of gift vouchers become the ones drawn here."""
        headers = {"User-Agent": _USER_AGENT}
        fields = [
            (self._fill(name), self._codes.get(value) or self._fill(value)) for name, value in request["form"].items()
        ]
        if "raw" in request:
            raw = self._fill(request["raw"])
            return raw.encode("latin-1" if all(ord(letter) < 256 for letter in raw) else "utf-8"), headers
        if "json" in request:
            return self._fill(json.dumps(request["json"])).encode(), {**headers, "Content-Type": "application/json"}
        if request.get("multipart"):
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
            "cookies": (sorted(recorded["headers"].get("set-cookie", [])), sorted(name for name, _, _ in cookies)),
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
        if isinstance(recorded, str):
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
