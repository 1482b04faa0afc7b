"""Calls that a person tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import load
from connector.app.runtime import open_project
from connector.desk.call import describe_call, plan_call, try_call
from connector.errors import ConfigError, UnconfirmedError
from connector.redaction import Redactor
from connector.sandbox.server import SandboxServer
from tests.desk.installation import configure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connector.app.runtime import Runtime


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    """A configuration on a practice shop, opened."""
    async with SandboxServer(error_display=False) as shop:
        config = configure()
        config["clients"]["shop"] |= {"base_url": shop.base_url, "key": shop.key}
        async with open_project(load(config, environment={})) as opened:
            yield opened


async def test_a_call_that_only_reads_is_made_at_once(runtime: Runtime):
    """Nobody has to confirm a question."""
    planned = plan_call(runtime.project, "shop", "order.info", {"order_id": 99_999})

    called = await try_call(runtime, planned)

    assert not planned.needs_confirmation
    assert called.exchanges


async def test_a_call_that_changes_something_waits_to_be_confirmed(runtime: Runtime):
    """Without confirmation nothing is sent; with it the call is made."""
    planned = plan_call(runtime.project, "shop", "cart.add", {"product_id": 40})

    with pytest.raises(UnconfirmedError, match="session"):
        await try_call(runtime, planned)
    called = await try_call(runtime, planned, is_confirmed=True)

    assert planned.needs_confirmation
    assert called.is_success


async def test_a_step_ahead_of_a_question_has_to_be_confirmed_as_well(runtime: Runtime):
    """What counts is everything that would be sent."""
    planned = plan_call(
        runtime.project, "shop", "order.info", {"order_id": 1}, before=[("cart.add", {"product_id": 40})]
    )

    assert planned.effects == ("session", "read")
    assert planned.needs_confirmation


async def test_a_refusal_is_told_with_its_reason(runtime: Runtime):
    """What the shop refuses is an answer like any other, masked."""
    planned = plan_call(runtime.project, "shop", "coupon.apply", {"coupon": "nope"})

    called = await try_call(runtime, planned, is_confirmed=True)

    told: dict[str, Any] = describe_call(called, Redactor())
    assert not called.is_success
    assert told["verdict"] == "rejected"
    assert told["reason"]


async def test_a_field_that_does_not_fit_is_a_fault(runtime: Runtime):
    """What the catalog knows to be wrong is told before anything is sent."""
    with pytest.raises(ConfigError):
        plan_call(runtime.project, "shop", "cart.add", {"product_idd": 40})
