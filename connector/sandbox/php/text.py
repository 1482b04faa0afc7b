"""Text as the shop takes it in: escaped, trimmed, measured and tested."""

import json
import re
from typing import Any

from connector.sandbox.php.value import PhpArray, is_list, to_key

_TRIMMED = " \t\n\r\0\x0b"
_ESCAPES = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r'[&"<>]')
_SURROGATE = re.compile("[\ud800-\udfff]")

_ATOM = r"[!#-'*+\-/0-9=?A-Z^-~]+"
_QUOTED = r'"(?:[\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x00-\x7f])*"'
_LOCAL = rf"(?:{_ATOM}|{_QUOTED})(?:\.(?:{_ATOM}|{_QUOTED}))*"
_LABEL = r"(?:[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*)"
_LAST_LABEL = r"(?:[A-Za-z][A-Za-z0-9]*(?:-+[A-Za-z0-9]+)*)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_EMAIL = re.compile(
    rf"(?P<local>{_LOCAL})@(?:(?P<domain>(?:{_LABEL}\.)+{_LAST_LABEL})|\[{_OCTET}(?:\.{_OCTET}){{3}}\])\Z"
)


def decode(raw: bytes) -> str:
    """Return bytes as text, keeping what is not UTF-8 as lone surrogates so that :func:`escape` can find it."""
    return raw.decode("utf-8", "surrogateescape")


def escape(text: str) -> str:
    """Escape ``& " < >`` as ``htmlspecialchars(…, ENT_COMPAT, 'UTF-8')`` does; text that is not UTF-8 becomes empty."""
    if _SURROGATE.search(text):
        return ""
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], text)


def strip_blanks(text: str) -> str:
    """Return text without the blanks at both ends."""
    return text.strip(_TRIMMED)


def clean(value: Any, *, trim: bool = True) -> Any:
    """Return request values as the shop keeps them: keys and values escaped and, since 3.0.5, trimmed.

    A key is cleaned too; one that is renamed goes to the end, and may push out an equal one.
    """
    if not isinstance(value, dict):
        text = escape("" if value is None else str(value))
        return strip_blanks(text) if trim else text
    cleaned: PhpArray = dict(value)
    for key, inner in value.items():
        cleaned.pop(key, None)
        cleaned[to_key(clean(key, trim=trim))] = clean(inner, trim=trim)
    return cleaned


def is_email(text: str) -> bool:
    """Say whether ``FILTER_VALIDATE_EMAIL`` takes the text: ASCII only, a dotted domain, no part too long."""
    found = _EMAIL.match(text)
    if not found or len(text) > 254 or len(found["local"]) > 64:
        return False
    return all(len(label) <= 63 for label in (found["domain"] or "").split("."))


def to_json_value(value: Any) -> Any:
    """Return a value with PHP arrays as JSON has them: a list when the keys count up from 0, else an object.

    The empty array is an empty list, whatever was in it before. Whole floats lose their fraction, as ``json_encode``
    has it.
    """
    if isinstance(value, dict):
        if is_list(value):
            return [to_json_value(inner) for inner in value.values()]
        return {str(key): to_json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e17:
        return int(value)
    return value


def encode_json(value: Any) -> str:
    r"""Return JSON as ``json_encode`` writes it: no blanks, ``\/`` for the slash, ``\uXXXX`` beyond ASCII.

    A value with an infinite number in it has no JSON: the text is empty, where PHP says false.
    """
    try:
        text = json.dumps(to_json_value(value), separators=(",", ":"), allow_nan=False)
    except ValueError:
        return ""
    return text.replace("/", "\\/")


def decode_json(text: str) -> Any:
    """Return what ``json_decode(…, true)`` makes of a text; None when it is not JSON."""
    try:
        return _from_json(json.loads(text))
    except ValueError:
        return None


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_key(key): _from_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return {place: _from_json(inner) for place, inner in enumerate(value)}
    return value
