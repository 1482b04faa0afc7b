"""Steps tried out in a process with limits."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from connector.desk.trial import Limits, Trials
from connector.redaction import Redactor
from connector.transform.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from connector.desk.transform import TryOut

PURE = {
    "set",
    "copy",
    "move",
    "remove",
    "pick",
    "map",
    "cast",
    "filter",
    "if",
    "split",
    "each",
    "store.get",
    "store.put",
    "changed",
}
"""Steps that run no code of the installation and reach no client."""


class Values:
    """A value store that is only read."""

    def __init__(self, **kept: bytes) -> None:
        self.kept = kept
        self.asked: list[tuple[str, str]] = []

    async def values(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Return what is kept."""
        self.asked += pairs
        return {(store, key): self.kept[key] for store, key in self.asked if key in self.kept}


async def run(steps: str, record: str = "{}", *, source: Values | None = None, limits: Limits | None = None) -> TryOut:
    """Try steps out."""
    return await Trials(limits).run(steps, record, source=source or Values(), redactor=Redactor())


async def test_each_step_tells_what_it_made() -> None:
    """The result has every step with the record before and after it, decimals exact."""
    tried = await run(
        '- set: {total: {value: "{{ (record.price | decimal) * 3 }}", type: decimal}}\n- remove: price',
        '{"price": "12.50"}',
    )

    assert tried.faults == ()
    assert [step.kind for step in tried.walked.steps] == ["set", "remove"]
    assert str(tried.walked.steps[0].after[0]["total"]) == "37.50"
    assert set(tried.records[0]) == {"total"}


async def test_a_failing_step_has_its_place() -> None:
    """Why a step fails is told with line and column of the text."""
    tried = await run('- remove: note\n- set: {a: "{{ record.b }}"}', '{"note": 1}')

    failure = tried.walked.failure
    assert failure is not None
    assert (failure.spot.line, "record.b is missing" in failure.reason) == (2, True)
    assert tried.walked.steps[1].failure == failure


async def test_faults_of_both_texts_come_together() -> None:
    """What is wrong with the steps and with the record is told at once."""
    tried = await run("- sett: {a: 1}", '{"a": ')

    assert {fault.file for fault in tried.faults} == {"steps", "record"}


async def test_stored_values_are_fetched_and_never_written() -> None:
    """A step finds what the store holds, and what it would keep is told alone."""
    source = Values(A1=b'{"seen": true}')

    tried = await run(
        '- store.get: {store: skus, key: "{{ record.sku }}", into: known}\n'
        '- store.put: {store: skus, key: "{{ record.sku }}", value: 1}',
        '{"sku": "A1"}',
        source=source,
    )

    assert source.asked == [("skus", "A1")]
    assert tried.records[0]["known"] == {"seen": True}
    assert [(put.store, put.key) for put in tried.walked.shaped[0].puts] == [("skus", "A1")]


async def test_work_without_end_is_stopped() -> None:
    """A template that computes for minutes is given up after its share of work, and the others go on."""
    heavy = "{{ (range(100000) | map('string') | join | length) }}"
    steps = "\n".join(f'- set: {{f{number}: "{heavy * 9}"}}' for number in range(60))

    tried = await run(steps, limits=Limits(work_s=1))

    (fault,) = tried.faults
    assert "more than 1 s of work" in fault.message


async def test_memory_without_end_is_stopped() -> None:
    """Texts that double with every step come to their limit, and this process does not grow."""
    doubling = "\n".join(f'- set: {{f{n}: "{{{{ record.a * 900000 }}}}"}}' for n in range(400))

    tried = await run(doubling, '{"a": "x"}', limits=Limits(memory_bytes=200 * 1024 * 1024))

    (fault,) = tried.faults
    assert "memory" in fault.message


async def test_a_result_without_end_is_not_read() -> None:
    """What steps make is read up to a size, and no further."""
    tried = await run('- set: {a: "{{ record.a * 300000 }}"}', '{"a": "x"}', limits=Limits(answer_bytes=100_000))

    (fault,) = tried.faults
    assert "larger than" in fault.message


async def test_no_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process knows no secret of this one: its environment has none."""
    monkeypatch.setenv("SHOP_KEY", "a-key-nobody-may-see")
    seen: dict[str, str] = {}
    real = asyncio.create_subprocess_exec

    async def spy(*words: str, env: dict[str, str], **more: object) -> object:
        seen.update(env)
        return await real(*words, env=env, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    await run("- set: {a: 1}")

    assert "SHOP_KEY" in os.environ
    assert set(seen) <= {
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "PATH",
        "SYSTEMROOT",
        "TZ",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
    }


async def test_too_many_at_once_are_turned_away() -> None:
    """Whoever comes while others wait for their turn is told so at once."""
    trials = Trials(Limits(at_once=1, waiting=2))

    tried = await asyncio.gather(
        *(trials.run("- set: {a: 1}", "{}", source=Values(), redactor=Redactor()) for _ in range(3))
    )

    assert sum("too many" in fault.message for one in tried for fault in one.faults) == 1


def test_every_step_is_known_to_be_harmless() -> None:
    """A step that runs code or reaches out would have to be kept from the try-out before it is added."""
    assert set(STEPS) == PURE
