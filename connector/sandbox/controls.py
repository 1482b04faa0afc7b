"""The door behind the counter: what a person or a test can change of the shop without the API.

Each control takes a JSON object and returns one; a field it does not know is a fault of the caller, not ignored. The
real shop has no such door: what a control does here, somebody does there in the admin panel, in the database or to the
machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from connector.sandbox.faults import Fault, FaultPlan
from connector.sandbox.shop.seed import SETTINGS, CustomField
from connector.sandbox.shop.tables import AgingTable, ApiUserRow, HistoryRow, Shop
from connector.sandbox.views import list_orders

_MISSING: Final = object()


class ControlError(Exception):
    """A control was asked for something it does not do; the text says what it takes."""


class Payload:
    """The fields of a control call, read one by one; :meth:`finish` refuses what nobody read.

    Args:
        fields: What was sent.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._left = dict(fields)
        self._sent = frozenset(fields)
        self._known: list[str] = []

    def take(self, name: str, kind: type | tuple[type, ...], default: Any = _MISSING) -> Any:
        """Return a field of a type, or the default when it was not sent.

        Raises:
            ControlError: It was not sent and has no default, or is of another type.
        """
        self._known.append(name)
        value = self._left.pop(name, default)
        if value is _MISSING:
            raise ControlError(f"{name} is missing")
        is_flag = isinstance(value, bool) and kind is not bool and not (isinstance(kind, tuple) and bool in kind)
        if value is not default and (is_flag or not isinstance(value, kind)):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            raise ControlError(f"{name} is {value!r}, expected {' or '.join(one.__name__ for one in kinds)}")
        return value

    def was_sent(self, name: str) -> bool:
        """Say whether a field was sent, also as null."""
        return name in self._sent

    def finish(self) -> None:
        """Refuse fields nobody asked for.

        Raises:
            ControlError: There are some.
        """
        if self._left:
            known = ", ".join(self._known) or "none"
            raise ControlError(f"unknown field {', '.join(sorted(self._left))}; known: {known}")


Control = Callable[[Shop, FaultPlan, Payload], "dict[str, Any]"]


def _reset(shop: Shop, faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    payload.finish()
    shop.reset()
    faults.clear()
    return {}


def _restore(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    payload.finish()
    shop.restore()
    return {}


def _change_settings(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    changes = {key: payload.take(key, (str, int, bool, list, type(None)), None) for key in shop.settings}
    sent = {key: value for key, value in changes.items() if payload.was_sent(key)}
    payload.finish()
    for key, value in sent.items():
        shop.settings[key] = _to_setting(value)
    return {key: shop.settings[key] for key in sent}


def _to_setting(value: Any) -> Any:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    return [str(one) for one in value] if isinstance(value, list) else value


def _change_php(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    shop.php.display_errors = payload.take("display_errors", bool, shop.php.display_errors)
    shop.php.output_buffering = payload.take("output_buffering", int, shop.php.output_buffering)
    payload.finish()
    return asdict(shop.php)


def _find_user(shop: Shop, username: str) -> ApiUserRow:
    for user in shop.users:
        if user.username == username:
            return user
    raise ControlError(f"no API user {username!r}; there are {', '.join(user.username for user in shop.users)}")


def _change_api_user(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    user = _find_user(shop, payload.take("username", str, shop.users[0].username))
    is_enabled = payload.take("enabled", bool, user.is_enabled)
    ips = payload.take("ips", list, user.ips)
    payload.finish()
    user.is_enabled, user.ips = is_enabled, [str(ip) for ip in ips]
    return {"username": user.username, "enabled": user.is_enabled, "ips": user.ips}


def _expire(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    tables: dict[str, AgingTable] = {"token": shop.tokens, "session": shop.sessions, "cart": shop.cart}
    what = payload.take("what", str)
    minutes = payload.take("minutes", (int, float), 61)
    token = payload.take("token", (str, type(None)), None)
    payload.finish()
    if what not in tables:
        raise ControlError(f"what is {what!r}, expected {' or '.join(tables)}")
    row = None if token is None else shop.tokens.find(token)
    if token is not None and row is None:
        raise ControlError("token: no such token")
    tables[what].age(minutes * 60, row)
    return {"what": what, "minutes": minutes}


def _revoke(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    token = payload.take("token", (str, type(None)), None)
    payload.finish()
    shop.tokens.remove(token)
    return {}


def _advance_clock(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    seconds = payload.take("advance_s", (int, float))
    payload.finish()
    shop.clock.shift_s += seconds
    return {"now": shop.clock.stamp()}


def _change_mail(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    is_broken = payload.take("broken", bool)
    payload.finish()
    shop.is_mail_broken = is_broken
    return {"broken": is_broken}


def _change_database(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    is_up = payload.take("up", bool)
    payload.finish()
    shop.is_database_up = is_up
    return {"up": is_up}


def _build_method_switch(group: str) -> Control:
    codes = [
        key.removeprefix(f"{group}_").removesuffix("_status")
        for key in SETTINGS
        if key.startswith(f"{group}_") and key.endswith("_status")
    ]

    def switch(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
        wanted = {code: payload.take(code, (bool, type(None)), None) for code in codes}
        payload.finish()
        for code, is_on in wanted.items():
            if is_on is not None:
                shop.settings[f"{group}_{code}_status"] = str(int(is_on))
        return {code: shop.settings[f"{group}_{code}_status"] == "1" for code in codes}

    return switch


def _change_custom_fields(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    rows = payload.take("fields", (list, type(None)), None)
    payload.finish()
    shop.custom_fields = list(shop.seed.custom_fields) if rows is None else [_build_custom_field(row) for row in rows]
    return {"fields": [asdict(custom) for custom in shop.custom_fields]}


def _build_custom_field(row: Any) -> CustomField:
    payload = Payload(row if isinstance(row, dict) else {})
    custom = CustomField(
        payload.take("custom_field_id", int),
        payload.take("location", str),
        payload.take("name", str),
        payload.take("kind", str, "text"),
        payload.take("validation", str, ""),
        payload.take("is_required", bool, True),
    )
    payload.finish()
    return custom


def _change_product(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    product = shop.products.get(payload.take("product_id", int))
    if product is None:
        raise ControlError(f"no such product; there are {', '.join(map(str, shop.products))}")
    product.quantity = payload.take("quantity", int, product.quantity)
    product.is_enabled = payload.take("enabled", bool, product.is_enabled)
    product.minimum = payload.take("minimum", int, product.minimum)
    product.price = _to_amount("price", payload.take("price", (str, int), product.price))
    payload.finish()
    return {
        "product_id": product.seed.product_id,
        "quantity": product.quantity,
        "enabled": product.is_enabled,
        "minimum": product.minimum,
        "price": product.price,
    }


def _to_amount(name: str, value: Any) -> str:
    try:
        return f"{Decimal(str(value)):.4f}"
    except InvalidOperation as error:
        raise ControlError(f"{name} is {value!r}, expected a decimal number") from error


def _change_option_value(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    value = shop.option_values.get(payload.take("product_option_value_id", int))
    if value is None:
        raise ControlError(f"no such option value; there are {', '.join(map(str, shop.option_values))}")
    value.quantity = payload.take("quantity", int)
    payload.finish()
    return {"product_option_value_id": value.seed.product_option_value_id, "quantity": value.quantity}


def _change_coupon(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    code = payload.take("code", str)
    coupon = next((row for row in shop.coupons if row.seed.code == code), None)
    if coupon is None:
        raise ControlError(f"no coupon {code!r}; there are {', '.join(row.seed.code for row in shop.coupons)}")
    coupon.is_enabled = payload.take("enabled", bool)
    payload.finish()
    return {"code": code, "enabled": coupon.is_enabled}


def _change_voucher(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    code = payload.take("code", str)
    voucher = next((row for row in shop.vouchers.values() if row.code == code), None)
    if voucher is None:
        raise ControlError(f"no gift voucher {code!r}")
    voucher.amount = Decimal(_to_amount("amount", payload.take("amount", (str, int), str(voucher.amount))))
    voucher.is_enabled = payload.take("enabled", bool, voucher.is_enabled)
    payload.finish()
    return {"code": code, "amount": str(voucher.amount), "enabled": voucher.is_enabled}


def _change_customer(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    customer_id = payload.take("customer_id", int)
    customer = shop.customers.get(customer_id)
    if customer is None:
        raise ControlError(f"no such customer; there are {', '.join(map(str, shop.customers))}")
    customer.is_enabled = payload.take("enabled", bool, customer.is_enabled)
    points = payload.take("add_points", int, 0)
    payload.finish()
    if points:
        shop.rewards.append(HistoryRow(customer_id, 0, customer_id, Decimal(points)))
    return {"customer_id": customer_id, "enabled": customer.is_enabled}


_FAULT_KINDS: Final[dict[type, tuple[type, ...]]] = {float: (int, float), type(None): (str, int)}


def _plan_fault(_shop: Shop, faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    if payload.take("clear", bool, False):
        payload.finish()
        faults.clear()
        return {"planned": 0}
    standard = Fault()
    values: dict[str, Any] = {}
    for one in fields(Fault):
        default = getattr(standard, one.name)
        values[one.name] = payload.take(one.name, _FAULT_KINDS.get(type(default), type(default)), default)
    payload.finish()
    if values["route"] is not None:
        values["route"] = str(values["route"])
    values["headers"] = {str(name): str(value) for name, value in values["headers"].items()}
    faults.add(Fault(**values))
    return {"planned": len(faults)}


def _list_orders(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    payload.finish()
    return {"orders": [asdict(order) for order in list_orders(shop)]}


def _list_calls(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    payload.finish()
    return {"calls": [asdict(call) for call in shop.calls]}


def _list_users(shop: Shop, _faults: FaultPlan, payload: Payload) -> dict[str, Any]:
    payload.finish()
    users = [
        {"username": user.username, "key": user.key, "enabled": user.is_enabled, "ips": user.ips} for user in shop.users
    ]
    return {"base_url": shop.base_url, "users": users}


CONTROLS: Final[MappingProxyType[str, Control]] = MappingProxyType(
    {
        "reset": _reset,
        "restore": _restore,
        "settings": _change_settings,
        "php": _change_php,
        "api-user": _change_api_user,
        "expire": _expire,
        "revoke": _revoke,
        "clock": _advance_clock,
        "mail": _change_mail,
        "database": _change_database,
        "payment": _build_method_switch("payment"),
        "shipping": _build_method_switch("shipping"),
        "custom-fields": _change_custom_fields,
        "product": _change_product,
        "option-value": _change_option_value,
        "coupon": _change_coupon,
        "voucher": _change_voucher,
        "customer": _change_customer,
        "faults": _plan_fault,
        "orders": _list_orders,
        "calls": _list_calls,
        "users": _list_users,
    }
)
"""Every control by the last part of its path."""


def run_control(shop: Shop, faults: FaultPlan, name: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Run a control and return what it has to say.

    Args:
        shop: The tables.
        faults: What is still to go wrong.
        name: Which control.
        sent: Its fields.

    Raises:
        ControlError: There is no such control, or its fields are wrong; nothing was changed, but for the fields of a
            row read before the wrong one.
    """
    control = CONTROLS.get(name)
    if control is None:
        raise ControlError(f"no control {name!r}; there are {', '.join(CONTROLS)}")
    return control(shop, faults, Payload(sent))
