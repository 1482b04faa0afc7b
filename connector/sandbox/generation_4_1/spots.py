"""Where 4.1.0.4 says what it says: file and line of every notice and error a caller can bring about."""

from types import MappingProxyType
from typing import Final

from connector.sandbox.php.notice import Spot

_API = "catalog/controller/api"
_MODEL = "catalog/model"
_STARTUP = "catalog/controller/startup"
_VALIDATION = "system/helper/validation.php"
_MYSQLI = "system/library/db/mysqli.php"

SPOTS: Final = MappingProxyType(
    {
        "database.link": Spot(_MYSQLI, 86),
        "database.failed": Spot(_MYSQLI, 122),
        "database.escape": Spot("system/library/db.php", 64),
        "mail.connect": Spot("system/library/mail/smtp.php", 153),
        "mail.refused": Spot("system/library/mail/smtp.php", 268),
        "model.call": Spot("system/engine/loader.php", 351),
        "model.customer": Spot(f"{_MODEL}/account/customer.php", 207),
        "model.zone": Spot(f"{_MODEL}/localisation/zone.php", 26),
        "model.upload": Spot(f"{_MODEL}/tool/upload.php", 48),
        "model.option": Spot(f"{_MODEL}/catalog/product.php", 558),
        "model.option_value": Spot(f"{_MODEL}/catalog/product.php", 607),
        "model.subscriptions": Spot(f"{_MODEL}/catalog/product.php", 714),
        "model.plan": Spot(f"{_MODEL}/catalog/subscription_plan.php", 26),
        "model.order.add": Spot(f"{_MODEL}/checkout/order.php", 93),
        "model.order.edit": Spot(f"{_MODEL}/checkout/order.php", 213),
        "model.order.option": Spot(f"{_MODEL}/checkout/order.php", 532),
        "model.order.total": Spot(f"{_MODEL}/checkout/order.php", 725),
        "model.subscription.add": Spot(f"{_MODEL}/checkout/subscription.php", 76),
        "model.subscription.edit": Spot(f"{_MODEL}/checkout/subscription.php", 153),
        "text.length": Spot(_VALIDATION, 11),
        "text.email": Spot(_VALIDATION, 22),
        "text.pattern": Spot(_VALIDATION, 38),
        "route.text": Spot("system/framework.php", 141),
        "session.start": Spot("system/library/session.php", 65),
        "session.cookie": Spot(f"{_STARTUP}/session.php", 61),
        "session.invalid": Spot("system/library/session.php", 73),
        "currency": Spot(f"{_STARTUP}/currency.php", 30),
        "language": Spot(f"{_STARTUP}/language.php", 33),
        "gate.username": Spot(f"{_STARTUP}/api.php", 55),
        "gate.call": Spot(f"{_STARTUP}/api.php", 86),
        "gate.currency": Spot(f"{_STARTUP}/api.php", 92),
        "gate.signature": Spot(f"{_STARTUP}/api.php", 96),
        "customer.firstname": Spot(f"{_API}/customer.php", 59),
        "customer.lastname": Spot(f"{_API}/customer.php", 63),
        "customer.email": Spot(f"{_API}/customer.php", 67),
        "customer.telephone": Spot(f"{_API}/customer.php", 71),
        "customer.custom_field": Spot(f"{_API}/customer.php", 84),
        "payment.firstname": Spot(f"{_API}/payment_address.php", 38),
        "payment.lastname": Spot(f"{_API}/payment_address.php", 42),
        "payment.address_1": Spot(f"{_API}/payment_address.php", 46),
        "payment.city": Spot(f"{_API}/payment_address.php", 50),
        "payment.postcode": Spot(f"{_API}/payment_address.php", 59),
        "payment.custom_field": Spot(f"{_API}/payment_address.php", 85),
        "shipping.firstname": Spot(f"{_API}/shipping_address.php", 39),
        "shipping.lastname": Spot(f"{_API}/shipping_address.php", 43),
        "shipping.address_1": Spot(f"{_API}/shipping_address.php", 47),
        "shipping.city": Spot(f"{_API}/shipping_address.php", 51),
        "shipping.postcode": Spot(f"{_API}/shipping_address.php", 60),
        "shipping.custom_field": Spot(f"{_API}/shipping_address.php", 86),
        "cart.option_stock": Spot(f"{_API}/cart.php", 124),
        "cart.option_quantity": Spot(f"{_API}/cart.php", 128),
        "cart.product": Spot(f"{_API}/cart.php", 152),
        "cart.quantity": Spot(f"{_API}/cart.php", 153),
        "cart.date": Spot(f"{_MODEL}/checkout/cart.php", 46),
        "cart.time": Spot(f"{_MODEL}/checkout/cart.php", 50),
        "cart.datetime": Spot(f"{_MODEL}/checkout/cart.php", 54),
        "discount.coupon": Spot("extension/opencart/catalog/controller/api/coupon.php", 20),
        "order.code": Spot(f"{_API}/order.php", 235),
        "order.comment": Spot(f"{_API}/order.php", 555),
        "order.history_comment": Spot(f"{_API}/order.php", 705),
    }
)
