"""Registered customers: whose session it is, and the points they own."""

from typing import Any

from connector.sandbox.php.value import to_int
from connector.sandbox.shop.tables import CustomerRow, Shop
from connector.sandbox.shop.visit import Visit


def find_customer(shop: Shop, customer_id: Any) -> CustomerRow | None:
    """Return a customer, enabled or not."""
    return shop.customers.get(to_int(customer_id))


def restore_customer(visit: Visit) -> None:
    """Log in the customer the session remembers, or forget them when they are disabled or gone."""
    remembered = visit.session.get("customer_id")
    if remembered is None:
        return
    customer = find_customer(visit.shop, remembered)
    if customer and customer.is_enabled:
        visit.customer_id = customer.seed.customer_id
    else:
        visit.forget("customer_id")


def log_in(visit: Visit, customer: CustomerRow) -> bool:
    """Make the session a customer's, for this request and all that follow; say whether they are enabled."""
    if not customer.is_enabled:
        return False
    visit.customer_id = customer.seed.customer_id
    visit.session["customer_id"] = str(customer.seed.customer_id)
    visit.cart.forget_lines()
    return True


def count_points(shop: Shop, customer_id: int) -> str | None:
    """Return a customer's reward points as decimal text, None when nothing was ever booked for them."""
    booked = [row.amount for row in shop.rewards if row.customer_id == customer_id]
    return str(int(sum(booked))) if booked else None
