"""`connector catalog`. It needs no configuration."""

from __future__ import annotations

import pytest


def test_list(command):
    """Every entity is one line: id, effect, repeat rule, title."""
    ran = command("catalog")

    assert ran.code == 0
    head, *rows = ran.stdout.splitlines()
    assert head.split() == ["entity", "effect", "repeat", "title"]
    assert len(rows) >= 26
    assert any(row.split()[:3] == ["order.add", "commit+notify", "duplicates"] for row in rows)


@pytest.mark.parametrize("name", ["coupon.apply", "Coupon - Apply existing coupon", "coupon - apply  EXISTING coupon"])
def test_detail_by_id_and_by_title(command, name):
    """An entity is shown with fields, effect, repeat rule and an example in YAML."""
    ran = command("catalog", name)

    assert ran.code == 0
    assert ran.stdout.startswith("coupon.apply: Coupon - Apply existing coupon\n")
    for part in ("api/coupon (dialect 3.0)", "session: a call", "coupon*: ", "In YAML:", "entity: coupon.apply"):
        assert part in ran.stdout


def test_detail_as_json(command):
    """The same as JSON."""
    ran = command("catalog", "cart.add", "--output", "json")

    assert ran.json["route"] == "api/cart/add"
    assert ran.json["fields"][0]["name"] == "product_id"
    assert "the list of shipping methods" in ran.json["clears_on_success"]


def test_search(command):
    """`--search` leaves out what has not the text."""
    ran = command("catalog", "--search", "voucher", "--output", "json")

    ids = [row["id"] for row in ran.json]
    assert "voucher.apply" in ids
    assert "order.info" not in ids


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["coupon.aply"], 'no entity "coupon.aply" in the catalog of opencart'),
        (["--connector", "magento"], 'no connector is called "magento", there are: opencart, http'),
        (["--connector", "http"], "http has no catalog"),
        (["--dialect", "9"], 'OpenCart has no dialect "9", there are: '),
    ],
)
def test_unknown_names_are_usage(command, assert_clear, arguments, told):
    """What is not there is exit code 2, with what there is."""
    ran = command("catalog", *arguments)

    assert ran.code == 2
    assert told in ran.stderr
    assert_clear(ran)
