"""How the body of a request is read: as strict JSON, whole numbers with every digit, and no deeper than is of use."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
from starlette.requests import Request

from connector.client.exact import load_json

DEEPEST: Final = 64
"""Levels of lists and objects that are read; no record and no configuration has more."""


class ApiRequest(Request):
    """A request whose JSON is read by the reader that records are read by.

    Python's own takes `NaN` and half a surrogate pair, which are no JSON, and could not be answered.
    """

    async def json(self) -> Any:
        """Return the body as JSON; asked for again, the same value.

        Raises:
            json.JSONDecodeError: It is none, or nests too deep.
        """
        if not hasattr(self, "_json"):
            try:
                value = load_json(await self.body())
            except orjson.JSONDecodeError as error:
                raise json.JSONDecodeError(error.msg, "", error.pos) from error
            if _is_too_deep(value):
                raise json.JSONDecodeError(f"it nests deeper than {DEEPEST} levels", "", 0)
            self._json = value
        return self._json


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for part in level
            if isinstance(part, dict | list)
            for child in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return any(isinstance(part, dict | list) for part in level)
