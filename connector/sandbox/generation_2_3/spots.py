"""Where 2.3.0.2 says what it says, where that is not where 3.0.5.1 does."""

from types import MappingProxyType
from typing import Final

from connector.sandbox.generation_3_0.spots import SPOTS as SPOTS_3_0
from connector.sandbox.php.notice import Spot

_API = "catalog/controller/api"
_DATABASE = "system/library/db/mysqli.php"

SPOTS: Final = MappingProxyType(
    {
        **SPOTS_3_0,
        "database.link": Spot(_DATABASE, 7),
        "database.query": Spot(_DATABASE, 18),
        "database.failed": Spot(_DATABASE, 18),
        "database.escape": Spot(_DATABASE, 45),
        "mail.connect": Spot("system/library/mail.php", 167),
        "mail.refused": Spot("system/library/mail.php", 170),
        "cart.options": Spot("system/library/cart/cart.php", 50),
        "cart.choice": Spot("system/library/cart/cart.php", 55),
        "cart.checkbox": Spot("system/library/cart/cart.php", 100),
        "currency.convert": Spot("system/library/cart/currency.php", 69),
        "api.login": Spot(f"{_API}/login.php", 11),
        "api.customer.firstname": Spot(f"{_API}/customer.php", 42),
        "api.customer.lastname": Spot(f"{_API}/customer.php", 46),
        "api.cart.edit": Spot(f"{_API}/cart.php", 91),
        "api.cart.voucher": Spot(f"{_API}/cart.php", 125),
        "api.voucher.list": Spot(f"{_API}/voucher.php", 72),
        "api.voucher.code": Spot(f"{_API}/voucher.php", 74),
        "api.voucher.title": Spot(f"{_API}/voucher.php", 76),
        "api.shipping.firstname": Spot(f"{_API}/shipping.php", 36),
        "api.shipping.lastname": Spot(f"{_API}/shipping.php", 40),
        "api.shipping.address_1": Spot(f"{_API}/shipping.php", 44),
        "api.shipping.postcode": Spot(f"{_API}/shipping.php", 56),
        "api.shipping.custom_field": Spot(f"{_API}/shipping.php", 76),
        "api.payment.firstname": Spot(f"{_API}/payment.php", 35),
        "api.payment.lastname": Spot(f"{_API}/payment.php", 39),
        "api.payment.address_1": Spot(f"{_API}/payment.php", 43),
        "api.payment.postcode": Spot(f"{_API}/payment.php", 55),
        "api.payment.custom_field": Spot(f"{_API}/payment.php", 75),
        "api.shipping.method": Spot(f"{_API}/shipping.php", 241),
        "api.payment.method": Spot(f"{_API}/payment.php", 273),
        "api.order.edit.payment": Spot(f"{_API}/order.php", 404),
        "api.order.edit.shipping": Spot(f"{_API}/order.php", 429),
    }
)
