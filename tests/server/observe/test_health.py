"""Probes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from connector.errors import StoreError
from connector.server.observe.health import Health

if TYPE_CHECKING:
    from tests.server.observe.conftest import House


async def refuse() -> NoReturn:
    """Fail as a database does that is away."""
    raise StoreError("the database is away")


async def test_process_is_alive(house: House) -> None:
    """A process whose event loop turns says so, whatever else it is."""
    house.context.service.is_ready = False  # type: ignore[misc]

    answer = await house.ask("/livez")

    assert (answer.status_code, answer.text) == (200, "alive\n")


async def test_process_is_ready(house: House) -> None:
    """A process that does everything it is there for is ready."""
    answer = await house.ask("/readyz")

    assert (answer.status_code, answer.text) == (200, "ready\n")


async def test_process_that_starts_is_not_ready(house: House) -> None:
    """Before its parts run, it is starting."""
    house.context.service.is_ready = False  # type: ignore[misc]

    answer = await house.ask("/readyz")

    assert (answer.status_code, answer.text) == (503, "starting\n")


async def test_process_that_stops_is_not_ready(house: House) -> None:
    """Asked to end, it gets no requests any more."""
    house.context.service.stopping.set()

    answer = await house.ask("/readyz")

    assert (answer.status_code, answer.text) == (503, "stopping\n")


async def test_process_without_its_database_is_not_ready(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database does not answer, nothing is ready; the answer says no more than that."""
    monkeypatch.setattr(house.context.store.routes, "states", refuse)

    answer = await house.ask("/readyz")

    assert (answer.status_code, answer.text) == (503, "store\n")


async def test_store_is_asked_once_for_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask, and the database is asked once for many who do at the same time."""
    asked, answers = 0, asyncio.Event()
    states = house.context.store.routes.states

    async def answer_late() -> Any:
        nonlocal asked
        asked += 1
        await answers.wait()
        return await states()

    monkeypatch.setattr(house.context.store.routes, "states", answer_late)
    health = Health(house.context)

    looks = [asyncio.ensure_future(health.look()) for _ in range(5)]
    await asyncio.sleep(0)  # each of them has asked, and waits
    answers.set()

    assert await asyncio.gather(*looks) == ["ready"] * 5
    assert asked == 1


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_anybody_may_ask(house: House, path: str) -> None:
    """Whoever starts processes has no token, and asks by an address."""
    answer = await house.ask(path, peer="203.0.113.9", headers={"Host": "10.0.0.7:8484"})

    assert answer.status_code == 200
