"""Orders as 4.0 stores them, loads them back, and tells of them by mail."""

from decimal import Decimal
from typing import Any

from connector.sandbox.generation_4_0.affiliate import find_commission
from connector.sandbox.generation_4_0.arguments import column_at
from connector.sandbox.generation_4_0.payment_method import asks_address
from connector.sandbox.generation_4_0.texts import VOUCHER_TITLE
from connector.sandbox.php.form import next_key
from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.php.value import PhpArray, to_bool, to_int
from connector.sandbox.shop import column
from connector.sandbox.shop.argument import refuse, to_text
from connector.sandbox.shop.order import (
    add_order,
    build_address,
    build_call,
    build_head,
    change_status,
    fill_order,
    list_vouchers_to_mail,
    read_code,
)
from connector.sandbox.shop.tables import OrderLineRow, OrderRow
from connector.sandbox.shop.totals import Totals, sum_up
from connector.sandbox.shop.visit import Visit

_BUYER = ("firstname", "lastname", "email", "telephone")
_ADDRESS = (
    "firstname",
    "lastname",
    "company",
    "address_1",
    "address_2",
    "postcode",
    "city",
    "zone_id",
    "zone",
    "country_id",
    "country",
    "address_format",
)
_NO_TEXT = frozenset({"custom_field", "address_id"})
_LOST_OF_PLANS = ("trial_price", "trial_tax", "price", "tax")
_FREE = frozenset({"text", "textarea", "file", "date", "datetime", "time"})


def insert_order(visit: Visit) -> OrderRow:
    """Store the session as an order without a status and return it.

    Where the shop asks for a payment address, its first name is forgotten on the way, which PHP complains of.

    Raises:
        PhpFatalError: An option's text is an array. The order is there by then, but for what comes after the option.
    """
    totals = sum_up(visit)
    if asks_address(visit):
        visit.warn("model.order.add", 'Undefined array key "payment_firstname"')
    columns = _build_columns(visit, totals, "model.order.add") | build_call(visit)
    order = add_order(visit.shop, columns)
    _fill(visit, order, totals, "model.order.added")
    return order


def update_order(visit: Visit, order: OrderRow) -> None:
    """Void an order and store the session in its place; the first name of its payment address stays.

    Raises:
        PhpFatalError: An option's text is an array. The order is void by then.
    """
    totals = sum_up(visit)
    change_status(visit, order, 0, "", notify=False)
    kept = order.columns["payment_firstname"]
    order.columns |= (
        _build_columns(visit, totals, "model.order.edit")
        | build_call(visit)
        | {"date_added": order.columns["date_added"]}
    )
    if asks_address(visit):
        order.columns["payment_firstname"] = kept
    order.lines.clear()
    _forget_vouchers(visit, order)
    _fill(visit, order, totals, "model.order.edited")


def delete_order(visit: Visit, order: OrderRow) -> None:
    """Void an order and delete it, and the gift vouchers it sold; its id is not used again."""
    change_status(visit, order, 0, "", notify=False)
    del visit.shop.orders[order.order_id]
    _forget_vouchers(visit, order)


def add_history(visit: Visit, order: OrderRow, status: int, comment: str = "", *, notify: bool = False) -> None:
    """Give an order a status and note it.

    Mail goes out before, and gift vouchers after. The mail of a first status asks for the shipping method, also where
    there is none, which PHP complains of.

    Args:
        visit: The request.
        order: The order.
        status: The status.
        comment: Text for the history.
        notify: Whether to tell the buyer; the first status is told anyway.

    Raises:
        PhpFatalError: Mail fails. The status has not changed, unless it is gift vouchers that cannot be mailed.
    """
    if status and not order.order_status_id:
        _send_mail(visit)
        if not order.columns["shipping_method"]:
            visit.warn("mail.shipping", "Trying to access array offset on value of type null")
    elif status and notify:
        _send_mail(visit)
    change_status(visit, order, status, comment, notify)
    if list_vouchers_to_mail(visit.shop, order):
        _send_mail(visit)


def load_order(visit: Visit, order: OrderRow) -> None:
    """Put an order into the session: all but the lines in the place of what was there, the lines on top of it.

    A line comes back at the price it was sold for, which holds what its options added; that is added once more.
    """
    session, columns = visit.session, order.columns
    session["order_id"] = order.order_id
    session["customer"] = {
        "customer_id": columns["customer_id"],
        "customer_group_id": columns["customer_group_id"],
        **{name: columns[name] for name in _BUYER},
        "custom_field": column.read_json(columns["custom_field"]),
    }
    if asks_address(visit):
        session["payment_address"] = _load_address(visit, columns, "payment")
    else:
        visit.forget("payment_address")
    session["payment_method"] = column.read_json(columns["payment_method"])
    if columns["shipping_method"]:
        session["shipping_address"] = _load_address(visit, columns, "shipping")
        session["shipping_method"] = column.read_json(columns["shipping_method"])
    if to_bool(columns["comment"]):
        session["comment"] = columns["comment"]
    session["currency"] = columns["currency_code"]
    for line in order.lines:
        visit.cart.add(line.product_id, line.quantity, _load_options(line), line.subscription_plan_id, line.price)
    _load_vouchers(visit, order)
    if to_int(columns["affiliate_id"]):
        session["affiliate_id"] = columns["affiliate_id"]
    for row in order.totals:
        if code := read_code(row.title):
            session[row.code] = code


def compute_commission(visit: Visit) -> float:
    """Return what the session's affiliate gets of the cart, 0 when there is none."""
    affiliate_id = visit.session.get("affiliate_id")
    percent = None if affiliate_id is None else find_commission(visit, to_int(affiliate_id))
    return 0.0 if percent is None else visit.cart.sub_total() / 100 * float(percent)


def _build_columns(visit: Visit, totals: Totals, fault: str) -> dict[str, str]:
    session = visit.session
    has_shipping = visit.cart.has_shipping()
    addresses = {
        "payment": session["payment_address"] if asks_address(visit) else {},
        "shipping": session["shipping_address"] if has_shipping else {},
    }
    shipping = session["shipping_method"] if has_shipping else {}
    columns = {
        **build_head(visit),
        "payment_method": column.json_text(session["payment_method"]),
        "payment_code": visit.charset.text(session["payment_method"]["code"]),
        "shipping_method": column.json_text(shipping) if shipping else "",
        "shipping_code": visit.charset.text(shipping.get("code", "")),
        "comment": visit.charset.text(to_text(visit, session.get("comment"), fault)),
        "total": str(column.decimal(totals.total)),
        "affiliate_id": "0",
        "commission": "0.0000",
    }
    for kind, address in addresses.items():
        columns |= build_address(visit, kind, _cast(visit, address, fault))
        columns[f"{kind}_address_id"] = str(column.integer(address.get("address_id")))
    if asks_address(visit):
        columns["payment_firstname"] = ""
    if commission := compute_commission(visit):
        columns["affiliate_id"] = str(to_int(session["affiliate_id"]))
        columns["commission"] = str(column.decimal(commission))
    return columns


def _cast(visit: Visit, address: PhpArray, fault: str) -> PhpArray:
    """Return an address with text in the place of lists, where text is asked for."""
    return {name: value if name in _NO_TEXT else to_text(visit, value, fault) for name, value in address.items()}


def _fill(visit: Visit, order: OrderRow, totals: Totals, fault: str) -> None:
    for line in visit.cart.lines():
        # What a plan costs is left behind on the way from the cart to the order.
        for name in _LOST_OF_PLANS if line.plan else ():
            visit.warn(f"{fault}.plan", f'Undefined array key "{name}"')
    try:
        fill_order(visit, order, totals)
    except PhpFatalError as error:
        raise refuse(visit, {}, column_at(f"{fault}.option"), "string") from error


def _forget_vouchers(visit: Visit, order: OrderRow) -> None:
    for voucher_id in order.voucher_ids:
        visit.shop.vouchers.pop(voucher_id, None)
    order.voucher_ids.clear()


def _load_address(visit: Visit, columns: dict[str, str], kind: str) -> PhpArray:
    country = visit.shop.seed.countries.get(int(columns[f"{kind}_country_id"]))
    zone = visit.shop.seed.zones.get(int(columns[f"{kind}_zone_id"]))
    return {
        "address_id": columns[f"{kind}_address_id"],
        **{name: columns[f"{kind}_{name}"] for name in _ADDRESS},
        "zone_code": zone.code if zone else "",
        "iso_code_2": country.iso_code_2 if country else "",
        "iso_code_3": country.iso_code_3 if country else "",
        "custom_field": column.read_json(columns[f"{kind}_custom_field"]),
    }


def _load_options(line: OrderLineRow) -> PhpArray:
    options: PhpArray = {}
    for option in line.options:
        key, value_id = option.product_option_id, str(option.product_option_value_id)
        if option.kind in _FREE:
            options[key] = option.value
        elif option.kind == "checkbox":
            chosen = options.setdefault(key, {})
            chosen[next_key(chosen)] = value_id
        else:
            options[key] = value_id
    return options


def _load_vouchers(visit: Visit, order: OrderRow) -> None:
    vouchers: dict[int | str, Any] = {}
    base = visit.setting("config_currency")
    for place, voucher_id in enumerate(order.voucher_ids):
        row = visit.shop.vouchers[voucher_id]
        amount = Decimal(row.amount)
        vouchers[place] = {
            "code": row.code,
            "description": VOUCHER_TITLE.format(visit.currencies.format(amount), row.details["to_name"]),
            **{name: row.details[name] for name in ("to_name", "to_email", "from_name", "from_email")},
            "voucher_theme_id": str(row.voucher_theme_id),
            "message": row.details["message"],
            "amount": visit.currencies.convert(str(amount), visit.currency, base),
        }
    visit.session["vouchers"] = vouchers


def _send_mail(visit: Visit) -> None:
    if visit.shop.is_mail_broken:
        visit.warn("mail.connect", "fsockopen(): Unable to connect to 127.0.0.1:1 (Connection refused)")
        raise visit.fail("mail.refused", "Error: Connection refused (111)", kind="Exception")
