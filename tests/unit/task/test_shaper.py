"""Stored records made into parcels, with the stored values that their steps ask for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project
from connector.errors import TransformError
from connector.record_codec import encode_record
from connector.store.rows import StoredValue
from connector.task.shaper import Shaper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = {"store.get": {"store": "names", "key": "{{ record.sku }}", "into": "name", "default": "none"}}


class Source:
    """A value store that takes note of what is asked, and answers when it may."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self.values_by_key = dict(values)
        self.asked: list[list[str]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def values(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes | None]:
        """Return what there is, as it was when it was asked for."""
        asked = sorted(pairs)
        self.asked.append([key for _, key in asked])
        found = {pair: self.values_by_key[pair[1]] for pair in asked if pair[1] in self.values_by_key}
        await self.go.wait()
        return dict(found)


async def shaper(source: Source, *steps: Any) -> Shaper:
    """A shaper of a route with these steps."""
    document = {
        "clients": {"erp": {"connector": "http", "base_url": "http://erp.test/"}},
        "routes": {"out": {"outgoing": {"publisher": {"client": "erp", "route": "o"}}, "transform": list(steps)}},
    }
    project = load(document, environment={})
    async with open_project(project) as runtime:
        return Shaper(runtime.work("out").shaping, source)


def record(sku: str) -> bytes:
    """A record as it is stored."""
    return encode_record({"sku": sku})


async def names(shaper: Shaper, *skus: str) -> list[Any]:
    """What the steps found under these keys."""
    return [(await shaper.parcels(record(sku)))[0].record["name"] for sku in skus]


async def test_values_are_fetched_once_for_a_whole_batch():
    """Three records ask one question, and their turns ask no more."""
    source = Source({"a": b'"Ann"', "b": b'"Bob"'})
    one = await shaper(source, NAME)

    await one.prepare([record("a"), record("b"), record("c")])
    found = await names(one, "a", "b", "c")

    assert found == ["Ann", "Bob", "none"]
    assert source.asked == [["a", "b", "c"]]


async def test_what_was_not_prepared_is_fetched_when_it_is_asked_for():
    """A single record gets its values as well."""
    source = Source({"a": b'"Ann"'})
    one = await shaper(source, NAME)

    assert await names(one, "a") == ["Ann"]


async def test_a_new_batch_sees_what_others_have_kept_meanwhile():
    """Values are not remembered from one batch to the next."""
    source = Source({"a": b'"Ann"'})
    one = await shaper(source, NAME)

    await one.prepare([record("a")])
    before = await names(one, "a")
    source.values_by_key["a"] = b'"Eve"'
    await one.prepare([record("a")])

    assert [before, await names(one, "a")] == [["Ann"], ["Eve"]]


async def test_what_is_about_to_be_kept_is_seen_at_once():
    """The next record of a batch does not wait until it is durable; afterwards the store has it."""
    source = Source({"a": b'"Ann"'})
    one = await shaper(source, NAME)
    kept = [StoredValue("names", "a", b'"Eve"')]

    await one.prepare([record("a")])
    one.keep(kept)
    ahead = await names(one, "a")
    source.values_by_key["a"] = b'"Eve"'
    one.drop(kept)

    assert [ahead, await names(one, "a")] == [["Eve"], ["Eve"]]


async def test_what_is_kept_while_values_are_on_their_way_is_newer():
    """A fetch that began before it was kept does not bring the old value back."""
    source = Source({"a": b'"Ann"'})
    one = await shaper(source, NAME)
    kept = [StoredValue("names", "a", b'"Eve"')]
    source.go.clear()

    preparing = asyncio.create_task(one.prepare([record("a")]))
    await asyncio.sleep(0)
    one.keep(kept)
    source.values_by_key["a"] = b'"Eve"'
    one.drop(kept)
    source.go.set()
    await preparing
    found = await names(one, "a")
    source.values_by_key["a"] = b'"Zoe"'
    await one.prepare([record("a")])

    assert [found, await names(one, "a")] == [["Eve"], ["Zoe"]]


async def test_a_record_that_cannot_be_shaped_holds_up_no_batch():
    """It says so in its turn."""
    source = Source({"a": b'"Ann"'})
    one = await shaper(source, NAME)
    broken = encode_record({"n": 1})

    await one.prepare([broken, b"not json", record("a")])

    assert await names(one, "a") == ["Ann"]
    with pytest.raises(TransformError):
        await one.parcels(broken)
