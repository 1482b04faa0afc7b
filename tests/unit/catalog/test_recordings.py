"""The catalog held against what a real shop answered.

`recorded-3.0.5.1.json` has every distinct call recorded from OpenCart 3.0.5.1, but for those that speak of the session
or the server rather than the payload: `at` (scenario and step), `route`, `query` without token, `form` with flat PHP
keys, and `answer`: the keys of the JSON body, `[]` for an empty one, null where the body was no JSON.
"""

import json
import re
from pathlib import Path

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.payload import check_payload

CATALOG = load_catalog("opencart")
CALLS = json.loads((Path(__file__).parent / "recorded-3.0.5.1.json").read_text(encoding="utf-8"))

# Answered with success, and refused all the same, by the field that is at fault.
HARMFUL = {
    "cart.add 13": "quantity",  # 0: gone when the cart is next read
    "cart.add 14": "quantity",  # -1: likewise
    "cart.add 15": "quantity",  # abc: likewise
    "cart.add 16": "quantity",  # 1.5: becomes 1
    "cart.add 18": "product_id",  # 40abc: becomes 40
    "cart.add_array 7": None,  # an unknown product cannot be told from a known one
    "php.error_display_off 6": "product[0].quantity",  # missing: the line is gone
    "php.error_display_off 3": "key",  # nothing sent at all
    "voucher.add 13": "voucher_theme_id",  # empty: no theme
    "voucher.add_array 6": "voucher[0].from_name",  # incomplete: the entry is dropped
    "order.info 15": "order_id",  # 1abc: finds order 1
    "order.history 15": "order_status_id",  # missing: the order is void
    "shipping.address 17": "country",  # fields that nothing reads
}


def unflatten(form):
    """Return nested values for flat PHP keys; numbered keys under a list field become a list."""
    payload = {}
    for name, value in form.items():
        head, *keys = re.findall(r"[^\[\]]+", name) + ([""] if name.endswith("[]") else [])
        target, key = payload, head
        for inner in keys:
            target, key = target.setdefault(key, {}), inner or str(len(target))
        target[key] = value
    for name in ("product", "voucher"):
        if isinstance(payload.get(name), dict):
            payload[name] = list(payload[name].values())
    return payload


def find_entity(call):
    """Return the entity that a recorded call was: two of them share a route, told apart by their list."""
    first, *others = CATALOG.find_route(call["route"], "3.0")
    lists = {"cart.add": "product", "voucher.add": "voucher"}
    is_list = any(name.partition("[")[0] == lists.get(first.id) for name in call["form"])
    return others[0] if is_list else first


def is_success(call):
    """Whether a recorded answer has data or success, and no error beside it."""
    return bool(call["answer"]) and "error" not in call["answer"]


def check(call):
    """Return the problems of a recorded payload."""
    payload = unflatten(call["form"]) | call["query"]
    return check_payload(find_entity(call).variant("3.0"), payload)


@pytest.mark.parametrize("route", sorted({call["route"] for call in CALLS}))
def test_route_is_listed(route):
    """Every route that answered is in the catalog."""
    assert CATALOG.find_route(route, "3.0")


def test_every_route_was_recorded():
    """The catalog has no route that never answered."""
    routes = {entity.variant("3.0").route for entity in CATALOG.entities}

    assert routes == {call["route"] for call in CALLS}


@pytest.mark.parametrize("call", [call for call in CALLS if is_success(call)], ids=lambda call: call["at"])
def test_success_has_its_key(call):
    """A recorded success has one of the keys that the catalog tells a success by."""
    assert set(find_entity(call).variant("3.0").success_keys) & set(call["answer"])


@pytest.mark.parametrize("call", [call for call in CALLS if not is_success(call)], ids=lambda call: call["at"])
def test_error_has_no_success_key_alone(call):
    """A recorded refusal never looks like a success: it has an error beside any data, or no success key."""
    keys = set(call["answer"] or ())

    assert "error" in keys or not keys & set(find_entity(call).variant("3.0").success_keys)


@pytest.mark.parametrize(
    "call", [call for call in CALLS if is_success(call) and call["at"] not in HARMFUL], ids=lambda call: call["at"]
)
def test_recorded_success_fits(call):
    """A payload that a real shop took, and treated well, is not refused."""
    assert check(call) == []


@pytest.mark.parametrize(
    ("call", "field"),
    [(call, HARMFUL[call["at"]]) for call in CALLS if HARMFUL.get(call["at"])],
    ids=lambda value: value["at"] if isinstance(value, dict) else value,
)
def test_harmful_success_is_refused(call, field):
    """A payload that a real shop took, to the user's harm, is refused at the field that does it."""
    assert is_success(call)
    assert field in [str(problem).partition(":")[0] for problem in check(call)]


def test_harmful_list_is_current():
    """Every call that is excepted is among the recorded ones."""
    assert set(HARMFUL) <= {call["at"] for call in CALLS}
