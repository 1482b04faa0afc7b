"""What other dialects do otherwise, in words."""

import pytest

from connector.catalog.catalog import load_catalog
from connector.catalog.difference import Difference, find_differences

CATALOG = load_catalog("opencart")


def find(entity_id, dialect):
    """Return the difference that holds for a dialect."""
    return next(each for each in find_differences(CATALOG, CATALOG.find(entity_id)) if dialect in each.dialects)


@pytest.mark.parametrize("entity", CATALOG.entities, ids=lambda entity: entity.id)
def test_every_other_dialect_is_told_once(entity):
    """Every dialect but the one in which the entity is told stands in exactly one difference."""
    told = [dialect for difference in find_differences(CATALOG, entity) for dialect in difference.dialects]

    assert len(told) == len(set(told)) == len(CATALOG.dialects) - 1


def test_no_difference():
    """A dialect that does the same has no lines."""
    assert find("cart.add", "2.3") == Difference(("2.3",), is_absent=False, lines=())


def test_absence_names_the_alternative():
    """A dialect that lacks the entity is told with the reason, and with what does the same."""
    assert find("cart.replace", "4.0") == Difference(
        ("4.0",), is_absent=True, lines=("no call takes a list of products; use `cart.add`",)
    )


def test_equal_absences_stand_together():
    """Dialects that differ alike are told together."""
    assert find("subscription.confirm", "4.0").dialects == ("2.3", "3.0", "4.0")


@pytest.mark.parametrize(
    ("entity_id", "dialect", "line"),
    [
        ("customer.set", "4.0", "calls `api/sale/customer`"),
        ("customer.set", "4.1", "calls `api/order&call=customer`"),
        ("customer.set", "2.3", "takes `fax` (text): Fax number"),
        (
            "customer.set",
            "4.1",
            "`customer_group_id` (a whole number of at least 1; left out: the shop's own): Customer group",
        ),
        ("customer.set", "4.0", "a refusal clears: nothing"),
        ("order.add", "4.0", "takes no `comment`: OpenCart 4.0 takes it with order.comment, ahead of order.add"),
        ("order.history", "4.1", "`order_id` travels in the form"),
        ("shipping.address", "4.0", "sends `address_id` as `shipping_address_id`"),
        ("shipping.address", "4.1", "sends every field under its name with `shipping_` in front"),
        ("payment.method", "4.1", "of `payment_method`, `cod` is sent as `cod.cod`"),
        ("cart.products", "4.1", "effect: read: a call changes nothing."),
        ("order.comment", "4.1", "Nothing is sent: the client keeps the fields, and sends them with later calls."),
        ("order.add", "4.1", "repeat: duplicates: A second order, always."),
        ("payment.methods", "4.0", "records: `$.payment_methods.*.option.*`"),
        ("session.login", "2.3", "a success has: `token`"),
        ("cart.remove", "4.0", "Removes one line from the cart."),
        ("voucher.add", "4.0", "mind also: Cash on delivery cannot pay for gift vouchers."),
        ("shipping.address", "4.0", "mind, in place of what stands above: A cart with nothing to ship is refused."),
        ("order.comment", "4.1", None),
    ],
)
def test_lines(entity_id, dialect, line):
    """What differs has a line, and what does not differ has none."""
    lines = find(entity_id, dialect).lines

    if line is None:
        assert not any(each.startswith(("effect:", "repeat:", "records:", "mind")) for each in lines)
    else:
        assert line in lines
