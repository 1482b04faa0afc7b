"""Exchanges as they are kept with an attempt: masked, and no longer than a person reads.

Fields are masked by their names as they are copied, and secrets by their values in the finished text, once: this is
done for every record that is sent, and looking for every secret in every single value would cost more than the rest.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote_plus

import orjson

from connector.client.reading import read_body
from connector.record_codec import encode_value
from connector.redaction import MASK, is_private
from connector.store.rows import ExchangeRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.redaction import Redactor
    from connector.request import Exchange, Request, Response

LONGEST_SHOWN: Final = 8_000
"""Characters of a request or an answer that are kept."""

LONGEST_VALUE: Final = 64 * 1024
"""Characters of the last answer's JSON that are kept; of a longer one, the beginning, as text."""

MOST_KEPT: Final = 100
"""Exchanges of one attempt that are kept from its beginning, and as many from its end."""

_LONGEST_READ: Final = 64 * 1024
"""Characters of a text in which secrets are looked for; a secret at its end is far from what is kept."""

_MOST_MEMBERS: Final = 2_000
"""Members of lists and objects of a body that are copied: more never fit into what is shown."""

_DEEPEST: Final = 64


class Transcript:
    """Writes exchanges and answers down for one process."""

    def __init__(self, redactor: Redactor) -> None:
        """Prepare.

        Args:
            redactor: Knows the secrets.
        """
        self._redactor = redactor

    def write(self, exchanges: Iterable[Exchange]) -> tuple[ExchangeRow, ...]:
        """Return exchanges as rows, in order."""
        return tuple(map(self._write, exchanges))

    def write_value(self, value: Any) -> bytes | None:
        """Return an answer's value as JSON, secrets masked; None for None."""
        if value is None:
            return None
        try:
            text = encode_value(value).decode()
            if self._redactor.mask_text(text) != text:
                text = encode_value(self._mask(value)).decode()
        except (TypeError, RecursionError):  # nests deeper than anything can be written
            return None
        if len(text) > LONGEST_VALUE:
            return orjson.dumps(f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)")
        return text.encode()

    def _write(self, exchange: Exchange) -> ExchangeRow:
        request, response, mask = exchange.request, exchange.response, self._redactor.mask_text
        return ExchangeRow(
            entity=exchange.entity,
            method=request.method,
            url=mask(_show_url(request.url, request.query)),
            started_at_ms=int(exchange.started_at.timestamp() * 1000),
            duration_ms=round(exchange.duration_ms),
            status=None if response is None else response.status,
            verdict=exchange.verdict.value,
            failure=None if exchange.failure is None else mask(exchange.failure),
            request=self._show_request(request),
            response="" if response is None else self._show_response(response),
        )

    def _show_request(self, request: Request) -> str:
        if request.json is not None:
            return self._show_json(_hide(request.json, _Room()))
        fields = {name: MASK if value and _is_flat_private(name) else value for name, value in request.form}
        return self._show_json(fields) if fields else ""

    def _show_response(self, response: Response) -> str:
        reading = read_body(response.body, response.headers.get("content-type", ""))
        if reading.has_json:
            return self._show_json(_hide(reading.value, _Room()))
        return self._shorten(response.body.decode("utf-8", "replace"))

    def _show_json(self, value: Any) -> str:
        text = _to_text(value)
        shown = self._shorten(text)
        return shown if shown == text or len(text) > LONGEST_SHOWN else _to_text(self._mask(value))

    def _mask(self, value: Any) -> Any:
        """Return a copy whose texts hold no secret, so that it is still JSON where a number is part of one."""
        mask = self._redactor.mask_text
        match value:
            case dict():
                return {mask(name): self._mask(child) for name, child in value.items()}
            case list() | tuple():
                return [self._mask(child) for child in value]
            case str():
                return mask(value)
            case None | bool():
                return value
            case _:
                text = str(value)
                masked = mask(text)
                return value if masked == text else masked

    def _shorten(self, text: str) -> str:
        """Return the masked beginning of a text; what lies far behind it is not even looked at."""
        masked = self._redactor.mask_text(text[:_LONGEST_READ])
        if len(text) <= LONGEST_SHOWN:
            return masked
        return f"{masked[:LONGEST_SHOWN]}… ({len(text):,} characters)"


@lru_cache(maxsize=256)
def _show_url(url: str, query: tuple[tuple[str, str], ...]) -> str:
    """Return an address with its query, private values masked: a next link carries what its maker put there."""
    address, _, written = url.partition("?")
    pairs = [*parse_qsl(written, keep_blank_values=True), *query]
    if not pairs:
        return address
    shown = [
        f"{quote_plus(name, safe='/')}={MASK if value and _is_flat_private(name) else quote_plus(value, safe='/')}"
        for name, value in pairs
    ]
    return f"{address}?{'&'.join(shown)}"


class _Room:
    """How many members may still be copied."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MOST_MEMBERS


def _hide(value: Any, room: _Room, depth: int = 0) -> Any:
    """Return a copy in which what stands under a private name is masked, shape kept."""
    if isinstance(value, dict):
        room.left -= len(value)
        if room.left < 0 or depth >= _DEEPEST:
            return "…"
        depth += 1
        return {
            name: _cover(child, room, depth)
            if is_private(name)
            else _hide(child, room, depth)
            if isinstance(child, dict | list)
            else child
            for name, child in value.items()
        }
    if isinstance(value, list):
        room.left -= len(value)
        if room.left < 0 or depth >= _DEEPEST:
            return "…"
        return [_hide(child, room, depth + 1) for child in value]
    return value


def _cover(value: Any, room: _Room, depth: int) -> Any:
    """Return the shape of what is private: every leaf masked that says anything."""
    if isinstance(value, dict | list):
        room.left -= len(value)
        if room.left < 0 or depth >= _DEEPEST:
            return "…"
        if isinstance(value, dict):
            return {name: _cover(child, room, depth + 1) for name, child in value.items()}
        return [_cover(child, room, depth + 1) for child in value]
    return value if value is None or value == "" or isinstance(value, bool) else MASK


@lru_cache(maxsize=4096)
def _is_flat_private(name: str) -> bool:
    """Whether a flat field is private: `a[b]` counts as `b` under `a`."""
    return any(is_private(part) for part in name.replace("]", "").split("[") if part)


def _to_text(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits, half a surrogate pair
        return json.dumps(value, default=str, separators=(",", ":"))
