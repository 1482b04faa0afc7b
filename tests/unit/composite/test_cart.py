"""The cart read back against what was asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.composite.cart import Total, compare, read_cart
from connector.composite.draft import Line


def product(product_id: str, quantity: str, *options: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    """A line as a shop shows it; options as (id, value id, value, type)."""
    shown = [
        {"product_option_id": option, "product_option_value_id": value_id, "value": value, "type": kind, "name": kind}
        for option, value_id, value, kind in options
    ]
    return {"product_id": product_id, "quantity": quantity, "option": shown, "name": f"P{product_id}", **more}


def cart(*products: dict[str, Any]):
    """A cart with these lines."""
    return read_cart({"products": list(products), "vouchers": [], "totals": []})


RED = ("226", "15", "Red", "select")
BLUE = ("226", "16", "Blue", "select")


@pytest.mark.parametrize(
    ("lines", "products"),
    [
        ([Line(40, 2)], [product("40", "2")]),
        ([Line(40, 1), Line(40, 1)], [product("40", "2")]),
        ([Line(30, 1, {"226": 15}), Line(30, 1, {"226": "16"})], [product("30", "1", BLUE), product("30", "1", RED)]),
        (
            [Line(42, 2, {"223": [8, 9]})],
            [product("42", "2", ("223", "8", "A", "checkbox"), ("223", "9", "B", "checkbox"))],
        ),
        ([Line(42, 2, {"208": " engraving "})], [product("42", "2", ("208", "", "engraving", "text"))]),
        ([Line(42, 2, {"209": "a\nb"})], [product("42", "2", ("209", "0", "a\r\nb", "textarea"))]),
        ([Line(42, 2, {"221": "10:30"})], [product("42", "2", ("221", "0", "10:30:00", "time"))]),
        (
            [Line(42, 2, {"220": "2026-12-24 10:30"})],
            [product("42", "2", ("220", "0", "2026-12-24 10:30:00", "datetime"))],
        ),
        ([Line(42, 2, {"222": "upload-code"})], [product("42", "2", ("222", "", "", "file"))]),
    ],
    ids=["plain", "merged", "options", "checkbox", "blanks", "line ends", "time", "datetime", "file not shown"],
)
def test_equal_carts_agree(lines: list[Line], products: list[dict[str, Any]]):
    """What the shop words differently is the same line."""
    assert compare(lines, cart(*products)) == []


@pytest.mark.parametrize(
    ("lines", "products", "problem"),
    [
        ([Line(40, 2)], [], "product 40: 2 asked for, none in the cart"),
        ([Line(40, 2)], [product("40", "1")], "product 40: 2 asked for, 1 in the cart"),
        ([], [product("40", "1")], "product 40: 1 in the cart, none asked for"),
        (
            [Line(30, 1, {"226": 15})],
            [product("30", "1")],
            "product 30 with options 226=15: 1 asked for, none in the cart",
        ),
        ([Line(49, 1)], [product("49", "1", stock=False)], "P49: not enough in stock"),
        ([Line(49, 1)], [product("49", "1", stock="0", stock_status=False)], "P49: not enough in stock"),
        ([Line(42, 1)], [product("42", "1", minimum=False)], "P42: fewer than the shop sells at once"),
    ],
    ids=["gone", "fewer", "left over", "lost its option", "no stock", "no stock in 4.1", "minimum"],
)
def test_differences_are_told(lines: list[Line], products: list[dict[str, Any]], problem: str):
    """A line that the shop dropped, changed or added, and one it cannot deliver."""
    assert problem in compare(lines, cart(*products))


def test_a_line_out_of_stock_may_be_ordered_on_request():
    """With `allow_backorder` it is the shop that decides."""
    there = cart(product("49", "1", stock=False))

    assert compare([Line(49, 1)], there, allows_backorder=True) == []


@pytest.mark.parametrize(
    ("answer", "ships"),
    [
        ({"products": [product("43", "1", shipping="0")]}, False),
        ({"products": [product("43", "1", shipping="0"), product("40", "1", shipping="1")]}, True),
        ({"products": [product("43", "1")], "shipping_required": False}, False),
        ({"products": [product("40", "1")], "shipping_required": True}, True),
    ],
)
def test_whether_anything_ships(answer: dict[str, Any], ships: bool):
    """From 4.0 the shop says so; before, each line does."""
    assert read_cart(answer).ships is ships


def test_totals_of_both_kinds_are_read():
    """Formatted text alone, or a number beside it."""
    answer = {
        "totals": [
            {"title": "Total", "text": "$581.60"},
            {"title": "Total", "text": "$228.16", "value": 228.16000000000003},
        ]
    }

    assert read_cart(answer).totals == (
        Total("Total", "$581.60", Decimal("581.60")),
        Total("Total", "$228.16", Decimal("228.16")),
    )
