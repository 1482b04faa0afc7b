"""What a person should know is told once, by one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connector.store.rows import AlarmRow

if TYPE_CHECKING:
    from connector.store.store import Store

MINUTE_MS = 60_000


async def raise_one(store: Store, text: str = "the shop refuses the key", **options) -> bool:
    """Say that something is wrong."""
    return await store.alarms.raise_("route_stopped", "orders", text, **options)


async def clear(store: Store) -> bool:
    """Say that it is over."""
    return await store.alarms.clear("route_stopped", "orders")


async def tell(store: Store) -> list[AlarmRow]:
    """Tell what is to be told."""
    rows = await store.alarms.take_to_tell()
    await store.alarms.told(rows)
    return rows


async def test_an_alarm_lasts_until_it_is_cleared(store: Store, clock) -> None:
    """It is new once, keeps its age, and gets the latest words."""
    began = clock.now_ms
    assert await raise_one(store)
    clock.advance(5)
    assert not await raise_one(store, "still", detail=b'{"a":1}', repeat_ms=7)

    opened = await store.alarms.open()

    assert opened == [AlarmRow("route_stopped", "orders", "still", began, None, b'{"a":1}', 7)]
    assert await clear(store)
    assert not await clear(store)
    assert await store.alarms.open() == []


async def test_an_alarm_is_told_once(store: Store, clock) -> None:
    """And once when it is over."""
    await raise_one(store)
    first = await tell(store)
    clock.advance(10 * MINUTE_MS)
    second = await tell(store)

    await clear(store)
    third = await tell(store)

    assert [row.cleared_at_ms for row in first] == [None]
    assert second == []
    assert [row.cleared_at_ms for row in third] == [clock.now_ms]
    assert await tell(store) == []


async def test_an_alarm_is_told_again(store: Store, clock) -> None:
    """As often as it asks for."""
    await raise_one(store, repeat_ms=MINUTE_MS)
    await tell(store)
    clock.advance(MINUTE_MS - 1)
    early = await tell(store)
    clock.advance(1)

    again = await tell(store)

    assert early == []
    assert [row.told_at_ms for row in again] == [clock.now_ms - MINUTE_MS]


async def test_what_nobody_was_told_of_is_not_told_to_be_over(store: Store) -> None:
    """An alarm that came and went unseen is forgotten."""
    await raise_one(store)

    await clear(store)

    assert await tell(store) == []


async def test_what_is_being_told_is_told_to_be_over(store: Store) -> None:
    """An alarm that is cleared while somebody tells it was told."""
    await raise_one(store)
    taken = await store.alarms.take_to_tell()
    await clear(store)
    await store.alarms.told(taken)

    rows = await tell(store)

    assert [row.cleared_at_ms is not None for row in rows] == [True]


async def test_what_begins_again_before_its_end_was_told_goes_on(store: Store) -> None:
    """Nobody is told twice of what, as far as they know, never stopped."""
    await raise_one(store)
    await tell(store)
    await clear(store)

    is_new = await raise_one(store)

    assert not is_new
    assert await tell(store) == []
    assert len(await store.alarms.open()) == 1


async def test_what_begins_again_while_its_end_is_told_is_new(store: Store) -> None:
    """Whoever reads that it is over has to read that it is not."""
    await raise_one(store)
    await tell(store)
    await clear(store)
    taken = await store.alarms.take_to_tell()
    await raise_one(store, "again")
    await store.alarms.told(taken)

    rows = await tell(store)

    assert [(row.text, row.cleared_at_ms) for row in rows] == [("again", None)]


async def test_whoever_dies_telling_leaves_it_to_the_next(store: Store, clock) -> None:
    """After a minute."""
    await raise_one(store)
    await store.alarms.take_to_tell()
    clock.advance(MINUTE_MS - 1)
    early = await store.alarms.take_to_tell()
    clock.advance(1)

    late = await store.alarms.take_to_tell()

    assert (len(early), len(late)) == (0, 1)


async def test_each_alarm_goes_to_one_process(store: Store, beside: Store) -> None:
    """However many ask at once."""
    for number in range(20):
        await store.alarms.raise_("queue_age", f"route-{number}", "old")

    taken = await asyncio.gather(*((store if turn % 2 else beside).alarms.take_to_tell(limit=5) for turn in range(8)))

    subjects = [row.subject for rows in taken for row in rows]
    assert len(subjects) == len(set(subjects)) == 20
