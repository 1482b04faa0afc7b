"""The tolerant reader: finds the JSON of an answer behind PHP's warnings, and names what is there instead.

PHP shops print warnings into their answers, under any content type and HTTP status. What counts is the body alone.
"""

from __future__ import annotations

import codecs
import enum
import html
import re
from typing import Any, Final

import orjson

from connector.client.exact import load_json
from connector.frozen import dataclass

_MAX_DEPTH: Final = 1024
"""The deepest nesting orjson reads; a deeper candidate needs no try."""

_MAX_NOTICES: Final = 50
_LONGEST_NOTICE: Final = 500
_LONGEST_TEXT: Final = 300
_HEAD: Final = 64 * 1024
"""Where a title, a charset or the kind of a page is looked for, bytes; whole pages are not searched."""

_LEVELS: Final = (
    r"(?:Fatal error|Catchable fatal error|Recoverable fatal error|Parse error|Core error|Compile error|Warning|"
    r"Core warning|Compile warning|Notice|Deprecated|Strict Standards|Unknown error|Unknown|Error)"
)
"""PHP's names for its error levels, and those of OpenCart's own handler."""

_NOTICE_START: Final = re.compile(
    rf"(?:<br\s*/?>\s*)?<b>{_LEVELS}:?\s*</b>\s*:|(?:^|(?<=>)|(?<=\n))(?:PHP )?{_LEVELS}:\s"
    r"|<b>Error: Could not make a database link"
)
_TRAILING_NOTICE: Final = re.compile(
    rb"[}\]](?=\s*(?:<br\s*/?>\s*)*<b>(?:Fatal error|Warning|Notice|Deprecated)</b>\s*:)"
)
_FATAL: Final = re.compile(
    r"^(?:PHP )?(?:Fatal|Catchable fatal|Recoverable fatal|Parse|Core|Compile) error\b|^Error: ", re.IGNORECASE
)
_TAG: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?:script|style)\b.*?(?:</(?:script|style)\s*>|\Z)|</?[A-Za-z!][^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/h[1-6]|/title|/li|/tr)\b[^<>]*>", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_HTML: Final = re.compile(r"<!doctype html|<html[\s>]|<head[\s>]|<body[\s>]|<title[\s>]", re.IGNORECASE)
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_SPACES: Final = re.compile(r"\s+")

_REVERSED_TOKEN: Final = re.compile(
    rb'"[^"]*+(?:"\\[^"]*+)*+"'  # a whole string; a quote in it has its backslash behind it, since all is reversed
    rb'|["\[\]{}]'  # a bracket, or a quote without its partner
)


class BodyKind(enum.StrEnum):
    """What a body is, whatever its content type says."""

    JSON = "json"
    HTML = "html"
    TEXT = "text"
    EMPTY = "empty"  # nothing, or blanks
    UNDECODABLE = "undecodable"  # not UTF-8, and no charset is named that fits


@dataclass(frozen=True, slots=True)
class Reading:
    """A body, read as far as it can be read.

    Attributes:
        kind: What it is.
        value: The JSON value; None where there is none (a JSON `null` is told apart by `has_json`).
        has_json: Whether there is one.
        notices: PHP's messages in the body, tags removed and entities decoded, one entry a message
            (`Warning: Undefined array key "currency" in currency.php on line 13`); with JSON, everything that stands
            in front of it or behind it. At most 50, of at most 500 characters.
        title: Title of an HTML page, or None.
        text: The beginning of a body without JSON, as plain text of at most 300 characters; empty with JSON.
        is_cut: Whether it begins like JSON and does not end like it.
    """

    kind: BodyKind
    value: Any = None
    has_json: bool = False
    notices: tuple[str, ...] = ()
    title: str | None = None
    text: str = ""
    is_cut: bool = False

    @property
    def fatal(self) -> str | None:
        """The first message that ended PHP's run, or None."""
        return next((notice for notice in self.notices if _FATAL.match(notice)), None)


def read_body(body: bytes, content_type: str = "") -> Reading:
    """Return what a body holds. Never raises; takes time in proportion to the body's length.

    The JSON value is the whole body, or the object or list at its end: the one that the last bracket closes. Text in
    front of it, and PHP warnings behind it, become notices. A byte order mark and blanks around it do not count.

    Args:
        body: As it came, decompressed.
        content_type: The header; only its charset is used, since PHP's type says nothing.
    """
    body = _as_utf8(body, content_type).strip()
    if not body:
        return Reading(BodyKind.EMPTY)
    try:
        return Reading(BodyKind.JSON, value=load_json(body), has_json=True)
    except orjson.JSONDecodeError:
        return _read_mixed(body)


def unescape(value: Any) -> Any:
    """Return a JSON value with the HTML entities in its texts decoded once; lists and objects are changed in place.

    Only entities with their semicolon are decoded, so that `?a=1&copy=2` stays what it is. Keys stay as they are.
    """
    if isinstance(value, str):
        return unescape_text(value)
    waiting = [value] if isinstance(value, (dict, list)) else []
    while waiting:
        container = waiting.pop()
        for key, child in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(child, str):
                if "&" in child:
                    container[key] = unescape_text(child)
            elif isinstance(child, (dict, list)):
                waiting.append(child)
    return value


def unescape_text(text: str) -> str:
    """Return a text with its HTML entities decoded once."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def _as_utf8(body: bytes, content_type: str) -> bytes:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if body.startswith(mark):
            return body[len(mark) :] if encoding == "utf-8-sig" else _recode(body, encoding)
    charset = _CHARSET.search(content_type)
    if charset and charset[1].lower() not in {"utf-8", "utf8", "us-ascii", "ascii"}:
        return _recode(body, charset[1])
    return body


def _recode(body: bytes, encoding: str) -> bytes:
    try:
        return body.decode(encoding).encode()
    except (LookupError, UnicodeError, ValueError):
        return body


def _read_mixed(body: bytes) -> Reading:
    end = len(body)
    if not body.endswith((b"}", b"]")):
        trailing = _TRAILING_NOTICE.search(body)
        end = trailing.end() if trailing else 0
    start = _find_start(body[:end])
    if start is not None:
        try:
            value = load_json(body[start:end])
        except orjson.JSONDecodeError:
            pass
        else:
            around = body[:start] + b"\n" + body[end:]
            return Reading(BodyKind.JSON, value=value, has_json=True, notices=_split(around, every=True))
    return _read_text(body)


def _find_start(body: bytes) -> int | None:
    """Return where the object or list begins that the last byte closes, or None.

    Reads the body backwards, strings as a whole, until the brackets balance. In JSON a quote inside of a string has a
    backslash in front of it and the one that opens it never has, so strings can be told from the back as well. Trying
    to parse from each bracket instead takes quadratic time.
    """
    depth = 0
    for token in _REVERSED_TOKEN.finditer(body[::-1]):
        match token[0]:
            case b"}" | b"]":
                depth += 1
                if depth > _MAX_DEPTH:
                    return None
            case b"{" | b"[":
                depth -= 1
                if depth <= 0:
                    return len(body) - token.end()
            case b'"':
                return None
    return None


def _read_text(body: bytes) -> Reading:
    try:
        head = body.decode()[:_HEAD]
    except UnicodeDecodeError:
        head = body[:_HEAD].decode("utf-8", "replace")
        kind = BodyKind.HTML if _HTML.search(head) else BodyKind.UNDECODABLE
    else:
        kind = BodyKind.HTML if _HTML.search(head) or head.startswith(("<b>", "<br")) else BodyKind.TEXT
    title = _TITLE.search(head)
    return Reading(
        kind,
        notices=_split(body, every=False),
        title=(_plain(title[1])[:_LONGEST_TEXT] or None) if title else None,
        text=_shorten(_plain(head), _LONGEST_TEXT),
        is_cut=kind is BodyKind.TEXT and body[:1] in {b"{", b"["},
    )


def _split(text: bytes, *, every: bool) -> tuple[str, ...]:
    """Return PHP's messages one by one; with `every`, also text that is not known as one of them."""
    if len(text) > 4 * _HEAD:
        text = text[: 4 * _HEAD]
    decoded = text.decode("utf-8", "replace")
    starts = [match.start() for match in _NOTICE_START.finditer(decoded)]
    if every:
        starts.insert(0, 0)
    ends = [*starts[1:], len(decoded)] if starts else []
    notices = [notice for start, end in zip(starts, ends, strict=True) if (notice := _plain(decoded[start:end]))]
    if len(notices) > _MAX_NOTICES:
        notices[_MAX_NOTICES - 1 :] = [f"… and {len(notices) - _MAX_NOTICES + 1} more messages"]
    return tuple(_shorten(notice, _LONGEST_NOTICE) for notice in notices)


def _plain(text: str) -> str:
    """Return HTML as one line of text."""
    return _SPACES.sub(" ", html.unescape(_TAG.sub("", _BREAK.sub(" ", text)))).strip()


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
