"""Webhooks, compiled from what a user writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.config.place import Place
from connector.webhook.options import WebhookOptions
from connector.webhook.plan import compile_webhook
from connector.webhook.sender import Call

if TYPE_CHECKING:
    from connector.webhook.plan import WebhookPlan

NOW_MS = 1_800_000_000_000


def compile_it(**written: Any) -> WebhookPlan:
    """Return the plan of a webhook; open to all unless it says otherwise."""
    given = {"path": "/orders", "auth": {"none": {}}, **written}
    place = Place.detached("webhook", given)
    plan = compile_webhook(WebhookOptions.model_validate(given), place)
    place.faults.raise_if_any()
    return plan


def find_faults(**written: Any) -> list[str]:
    """Return what is wrong with a webhook, each with its place."""
    given = {"path": "/orders", "auth": {"none": {}}, **written}
    place = Place.detached("webhook", given)
    compile_webhook(WebhookOptions.model_validate(given), place)
    return [f"{fault.where}: {fault.message}" for fault in place.faults]


def call(**headers: str) -> Call:
    """Return a request with headers, `_` in their names for `-`."""
    return Call("POST", "/hooks/orders", {name.replace("_", "-").lower(): text for name, text in headers.items()})
