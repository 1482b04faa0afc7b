"""Query strings, form bodies and cookies as PHP fills ``$_GET``, ``$_POST`` and ``$_COOKIE`` from them."""

import re
from collections.abc import Iterable
from itertools import islice
from urllib.parse import quote_plus, unquote_to_bytes

from connector.sandbox.php.text import decode
from connector.sandbox.php.value import PhpArray, to_key

MAX_INPUT_VARS = 1000
"""PHP's ``max_input_vars``: what comes after is dropped without a word to the caller.

A URL-encoded body gets one more: PHP counts it only after it has filed the field.
"""

MAX_POST_BYTES = 8 * 1024 * 1024
"""PHP's ``post_max_size``: a larger body has no fields at all."""

MAX_NESTING = 64
"""PHP's ``max_input_nesting_level``: a name with more brackets is dropped."""

_BOUNDARY = re.compile(rb'boundary=(?:"([^"]*)"|([^;,\s]*))', re.IGNORECASE)
_PART_NAME = re.compile(rb'[;\s]name=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.IGNORECASE)
_PART_FILE = re.compile(rb"[;\s]filename\*?=", re.IGNORECASE)


def parse_query(raw: bytes) -> PhpArray:
    """Return the fields of a query string."""
    return _collect(_split_pairs(raw, b"&"), MAX_INPUT_VARS)


def parse_cookies(raw: bytes) -> PhpArray:
    """Return the cookies of a ``Cookie`` header; of two with one name the first counts."""
    cookies: PhpArray = {}
    for name, value in _split_pairs(raw, b";"):
        if to_key(name.lstrip(" ")) not in cookies:
            _register(cookies, name, value)
    return cookies


def parse_body(content_type: str, body: bytes) -> PhpArray:
    """Return the form fields of a body; a body of any other type, JSON among them, has none."""
    if len(body) > MAX_POST_BYTES:
        return {}
    kind = re.split(r"[;, ]", content_type, maxsplit=1)[0].lower()
    if kind == "application/x-www-form-urlencoded":
        return _collect(_split_pairs(body, b"&"), MAX_INPUT_VARS + 1)
    if kind == "multipart/form-data":
        found = _BOUNDARY.search(content_type.encode("latin-1", "replace"))
        parts = _split_parts(body, found.group(1) or found.group(2)) if found else ()
        return _collect(parts, MAX_INPUT_VARS)
    return {}


def build_query(fields: PhpArray) -> str:
    """Return cleaned fields as ``http_build_query`` writes them; an empty array vanishes."""
    return "&".join(f"{name}={_quote(value)}" for name, value in _flatten(fields, ""))


def _flatten(fields: PhpArray, prefix: str) -> Iterable[tuple[str, str]]:
    for key, value in fields.items():
        name = f"{prefix}%5B{_quote(str(key))}%5D" if prefix else _quote(str(key))
        if isinstance(value, dict):
            yield from _flatten(value, name)
        else:
            yield name, value


def _quote(text: str) -> str:
    return quote_plus(text).replace("~", "%7E")


def _collect(pairs: Iterable[tuple[str, str]], limit: int) -> PhpArray:
    fields: PhpArray = {}
    for name, value in islice(pairs, limit):
        _register(fields, name, value)
    return fields


def _split_pairs(raw: bytes, separator: bytes) -> Iterable[tuple[str, str]]:
    for pair in raw.split(separator):
        if pair:
            name, _, value = pair.partition(b"=")
            yield _unquote(name), _unquote(value)


def _unquote(raw: bytes) -> str:
    return decode(unquote_to_bytes(raw.replace(b"+", b" ")))


def _split_parts(body: bytes, boundary: bytes) -> Iterable[tuple[str, str]]:
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, blank, value = part.partition(b"\r\n\r\n")
        found = _PART_NAME.search(head)
        if blank and found and not _PART_FILE.search(head):
            name = found.group(1) if found.group(1) is not None else found.group(2)
            yield decode(name), decode(value)


def _register(fields: PhpArray, name: str, value: str) -> None:
    """File one value under its name, brackets and all: ``option[223][]`` appends to ``option`` → ``223``."""
    path = _split_name(name.lstrip(" ").split("\0", 1)[0])
    if not path or len(path) > MAX_NESTING:
        return
    place = fields
    for key in path[:-1]:
        inner = place.get(key) if key is not None else None
        if not isinstance(inner, dict):
            inner = {}
            place[next_key(place) if key is None else key] = inner
        place = inner
    last = path[-1]
    place[next_key(place) if last is None else last] = value


def _split_name(name: str) -> list[int | str | None]:
    """Return the keys a name leads through; None stands for ``[]``, an empty list for a name PHP does not take.

    Blanks, dots and an opening bracket nobody closes become underscores in the first part; what follows the last
    closing bracket is dropped.
    """
    stem, bracket, rest = name.partition("[")
    if not stem:
        return []
    keys: list[int | str | None] = []
    while bracket:
        inner, closing, after = rest.partition("]")
        if not closing:
            if not keys:
                stem = f"{stem}_{rest}"
            break
        keys.append(None if inner in {"", " "} else to_key(inner))
        if not after.startswith("["):
            break
        rest = after[1:]
    return [to_key(re.sub(r"[ .[]", "_", stem)), *keys]


def next_key(array: PhpArray) -> int:
    """Return the key under which PHP appends to an array."""
    return max((key for key in array if isinstance(key, int) and key >= 0), default=-1) + 1
