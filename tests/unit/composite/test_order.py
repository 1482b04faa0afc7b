"""Placing, changing and looking for an order: which calls, in which order, and what they are taken to mean."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from connector.composite.change import change
from connector.composite.place import place
from connector.composite.probe import PROOF, find_placed
from connector.request import Answer, FieldError, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.composite.flow import Ask, Flow

OLD = {
    "currency.set": {"currency"},
    "customer.set": {"customer_id", "firstname", "lastname", "email", "telephone"},
    "cart.add": {"product_id", "quantity", "option"},
    "cart.products": set(),
    "coupon.apply": {"coupon"},
    "voucher.apply": {"voucher"},
    "reward.apply": {"reward"},
    "order.add": {"comment", "order_status_id", "affiliate_id"},
    "order.edit": {"order_id", "comment", "order_status_id", "affiliate_id"},
    "order.info": {"order_id"},
}
NEW = {
    **{entity: fields for entity, fields in OLD.items() if entity not in {"voucher.apply", "order.info"}},
    "cart.add": {"product_id", "quantity", "option", "subscription_plan_id"},
    "order.add": {"order_status_id"},
    "order.comment": {"comment"},
    "affiliate.set": {"affiliate_id"},
}
PAYLOAD: dict[str, Any] = {
    "reference": "MP-1",
    "customer": {"firstname": "Ann", "lastname": "Lee", "email": "ann@example.com", "telephone": "0612345678"},
    "lines": [{"product_id": 40, "quantity": 2}],
    "payment_address": {"address_1": "1 High St", "city": "London", "country_id": 222, "zone_id": 3553},
    "shipping_method": "cheapest",
    "payment_method": "cod",
}


class Catalog:
    """What a generation has."""

    def __init__(self, entities: Mapping[str, set[str]], dialect: str = "3.0") -> None:
        self._entities = entities
        self.dialect = dialect

    def has(self, entity: str) -> bool:
        """Whether it is there."""
        return entity in self._entities

    def takes(self, entity: str, field: str) -> bool:
        """Whether the field is there."""
        return field in self._entities.get(entity, ())

    def requires(self, entity: str, field: str) -> bool:
        """Whether the field must be given; fields that must are written with a star."""
        return f"{field}*" in self._entities.get(entity, ())


def shop(**changes: Answer | Callable[[Ask], Answer]):
    """Answers as a shop does in which all goes well; changes by entity with `_` for the point."""
    line = {"product_id": "40", "quantity": "2", "option": [], "name": "iPhone", "model": "m", "shipping": "1"}
    totals = [{"title": "Sub-Total", "text": "$202.00"}, {"title": "Total", "text": "$254.40"}]
    quotes = {"flat": {"title": "Flat", "quote": {"flat": {"code": "flat.flat", "title": "Flat", "cost": "5.00"}}}}
    values: dict[str, Any] = {
        "cart.products": {"products": [{**line, "total": "$246.40"}], "vouchers": [], "totals": totals},
        "shipping.methods": {"shipping_methods": quotes},
        "payment.methods": {"payment_methods": {"cod": {"code": "cod", "title": "Cash"}}},
        "order.add": {"success": "placed", "order_id": 7},
        "order.edit": {"success": "changed"},
    }

    def answer(ask: Ask) -> Answer:
        change = changes.get(ask.entity.replace(".", "_"))
        if change is not None:
            return change if isinstance(change, Answer) else change(ask)
        return Answer(Verdict.OK, values.get(ask.entity, {"success": "done"}))

    return answer


def play(flow: Flow, answer: Callable[[Ask], Answer]) -> tuple[Answer, list[Ask]]:
    """Drive a flow to its end; return its answer and the calls it asked for."""
    asks: list[Ask] = []
    try:
        ask = next(flow)
        while True:
            asks.append(ask)
            ask = flow.send(answer(ask))
    except StopIteration as end:
        return end.value, asks


def test_the_calls_come_in_the_order_that_loses_nothing():
    """Customer before cart, cart before discounts and methods, the cart read back, the order last."""
    payload = {**PAYLOAD, "coupon": "2222", "currency": "EUR", "reward": 10, "voucher": "GIFT"}

    answer, asks = play(place(payload, Catalog(OLD)), shop())

    assert [ask.entity for ask in asks] == [
        "currency.set",
        "customer.set",
        "cart.add",
        "cart.products",
        "coupon.apply",
        "voucher.apply",
        "reward.apply",
        "payment.address",
        "shipping.address",
        "shipping.methods",
        "shipping.method",
        "payment.methods",
        "payment.method",
        "cart.products",
        "order.add",
    ]
    assert answer.verdict is Verdict.OK
    assert answer.value["currency"] == "EUR"


def test_a_placed_order_is_told_in_full():
    """Id, reference, status, exact totals, lines and methods."""
    stored = Answer(Verdict.OK, {"order": {"order_id": "7", "currency_code": "USD"}})

    answer, asks = play(place(PAYLOAD, Catalog(OLD)), shop(order_info=stored))

    assert answer.value == {
        "order_id": 7,
        "reference": "MP-1",
        "status_id": 1,
        "total": Decimal("254.40"),
        "currency": "USD",
        "totals": [
            {"title": "Sub-Total", "text": "$202.00", "amount": Decimal("202.00")},
            {"title": "Total", "text": "$254.40", "amount": Decimal("254.40")},
        ],
        "lines": [
            {
                "product_id": "40",
                "name": "iPhone",
                "model": "m",
                "quantity": 2,
                "option": [],
                "total": "$246.40",
                "amount": Decimal("246.40"),
            }
        ],
        "shipping_method": {"code": "flat.flat", "title": "Flat", "cost": Decimal("5.00")},
        "payment_method": {"code": "cod", "title": "Cash"},
        "messages": ["placed"],
    }
    assert asks[-2].payload == {"order_status_id": 1, "comment": "Reference: MP-1"}
    assert (asks[-1].entity, asks[-1].may_fail) == ("order.info", True)


def test_a_placed_order_stays_placed_when_its_currency_cannot_be_read():
    """Nothing depends on the last call."""
    answer, _asks = play(place(PAYLOAD, Catalog(OLD)), shop(order_info=Answer(Verdict.UNKNOWN)))

    assert (answer.verdict, answer.value["order_id"], answer.value["currency"]) == (Verdict.OK, 7, None)


def test_the_reference_is_the_last_line_of_the_comment():
    """The customer's words come first."""
    _answer, asks = play(place({**PAYLOAD, "comment": "Ring twice"}, Catalog(OLD)), shop())

    assert asks[-2].payload["comment"] == "Ring twice\nReference: MP-1"


def test_newer_generations_take_comment_and_affiliate_as_calls():
    """What 3.0 has as fields of the order are calls of their own from 4.0."""
    _answer, asks = play(place({**PAYLOAD, "affiliate_id": 2}, Catalog(NEW, "4.0")), shop())

    called = {ask.entity: ask.payload for ask in asks}
    assert called["order.comment"] == {"comment": "Reference: MP-1"}
    assert called["affiliate.set"] == {"affiliate_id": 2}
    assert called["order.add"] == {"order_status_id": 1}


def test_an_address_has_the_customers_name_and_serves_twice():
    """Names that an address lacks are the customer's; without a shipping address both are the same."""
    _answer, asks = play(place(PAYLOAD, Catalog(OLD)), shop())

    addresses = [ask.payload for ask in asks if ask.entity.endswith(".address")]
    assert addresses[0] == addresses[1]
    assert addresses[0]["firstname"] == "Ann"


def test_nothing_to_ship_needs_no_shipping():
    """A cart of downloads has no shipping address and no shipping method."""
    cart = {"products": [{"product_id": "40", "quantity": "2", "option": [], "shipping": "0"}], "totals": []}

    answer, asks = play(place(PAYLOAD, Catalog(OLD)), shop(cart_products=Answer(Verdict.OK, cart)))

    assert answer.verdict is Verdict.OK
    assert not [ask.entity for ask in asks if ask.entity.startswith("shipping.")]
    assert answer.value["shipping_method"] is None


EMPTY_CART = Answer(Verdict.OK, {"products": [], "totals": []})
OTHER_METHODS = Answer(Verdict.OK, {"payment_methods": {"bank_transfer": {"code": "bank_transfer", "title": "Bank"}}})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"cart_products": EMPTY_CART},
            "the cart is not what was asked for: product 40: 2 asked for, none in the cart",
        ),
        ({"shipping_methods": Answer(Verdict.EMPTY, [])}, "wanted cheapest; the shop offers none"),
        ({"payment_methods": OTHER_METHODS}, "wanted cod; the shop offers bank_transfer (Bank)"),
    ],
    ids=["cart", "shipping", "payment"],
)
def test_no_order_is_placed_over_a_difference(change: dict[str, Answer], reason: str):
    """The answer says what differs, and the order was not asked for."""
    answer, asks = play(place(PAYLOAD, Catalog(OLD)), shop(**change))

    assert answer.verdict is Verdict.REJECTED
    assert reason in answer.reason
    assert "order.add" not in [ask.entity for ask in asks]


def test_no_order_is_placed_over_the_shops_own_objection():
    """An error beside the cart stops it at the last reading."""
    objection = (FieldError("minimum", "Minimum order amount for iPhone is 3!"),)
    cart = {"products": [{"product_id": "40", "quantity": "2", "option": []}], "totals": []}

    answer, asks = play(place(PAYLOAD, Catalog(OLD)), shop(cart_products=Answer(Verdict.OK, cart, errors=objection)))

    assert answer.reason == "the cart may not be ordered: Minimum order amount for iPhone is 3!"
    assert "order.add" not in [ask.entity for ask in asks]


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"voucher": "GIFT"}, "a gift voucher cannot be used: voucher.apply does not exist in 4.1"),
        ({"order_status_id": 0}, "order_status_id is 0, which hides the order"),
        ({"reference": "MP\n1"}, "reference is not kept as it is"),
        ({"reference": "MP \U0001f4e6"}, "reference is not kept as it is"),
        ({"comment": "&" * 13_000}, "comment is too long"),
    ],
)
def test_what_the_generation_lacks_is_refused_before_any_call(wish: dict[str, Any], reason: str):
    """Nothing is sent for an order that cannot be placed as asked."""
    answer, asks = play(place({**PAYLOAD, **wish}, Catalog(NEW, "4.1")), shop())

    assert reason in answer.reason
    assert asks == []


def test_changing_an_order_writes_all_of_it_again():
    """The same calls, ended by `order.edit` with the id; the order must exist where that can be asked."""
    answer, asks = play(change({**PAYLOAD, "order_id": 7}, Catalog(OLD)), shop())

    assert asks[0].entity == "order.info"
    assert (asks[-2].entity, asks[-2].payload["order_id"]) == ("order.edit", 7)
    assert answer.value["order_id"] == 7


LOADS = {
    **{entity: fields for entity, fields in NEW.items() if entity != "order.edit"},
    "customer.set": {"customer_group_id*", "firstname"},
    "order.load": {"order_id"},
    "cart.remove": {"key"},
}


def test_4_0_loads_the_order_and_fills_its_cart_anew():
    """What was loaded is taken out, discounts too; then comes the new order, and the session's order is written."""
    line = {"cart_id": "9", "product_id": "40", "quantity": "2", "option": []}
    cart = Answer(Verdict.OK, {"products": [line], "totals": []})

    _answer, asks = play(change({**PAYLOAD, "order_id": 7}, Catalog(LOADS, "4.0")), shop(cart_products=cart))

    assert [ask.entity for ask in asks[:7]] == [
        "order.load",
        "cart.products",
        "cart.remove",
        "coupon.apply",
        "reward.apply",
        "affiliate.set",
        "customer.set",
    ]
    assert asks[2].payload == {"key": "9"}
    assert [(ask.payload, ask.takes_back) for ask in asks[3:6]] == [
        ({"coupon": ""}, True),
        ({"reward": 0}, True),
        ({"affiliate_id": 0}, True),
    ]
    assert asks[6].payload["customer_group_id"] == 1
    assert asks[-1].entity == "order.add"


def test_4_0_does_not_change_an_order_that_sells_gift_vouchers():
    """No draft can say them, so they would be lost."""
    cart = Answer(Verdict.OK, {"products": [], "vouchers": [{"code": "x"}], "totals": []})

    answer, asks = play(change({**PAYLOAD, "order_id": 7}, Catalog(LOADS, "4.0")), shop(cart_products=cart))

    assert "it sells gift vouchers" in answer.reason
    assert asks[-1].entity == "cart.products"


def test_an_order_written_beside_the_one_to_change_is_a_fault():
    """A second order is never told as a success."""
    loaded = iter([Answer(Verdict.OK, {"products": [], "totals": []})])

    def cart(ask: Ask) -> Answer:
        return next(loaded, None) or shop()(ask)

    answer, _asks = play(change({**PAYLOAD, "order_id": 6}, Catalog(LOADS, "4.0")), shop(cart_products=cart))

    assert answer.verdict is Verdict.FAULT
    assert answer.reason == "the shop has written order 7 in place of order 6"


def test_a_changed_order_keeps_its_currency():
    """The shop stores no other one, so the session is put into the order's before anything is calculated."""
    stored = Answer(Verdict.OK, {"order": {"order_id": "7", "currency_code": "EUR"}})

    answer, asks = play(change({**PAYLOAD, "order_id": 7}, Catalog(OLD)), shop(order_info=stored))

    assert (asks[1].entity, asks[1].payload) == ("currency.set", {"currency": "EUR"})
    assert answer.value["currency"] == "EUR"


def test_an_order_is_not_changed_into_another_currency():
    """Its totals would be told in one currency and stored in another."""
    stored = Answer(Verdict.OK, {"order": {"order_id": "7", "currency_code": "EUR"}})

    answer, asks = play(change({**PAYLOAD, "order_id": 7, "currency": "USD"}, Catalog(OLD)), shop(order_info=stored))

    assert "it is in EUR, and this generation keeps the currency of an order" in answer.reason
    assert [ask.entity for ask in asks] == ["order.info"]


@pytest.mark.parametrize(("text", "verdict"), [("$202.00", Verdict.OK), ("158.49€", Verdict.REJECTED)])
def test_4_0_tells_another_currency_by_totals_that_change(text: str, verdict: Verdict):
    """No call says which currency a loaded order has."""
    line = {"cart_id": "9", "product_id": "40", "quantity": "2", "option": []}
    texts = iter(["$202.00"])

    def cart(_ask: Ask) -> Answer:
        totals = [{"title": "Total", "text": next(texts, text)}]
        return Answer(Verdict.OK, {"products": [line], "totals": totals})

    payload = {**PAYLOAD, "order_id": 7, "currency": "EUR"}
    answer, asks = play(change(payload, Catalog(LOADS, "4.0")), shop(cart_products=cart))

    assert answer.verdict is verdict
    assert ("order.add" in [ask.entity for ask in asks]) is verdict.is_success


def test_what_cannot_be_proven_of_a_changed_order_is_said():
    """4.1 answers success for an order that it does not have."""
    offer = Catalog({**NEW, "order.edit": {"order_id", "order_status_id"}}, "4.1")

    answer, _asks = play(change({**PAYLOAD, "order_id": 7}, offer), shop())

    assert answer.value["messages"] == [
        "changed",
        "an order that is not there is answered with the same words, and nothing is stored",
    ]


@pytest.mark.parametrize(("dialect", "group"), [("3.0", None), ("4.1", 1)])
def test_an_order_has_a_customer_group(dialect: str, group: int | None):
    """4.1 stores group 0 where none is sent; older ones look the group up themselves."""
    _answer, asks = play(place(PAYLOAD, Catalog(NEW, dialect)), shop())

    assert asks[0].payload.get("customer_group_id") == group


def test_4_0_does_not_change_orders_whose_price_it_would_inflate():
    """Lines with options are refused before any call."""
    lines = [{"product_id": 30, "option": {"226": 15}}]

    answer, asks = play(change({**PAYLOAD, "order_id": 7, "lines": lines}, Catalog(LOADS, "4.0")), shop())

    assert "add their surcharges" in answer.reason
    assert asks == []


def test_an_order_that_is_not_there_is_not_changed():
    """4.1 would answer success for it, and store nothing."""
    missing = Answer(Verdict.REJECTED, {"error": "Order could not be found"})

    answer, asks = play(change({**PAYLOAD, "order_id": 7}, Catalog(OLD)), shop(order_info=missing))

    assert answer.reason == "the order cannot be changed: the shop has no order 7"
    assert [ask.entity for ask in asks] == ["order.info"]


def orders(comments: dict[int, str], status: str = "1") -> Callable[[Ask], Answer]:
    """A shop with these orders, by id."""

    def show(ask: Ask) -> Answer:
        order_id = ask.payload["order_id"]
        if order_id not in comments:
            return Answer(Verdict.REJECTED, {"error": "Order could not be found"})
        order = {"order_id": str(order_id), "comment": comments[order_id], "order_status_id": status}
        order |= {"total": "254.4000", "currency_code": "EUR", "currency_value": "0.50000000"}
        order |= {"payment_code": "cod", "payment_method": "Cash", "shipping_code": "", "shipping_method": ""}
        return Answer(Verdict.OK, {"order": order})

    return show


def probe(comments: dict[int, str], *, known_id: int | None, status: str = "1") -> tuple[Answer, int]:
    """Look for MP-1; return the answer and the number of calls."""
    flow = find_placed(PAYLOAD, Catalog(OLD), known_id=known_id)
    assert flow is not None
    answer, asks = play(flow, shop(order_info=orders(comments, status)))
    return answer, len(asks)


MANY = {order_id: f"Reference: X-{order_id}" for order_id in range(1, 1001)}


@pytest.mark.parametrize("known_id", [None, 990])
def test_an_order_with_our_reference_was_placed(known_id: int | None):
    """It is found among the newest, whether or not an id was known before."""
    answer, _calls = probe({**MANY, 998: "Hello\r\nReference: MP-1"}, known_id=known_id)

    assert answer.verdict is Verdict.OK
    assert answer.value["order_id"] == 998


def test_an_order_that_was_found_is_told_under_the_keys_of_a_placed_one():
    """The total is in the order's currency, as stored with its rate; what the shop does not show is empty."""
    found, _calls = probe({6: "Reference: MP-1"}, known_id=5)

    placed, _asks = play(place(PAYLOAD, Catalog(OLD)), shop())

    assert found.value.keys() == placed.value.keys()
    assert (found.value["total"], found.value["currency"]) == (Decimal("127.2000"), "EUR")
    assert (found.value["payment_method"], found.value["shipping_method"]) == ({"code": "cod", "title": "Cash"}, None)
    assert (found.value["lines"], found.value["totals"]) == ([], [])


def test_without_our_reference_it_was_not_placed_if_an_id_was_known():
    """Ids grow: after a known one, ours would have come."""
    answer, calls = probe(MANY, known_id=998)

    assert answer.verdict is Verdict.REJECTED
    assert calls == 2 + PROOF


@pytest.mark.parametrize("comments", [{}, MANY, dict.fromkeys(range(5000, 5100), "x")])
def test_without_a_known_id_absence_proves_nothing(comments: dict[int, str]):
    """Deleted orders can hide the newest ones from a search; the outcome stays unknown."""
    answer, calls = probe(comments, known_id=None)

    assert answer.verdict is Verdict.UNKNOWN
    assert calls < 300


def test_gaps_of_deleted_orders_are_stepped_over():
    """An order after a gap is found."""
    answer, _calls = probe({5: "x", 5 + PROOF: "Reference: MP-1"}, known_id=5)

    assert answer.value["order_id"] == 5 + PROOF


@pytest.mark.parametrize("comment", ["Reference: MP-12", "Reference: MP-1 and more", "MP-1", "Reference: MP-1\nHi"])
def test_a_reference_counts_only_whole(comment: str):
    """`MP-1` is not `MP-12`, and only the last line is ours."""
    answer, _calls = probe({6: comment}, known_id=5)

    assert answer.verdict is Verdict.REJECTED


def test_a_hidden_order_is_told():
    """Broken mail leaves an order at status 0, where nobody sees it."""
    answer, _calls = probe({6: "Reference: MP-1"}, known_id=5, status="0")

    assert "stands at status 0" in answer.value["messages"][1]


@pytest.mark.parametrize(
    ("payload", "catalog"),
    [({**PAYLOAD, "reference": None}, OLD), (PAYLOAD, NEW)],
    ids=["no reference", "cannot be asked"],
)
def test_what_cannot_be_looked_for_is_not_looked_for(payload: dict[str, Any], catalog: dict[str, set[str]]):
    """Without a reference, or where orders cannot be shown, there is no probe."""
    assert find_placed(payload, Catalog(catalog), known_id=5) is None
