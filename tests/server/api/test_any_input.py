"""The OpenAPI document, and what the API answers to whatever fits it and whatever does not."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from tests.acceptance.kept import fill
from tests.server.api.stage import configure, open_stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECKS = ("not_a_server_error", "response_schema_conformance", "content_type_conformance", "status_code_conformance")
TAGS = ("overview", "routes", "incomings", "tasks", "clients", "catalog", "configuration", "intake")
EXAMPLES = 8
"""For each operation, beside those that the phase of coverage tries."""


class Bridge:
    """An ASGI application of another thread's event loop: the store of a service belongs to one loop."""

    def __init__(self, path: Path, *, is_filled: bool) -> None:
        self._path = path
        self._is_filled = is_filled
        self._loop = asyncio.new_event_loop()
        self._is_open = threading.Event()
        self._stop: asyncio.Event = asyncio.Event()
        self._app: Any = None
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def open(self) -> None:
        """Return once it answers."""
        self._thread.start()
        assert self._is_open.wait(60)

    def close(self) -> None:
        """Return once all is closed."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        self._loop.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request: read here, handled there, sent here."""
        if scope["type"] != "http":
            return
        body, is_more = b"", True
        while is_more:
            message = await receive()
            body, is_more = body + message.get("body", b""), message.get("more_body", False)
        handled = asyncio.run_coroutine_threadsafe(self._handle(scope, body), self._loop)
        for message in await asyncio.wrap_future(handled):
            await send(message)

    async def _handle(self, scope: Any, body: bytes) -> list[Any]:
        sent: list[Any] = []
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def give() -> Any:
            return given.pop() if given else {"type": "http.disconnect"}

        async def take(message: Any) -> None:
            sent.append(message)

        kept = [pair for pair in scope["headers"] if pair[0] not in {b"host", b"authorization", b"cookie"}]
        headers = [*kept, (b"host", b"127.0.0.1:8484")]  # whoever guessed at a token would get no further than that
        await self._app({**scope, "headers": headers, "client": ("127.0.0.1", 4711), "state": {}}, give, take)
        return sent

    async def _run(self) -> None:
        async with open_stage(self._path, configure()) as stage:
            if self._is_filled:
                await fill(stage.store)
            self._app = stage.app
            self._is_open.set()
            await self._stop.wait()


@contextmanager
def serve(path: Path, *, is_filled: bool) -> Iterator[Bridge]:
    """Have an API answer for the length of a block."""
    bridge = Bridge(path, is_filled=is_filled)
    bridge.open()
    try:
        yield bridge
    finally:
        bridge.close()


@pytest.fixture(scope="module")
def filled_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """The API of a service that has a task in every status."""
    with serve(tmp_path_factory.mktemp("filled") / "connector.db", is_filled=True) as bridge:
        yield bridge


@pytest.fixture(scope="module")
def empty_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """The API of a service in whose store there is nothing."""
    with serve(tmp_path_factory.mktemp("empty") / "connector.db", is_filled=False) as bridge:
        yield bridge


def try_everything(bridge: Bridge, tag: str) -> tuple[int, list[str]]:
    """Send whatever fits the document and whatever does not to the operations of a tag.

    Returns:
        How many requests that were, and what was wrong with their answers.
    """
    schema = (
        schemathesis.openapi.from_asgi("/api/v1/openapi.json", bridge).include(tag=tag).exclude(path="/hooks/{path}")
    )
    schema.config.phases.update(phases=["coverage", "fuzzing"])
    schema.config.generation.update(max_examples=EXAMPLES, deterministic=True, no_shrink=True, database="none")
    schema.config.checks.update(included_check_names=list(CHECKS))
    number, wrong = 0, []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(getattr(event, "info", None) or event.exception))
        if isinstance(event, events.ScenarioFinished | events.FuzzScenarioFinished):
            recorder = event.recorder
            number += len(recorder.interactions)
            wrong += [
                f"{recorder.label}: {node.name}: {node.failure_info.failure.message}\n{node.failure_info.code_sample}"
                for nodes in recorder.checks.values()
                for node in nodes
                if node.failure_info is not None
            ]
    return number, wrong


@pytest.mark.parametrize("tag", TAGS)
def test_no_input_is_a_server_error_where_there_are_tasks(filled_api: Bridge, tag: str):
    """Every operation answers as the document says, whatever it is sent, with tasks in every status."""
    number, wrong = try_everything(filled_api, tag)

    assert not wrong, "\n\n".join(wrong[:5])
    assert number > EXAMPLES


@pytest.mark.parametrize("tag", TAGS)
def test_no_input_is_a_server_error_where_there_is_nothing(empty_api: Bridge, tag: str):
    """Every operation answers as the document says, whatever it is sent, with an empty store."""
    number, wrong = try_everything(empty_api, tag)

    assert not wrong, "\n\n".join(wrong[:5])
    assert number > EXAMPLES
