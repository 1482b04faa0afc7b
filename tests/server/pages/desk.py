"""A service on a practice shop, asked for its pages in memory, as a browser of this machine would ask."""

from __future__ import annotations

import html
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.server import SandboxServer
from tests.server.api.stage import Stage, configure, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    import httpx

_TAG = re.compile(r"<[^>]+>")
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass
class Desk:
    """The service, and the practice shop it speaks to."""

    stage: Stage
    shop: SandboxServer

    async def get(self, path: str, *, token: str | None = None, **headers: str) -> httpx.Response:
        """Ask for a page."""
        async with self.stage.client(token) as client:
            return await client.get(path, headers=headers)

    async def post(
        self, path: str, fields: Mapping[str, str], *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send a form."""
        async with self.stage.client(token) as client:
            return await client.post(path, data=dict(fields), headers=headers)


@asynccontextmanager
async def open_desk(path: Path, change: Any = None) -> AsyncIterator[Desk]:
    """Put a service and a practice shop together for the length of a block.

    Args:
        path: Folder of its database.
        change: Called with the configuration, to change it.
    """
    async with SandboxServer(error_display=False) as shop:
        config = configure(shop.base_url, shop.key)
        if change is not None:
            change(config)
        async with open_stage(path / "connector.db", config) as stage:
            yield Desk(stage, shop)


def read_words(answer: httpx.Response) -> str:
    """Return what a person reads on a page, blanks drawn together."""
    return " ".join(html.unescape(_TAG.sub(" ", answer.text)).split())


def read_hidden(answer: httpx.Response) -> dict[str, str]:
    """Return the hidden inputs of the form that confirms a call."""
    form = next(part for part in answer.text.split("<form") if 'name="word"' in part)
    fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(form)}
    before = re.search(r'<textarea name="before" hidden>\n?(.*?)</textarea>', form, re.DOTALL)
    return fields | ({"before": html.unescape(before[1])} if before else {})
