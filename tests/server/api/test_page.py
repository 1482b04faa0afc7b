"""The examples of `docs/api.md`, carried out in their order."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from connector.server.doors.tokens import hash_token, make_token
from tests.docs.pages import list_pages
from tests.docs.transcript import fits

if TYPE_CHECKING:
    import httpx

    from tests.server.api.stage import Stage


async def ask(client: httpx.AsyncClient, command: str, token: str) -> str:
    """Send what a curl command sends, and return its answer as indented JSON."""
    words = shlex.split(command.replace("\\\n", " ").replace("$TOKEN", token).replace("$URL", ""))
    assert words.pop(0) == "curl"
    method, headers, body, path = "GET", {}, None, ""
    while words:
        match words.pop(0):
            case "-s":
                pass
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                body = words.pop(0)
            case path:
                pass
    answer = await client.request(method, path, headers=headers, content=body)
    return json.dumps(answer.json(), indent=2, ensure_ascii=False)


async def test_the_page_shows_what_is_answered(filled: Stage):
    """Each command of the page, sent after those before it, is answered as the page shows."""
    token = make_token()
    await filled.store.accounts.add_token(
        "nightly-report", hash=hash_token(token), roles=("operate",), created_by="test"
    )
    (page,) = [page for page in list_pages() if page.name.endswith("api.md")]
    differences = []

    async with filled.client() as client:
        for block, following in zip(page.blocks, page.blocks[1:], strict=False):
            if block.language == "sh":
                assert following.language == "json", f"{block}: show what is answered"
                seen = await ask(client, block.text, token)
                if not fits(following.text, seen):
                    differences.append(f"{block}\n--- shown\n{following.text}\n--- seen\n{seen}")

    assert not differences, "\n\n".join(differences)


def test_the_page_has_every_kind_of_example():
    """There are commands on it: a page that lost them would pass unseen."""
    (page,) = [page for page in list_pages() if page.name.endswith("api.md")]

    assert len([block for block in page.blocks if block.language == "sh"]) >= 8
