"""Where 3.0.5.1 says what it says: file and line of every notice and error a caller can bring about."""

from types import MappingProxyType
from typing import Final

from connector.sandbox.php.notice import Spot

_API = "catalog/controller/api"
_TOTAL = "catalog/model/extension/total"
_CART = "system/library/cart"

SPOTS: Final = MappingProxyType(
    {
        "database.link": Spot("system/library/db/mysqli.php", 10),
        "database.query": Spot("system/library/db/mysqli.php", 25),
        "database.failed": Spot("system/library/db/mysqli.php", 49),
        "database.escape": Spot("system/library/db/mysqli.php", 54),
        "mail.connect": Spot("system/library/mail/smtp.php", 89),
        "mail.refused": Spot("system/library/mail/smtp.php", 92),
        "text.length": Spot("system/helper/utf8.php", 6),
        "route.session": Spot("catalog/controller/startup/session.php", 4),
        "route.maintenance": Spot("catalog/controller/startup/maintenance.php", 20),
        "cart.options": Spot(f"{_CART}/cart.php", 56),
        "cart.choice": Spot(f"{_CART}/cart.php", 61),
        "cart.checkbox": Spot(f"{_CART}/cart.php", 106),
        "currency.convert": Spot(f"{_CART}/currency.php", 81),
        "coupon.tax": Spot(f"{_TOTAL}/coupon.php", 144),
        "coupon.shipping_tax": Spot(f"{_TOTAL}/coupon.php", 159),
        "reward.tax": Spot(f"{_TOTAL}/reward.php", 33),
        "api.currency": Spot(f"{_API}/currency.php", 13),
        "api.cart.products": Spot(f"{_API}/cart.php", 14),
        "api.cart.product": Spot(f"{_API}/cart.php", 21),
        "api.cart.option": Spot(f"{_API}/cart.php", 43),
        "api.cart.edit": Spot(f"{_API}/cart.php", 84),
        "api.cart.voucher": Spot(f"{_API}/cart.php", 111),
        "api.voucher.list": Spot(f"{_API}/voucher.php", 65),
        "api.voucher.code": Spot(f"{_API}/voucher.php", 67),
        "api.voucher.title": Spot(f"{_API}/voucher.php", 69),
        "api.reward.points": Spot(f"{_API}/reward.php", 28),
        "api.reward.points_text": Spot(f"{_API}/reward.php", 29),
        "api.reward.maximum": Spot(f"{_API}/reward.php", 32),
        "api.reward.apply": Spot(f"{_API}/reward.php", 37),
        "api.customer.custom_field": Spot(f"{_API}/customer.php", 73),
        "api.shipping.custom_field": Spot(f"{_API}/shipping.php", 77),
        "api.payment.custom_field": Spot(f"{_API}/payment.php", 76),
        "api.shipping.method": Spot(f"{_API}/shipping.php", 229),
        "api.payment.method": Spot(f"{_API}/payment.php", 260),
        "api.order.add.payment": Spot(f"{_API}/order.php", 25),
        "api.order.add.shipping": Spot(f"{_API}/order.php", 50),
        "api.order.edit.payment": Spot(f"{_API}/order.php", 396),
        "api.order.edit.shipping": Spot(f"{_API}/order.php", 421),
    }
)
