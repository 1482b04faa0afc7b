"""The catalog held against what real shops answered.

`recorded-<version>.json` has every distinct call recorded from one version of OpenCart, but for those that speak of the
session or the server rather than the payload: `at` (scenario and step), `route`, `query` without credential, `form`
with flat PHP keys, and `answer`: the keys of the JSON body, `[]` for an empty one, null where the body was no JSON.
4.1 sends the whole order with every call: there, one recording stands for those that had the same fields and answer.
`recorded-routes.json` has every route that a version was seen to know, with the query parameters that choose a call.
"""

import json
import re
from pathlib import Path

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.payload import check_payload

FOLDER = Path(__file__).parent
CATALOG = load_catalog("opencart")
VERSIONS = {"2.3": "2.3.0.2", "3.0": "3.0.5.1", "4.0": "4.0.2.3", "4.1": "4.1.0.4"}
CALLS = [
    {**call, "dialect": dialect}
    for dialect, version in VERSIONS.items()
    for call in json.loads((FOLDER / f"recorded-{version}.json").read_text(encoding="utf-8"))
]
ROUTES = json.loads((FOLDER / "recorded-routes.json").read_text(encoding="utf-8"))

UNSEEN = {"language.set", "store.set"}  # of 4.0.0 and 4.0.1, and nothing was recorded there

# Entities that share a call, by the field that tells them from the first one.
TELLING = {"cart.replace": "product", "voucher.replace": "voucher", "order.edit": "order_id"}

# Answered with success, and refused all the same, by the field that is at fault.
HARMFUL = {
    "2.3": {
        "login 2": "username",  # not read: the key alone says who it is
        "currency 11": "currency",  # eur: forgotten with the next call
        "cart.add 13": "quantity",  # 0: gone when the cart is next read
        "cart.add 14": "quantity",  # -1: likewise
        "cart.add 15": "quantity",  # abc: likewise
        "cart.add 16": "quantity",  # 1.5: becomes 1
        "cart.add 18": "product_id",  # 40abc: becomes 40
        "voucher.add 13": "voucher_theme_id",  # empty: no theme
        "voucher.add_array 6": "voucher[0].from_name",  # incomplete: the entry is dropped
        "reward 16": "reward",  # -50: taken for 50
        "order.add_status 10": "order_status_id",  # 0: an abandoned order
        "order.info 15": "order_id",  # 1abc: finds order 1
        "order.history 15": "order_status_id",  # missing: the order is void
        "text.long_values 5": "company",  # cut off
        "text.long_values 6": "address_2",  # cut off
    },
    "3.0": {
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
    },
    "4.0": {
        "cart: edit and remove 6": "quantity",  # missing: becomes 1
        "cart: edit and remove 8": "quantity",  # 0: the line hides
        "cart: edit and remove 11": "key",  # missing: nothing changes
        "cart: edit and remove 14": "key",  # missing: nothing changes
        "cart: edit and remove 16": "key",  # missing: nothing changes
        "customer: set 12": "customer_group_id",  # missing: no taxes from the next call on
        "coupon 15": "coupon",  # empty: removes the coupon
        "coupon 16": "coupon",  # missing: removes the coupon
        "voucher: apply a gift voucher 8": "voucher",  # empty: removes the gift voucher
        "voucher: apply a gift voucher 9": "voucher",  # missing: removes the gift voucher
        "affiliate 14": "affiliate_id",  # missing: removes the affiliate
        "currency 12": "currency",  # eur: forgotten with the next call
        "order: history 14": "order_status_id",  # missing: the order is void
        "order: delete 31": "order_id",  # missing: nothing happens
        "order: delete 33": "selected",  # several at once
    },
    "4.1": {
        "order: confirm minimal and status 1": "order_status_id",  # missing: an abandoned order
        "extension: reward points 6": "reward",  # missing: nothing happens
        "affiliate 4": "affiliate_id",  # missing: nothing happens
        "history_add 6": "order_status_id",  # missing: the order is void
    },
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
    """Return the entity that a recorded call was; of those that share a call, a field tells which."""
    found = CATALOG.find_route(call["route"], call["dialect"], call["query"])
    names = {name.partition("[")[0] for name in call["form"]} | set(call["query"])
    told = [entity for entity in found if TELLING.get(entity.id) in names]
    return told[0] if told else next(entity for entity in found if entity.id not in TELLING)


def read_payload(call):
    """Return what a user would have written: fields by their own names, without those of earlier steps.

    Recordings of 4.1 have the whole order in each; what is in the draft belongs to the steps before.
    """
    variant = find_entity(call).variant(call["dialect"])
    sent = unflatten(call["form"]) | {name: value for name, value in call["query"].items() if name not in variant.query}
    names = {variant.renames.get(field.name, field.name): field.name for field in variant.fields}
    if call["dialect"] == "4.1":
        sent = {name: value for name, value in sent.items() if name in names}
        if variant.draft_change == "choose":
            sent = {name: entry["code"] for name, entry in sent.items() if "code" in entry}
    return {names.get(name, name): value for name, value in sent.items()}


def is_success(call):
    """Whether a recorded answer has data or success, and no error beside it."""
    return bool(call["answer"]) and "error" not in call["answer"]


def check(call):
    """Return the problems of a recorded payload."""
    return check_payload(find_entity(call).variant(call["dialect"]), read_payload(call))


def name(call):
    """Return how a test of a call is called."""
    return f"{call['dialect']} {call['at']}"


@pytest.mark.parametrize(
    ("dialect", "route", "query"),
    [
        pytest.param(dialect, row["route"], row["query"], id=f"{dialect} {row['route']} {row['query']}")
        for dialect, rows in ROUTES.items()
        for row in rows
    ],
)
def test_route_is_listed(dialect, route, query):
    """Every route and call that a shop knows is in the catalog."""
    assert CATALOG.find_route(route, dialect, query)


@pytest.mark.parametrize("dialect", VERSIONS)
def test_every_route_was_recorded(dialect):
    """The catalog has no route that no shop was seen to know."""
    recorded = {
        entity.id for row in ROUTES[dialect] for entity in CATALOG.find_route(row["route"], dialect, row["query"])
    }

    listed = {
        entity.id
        for entity in CATALOG.entities
        if dialect in entity.variants and not entity.is_composite and not entity.variant(dialect).is_local
    }
    assert listed - UNSEEN == recorded


@pytest.mark.parametrize("call", [call for call in CALLS if is_success(call)], ids=name)
def test_success_has_its_key(call):
    """A recorded success has one of the keys that the catalog tells a success by."""
    assert set(find_entity(call).variant(call["dialect"]).success_keys) & set(call["answer"])


@pytest.mark.parametrize("call", [call for call in CALLS if not is_success(call)], ids=name)
def test_error_has_no_success_key_alone(call):
    """A recorded refusal never looks like a success: it has an error beside any data, or no success key."""
    keys = set(call["answer"] or ())

    assert "error" in keys or not keys & set(find_entity(call).variant(call["dialect"]).success_keys)


@pytest.mark.parametrize(
    "call", [call for call in CALLS if is_success(call) and call["at"] not in HARMFUL[call["dialect"]]], ids=name
)
def test_recorded_success_fits(call):
    """A payload that a real shop took, and treated well, is not refused."""
    assert check(call) == []


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(call, HARMFUL[call["dialect"]][call["at"]], id=name(call))
        for call in CALLS
        if HARMFUL[call["dialect"]].get(call["at"])
    ],
)
def test_harmful_success_is_refused(call, field):
    """A payload that a real shop took, to the user's harm, is refused at the field that does it."""
    assert is_success(call)
    assert field in [str(problem).partition(":")[0] for problem in check(call)]


@pytest.mark.parametrize("dialect", VERSIONS)
def test_harmful_list_is_current(dialect):
    """Every call that is excepted is among the recorded ones."""
    assert set(HARMFUL[dialect]) <= {call["at"] for call in CALLS if call["dialect"] == dialect}
