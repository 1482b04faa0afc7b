"""`connector catalog`. It needs no configuration."""

from __future__ import annotations

import pytest


def test_list(command):
    """Every entity is one line: id, effect, repeat rule, whether each generation has it, title."""
    ran = command("catalog")

    assert ran.code == 0
    head, *rows = ran.stdout.splitlines()
    assert head.split() == ["entity", "effect", "repeat", "2.3", "3.0", "4.0", "4.1", "title"]
    assert len(rows) >= 38
    assert any(row.split()[:3] == ["order.add", "commit+notify", "duplicates"] for row in rows)
    (load,) = (row.split() for row in rows if row.startswith("order.load "))
    assert load[3:7] == ["→", "→", "✓", "→"]
    (info,) = (row.split() for row in rows if row.startswith("order.info "))
    assert info[3:7] == ["✓", "✓", "→", "\N{EN DASH}"]


def test_list_of_one_generation(command):
    """With `--dialect`, only what that generation has is listed, as it has it."""
    ran = command("catalog", "--dialect", "4.1")

    head, *rows = ran.stdout.splitlines()
    assert head.split() == ["entity", "effect", "repeat", "title"]
    assert not any(row.startswith(("voucher.", "order.load ", "order.info ")) for row in rows)
    assert any(row.split()[:2] == ["cart.products", "read"] for row in rows)


@pytest.mark.parametrize("name", ["coupon.apply", "Coupon - Apply existing coupon", "coupon - apply  EXISTING coupon"])
def test_detail_by_id_and_by_title(command, name):
    """An entity is shown with fields, effect, repeat rule and an example in YAML."""
    ran = command("catalog", name)

    assert ran.code == 0
    assert ran.stdout.startswith("coupon.apply: Coupon - Apply existing coupon\n")
    for part in ("api/coupon (dialect 3.0)", "session: a call", "coupon*: ", "In YAML:", "entity: coupon.apply"):
        assert part in ran.stdout


def test_detail_tells_other_generations(command):
    """An entity is shown with what other generations do otherwise, and where it is missing."""
    ran = command("catalog", "order.edit")

    assert "In 4.1, other than in 3.0:\n  calls `api/order&call=confirm`\n" in ran.stdout
    assert "Not in 4.0: an order is changed by loading it" in ran.stdout
    assert "use `order.load`." in ran.stdout


def test_detail_of_one_generation(command):
    """With `--dialect`, an entity is shown as that generation has it, and nothing is said of others."""
    ran = command("catalog", "shipping.address", "--dialect", "4.1")

    assert "api/order&call=shipping_address (dialect 4.1)" in ran.stdout
    assert "sent as shipping_city" in ran.stdout
    assert "shipping_address_id=0" in ran.stdout
    assert "other than in" not in ran.stdout


def test_detail_where_it_is_missing(command, assert_clear):
    """An entity that a generation lacks is usage, with what does the same there."""
    ran = command("catalog", "cart.replace", "--dialect", "4.0")

    assert ran.code == 2
    assert "cart.replace does not exist in 4.0: no call takes a list of products" in ran.stderr
    assert "use cart.add" in ran.stderr
    assert_clear(ran)


def test_differences_as_json(command):
    """The same as JSON: by dialect, whether it is missing and what differs."""
    ran = command("catalog", "voucher.remove", "--output", "json")

    assert ran.json["dialect"] == "4.0"
    assert [(each["dialects"], each["is_absent"]) for each in ran.json["differences"]] == [
        (["2.3", "3.0"], True),
        (["4.1"], True),
    ]


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
