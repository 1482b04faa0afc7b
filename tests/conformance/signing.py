"""Signatures of 4.1 made anew: a recording has placeholders in their place, and prose where one was wrong on purpose.

Written for this folder alone, after section 4 of the description the recordings came with. It takes nothing from the
client and nothing from the practice shop, so that neither is measured with its own rod.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

Pairs = list[tuple[str, str]]
"""Fields of a form or a query, in the order sent."""

_TIME = re.compile(r"\{TIME([+-]\d+)?\}")


@dataclass(frozen=True)
class Manner:
    """How a request was signed; as it stands, properly.

    Args:
        key: Signed with this key in place of the user's.
        host: For this host, path or route in place of the request's own.
        path: See ``host``.
        route: See ``host``.
        form: Over these fields in place of those sent.
        is_plain: Over the bytes sent, not over the form as the shop keeps it.
        is_time_text: Over the time as sent, not as a whole number.
        is_spoilt: Made wrong afterwards.
        is_again: Not made at all: the one of the request before, with its time.
        encoding: What becomes of it in the query: ``once`` in per cent, ``twice``, or ``bare`` with a plus sign left
            as it is.
    """

    key: str | None = None
    host: str | None = None
    path: str | None = None
    route: str | None = None
    form: tuple[tuple[str, str], ...] | None = None
    is_plain: bool = False
    is_time_text: bool = False
    is_spoilt: bool = False
    is_again: bool = False
    encoding: str = "once"


_MANNERS = (
    (r"identical signed request|same signed request", Manner(is_again=True)),
    (r"percent-encoded twice|encoded twice", Manner(encoding="twice")),
    (r"without (?:percent-)?encoding", Manner(encoding="bare")),
    (r"signed (?:over|with) the plain", Manner(is_plain=True)),
    (r"fractional time|signature over \"?\.+5", Manner(is_time_text=True)),
    (r"changed after signing", Manner(form=(("changed", "after signing"),))),
    (r"(?:wrong|another|other) key", Manner(key="x" * 64)),
    (r"signed for another host", Manner(host="other.example.com")),
    (r"signed without the port", Manner(host="127.0.0.1")),
    (r"signed for another path", Manner(path="/shop/")),
    (r"signed with the script name", Manner(path="/index.php")),
    (r"signed for another route", Manner(route="api/subscription")),
    (r"(?:wrong|bad|invalid|broken) signature", Manner(is_spoilt=True)),
)


def read_manner(note: str) -> Manner:
    """Return how a request was signed, from the note beside it; the first thing it says counts."""
    return next((manner for words, manner in _MANNERS if re.search(words, note, re.IGNORECASE)), Manner())


class Signer:
    """Fills the placeholders for time and signature in the requests to one shop.

    Args:
        host: The shop's host line.
        keys: The keys of its API users, by the users' names as the shop has them.
    """

    def __init__(self, host: str, keys: Mapping[str, str]) -> None:
        self._host = host
        self._keys = keys
        self._last = ""

    def write_query(self, fields: Pairs, form: Pairs, manner: Manner) -> str:
        """Return the query string of a request.

        Args:
            fields: Its fields, ``{TIME-460}`` and ``{SIGNATURE}`` still in them.
            form: The fields of its form, none unless the shop reads any.
            manner: How to sign.
        """
        if manner.is_again:
            return self._last
        # A signature is another every second; somewhere in the last minutes is one with a plus sign in it.
        for now in range(int(time.time()), 0, -1):
            timed = [(name, _fill_time(value, now)) for name, value in fields]
            signature = self.sign(dict(timed), form, manner)
            if manner.encoding != "bare" or "+" in signature:
                break
        encoded = [(quote_plus(name), quote_plus(value)) for name, value in timed]
        shown = {quote_plus("{SIGNATURE}"): _encode_signature(signature, manner)}
        self._last = "&".join(f"{name}={shown.get(value, value)}" for name, value in encoded)
        return self._last

    def sign(self, query: Mapping[str, str], form: Pairs, manner: Manner) -> str:
        """Return the signature of a request.

        Args:
            query: Its query, the time filled in.
            form: The fields of its form, none unless the shop reads any.
            manner: How to sign.
        """
        sent = query.get("username", "")
        name = next((known for known in self._keys if known.lower() == sent.lower()), sent)
        fields = form if manner.form is None else list(manner.form)
        instant = query.get("time", "")
        lines = (
            manner.route or query.get("route", ""),
            query.get("call", ""),
            name,
            manner.host or self._host,
            manner.path or "/",
            _to_number(query.get("store_id", "")),
            query.get("language", ""),
            query.get("currency", ""),
            hashlib.md5(_write(fields if manner.is_plain else _clean(fields)).encode()).hexdigest(),
            instant if manner.is_time_text else _to_number(instant),
        )
        key = manner.key or self._keys.get(name, "")
        text = "".join(f"{line}\n" for line in lines)
        signature = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()
        if manner.is_spoilt:
            signature = ("B" if signature[0] == "A" else "A") + signature[1:]
        return signature


def _fill_time(text: str, now: int) -> str:
    return _TIME.sub(lambda found: str(now + int(found[1] or 0)), text)


def _encode_signature(signature: str, manner: Manner) -> str:
    if manner.encoding == "bare":
        return quote(signature, safe="+/=")
    once = quote(signature, safe="")
    return quote(once, safe="") if manner.encoding == "twice" else once


def _to_number(text: str) -> int:
    found = re.match(r"\s*([+-]?\d+)", text)
    return int(found[1]) if found else 0


def _clean(fields: Pairs) -> Pairs:
    """Return fields as the shop has them before it hashes: nested, cleaned, and flat again."""
    return list(_flatten(_clean_tree(_nest(fields))))


def _nest(fields: Pairs) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in fields:
        place = tree
        *outer, last = _split_name(name)
        for step in outer:
            key = step or _next_number(place)
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[last or _next_number(place)] = value
    return tree


def _split_name(name: str) -> list[str]:
    """Return the keys a name leads through, an empty one for ``[]``; a bracket that is not closed is none."""
    found = re.match(r"(?P<stem>[^\[]*)(?P<keys>(?:\[[^\]]*\])*)(?P<rest>.*)", name.lstrip(" "), re.DOTALL)
    assert found
    stem = found["stem"] if found["keys"] else found["stem"] + found["rest"]
    return [re.sub(r"[ .\[]", "_", stem), *re.findall(r"\[([^\]]*)\]", found["keys"])]


def _next_number(place: dict[str, Any]) -> str:
    return str(max((int(key) for key in place if key.isdigit()), default=-1) + 1)


def _clean_tree(value: Any) -> Any:
    if isinstance(value, dict):
        return {_clean_tree(key): _clean_tree(inner) for key, inner in value.items()}
    for letter, entity in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        value = value.replace(letter, entity)
    return value.strip(" \t\n\r\0\x0b")


def _flatten(tree: dict[str, Any], prefix: str = "") -> Pairs:
    fields: Pairs = []
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else key
        fields += _flatten(value, name) if isinstance(value, dict) else [(name, value)]
    return fields


def _write(fields: Pairs) -> str:
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in fields)


def _encode(text: str) -> str:
    return quote_plus(text).replace("~", "%7E")
