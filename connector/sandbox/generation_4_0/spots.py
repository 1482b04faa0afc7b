"""Where 4.0.2.3 says what it says: file and line of every notice and error a caller can bring about."""

from types import MappingProxyType
from typing import Final

from connector.sandbox.php.notice import Spot

_SALE = "catalog/controller/api/sale"
_MODEL = "catalog/model"
_COUPON = "extension/opencart/catalog/model/total/coupon.php"
_SESSION = "system/library/session.php"
_SMTP = "system/library/mail/smtp.php"

SPOTS: Final = MappingProxyType(
    {
        "database.link": Spot("system/library/db/mysqli.php", 40),
        "database.failed": Spot("system/library/db/mysqli.php", 76),
        "database.escape": Spot("system/library/db.php", 58),
        "mail.connect": Spot(_SMTP, 142),
        "mail.refused": Spot(_SMTP, 268),
        "mail.shipping": Spot("catalog/controller/mail/order.php", 151),
        "text.length": Spot("system/helper/general.php", 3),
        "route.text": Spot("system/framework.php", 105),
        "language.text": Spot("catalog/controller/startup/language.php", 19),
        "session.id": Spot(_SESSION, 56),
        "session.invalid": Spot(_SESSION, 80),
        "session.start": Spot(_SESSION, 69),
        "session.cookie": Spot("catalog/controller/startup/session.php", 58),
        "model.api_token": Spot(f"{_MODEL}/setting/api.php", 26),
        "model.login": Spot(f"{_MODEL}/account/api.php", 15),
        "model.customer": Spot(f"{_MODEL}/account/customer.php", 109),
        "model.zone": Spot(f"{_MODEL}/localisation/zone.php", 14),
        "model.upload": Spot(f"{_MODEL}/tool/upload.php", 28),
        "model.order": Spot(f"{_MODEL}/checkout/order.php", 185),
        "model.order.add": Spot(f"{_MODEL}/checkout/order.php", 15),
        "model.order.edit": Spot(f"{_MODEL}/checkout/order.php", 82),
        "model.order.added.option": Spot(f"{_MODEL}/checkout/order.php", 27),
        "model.order.added.plan": Spot(f"{_MODEL}/checkout/order.php", 32),
        "model.order.edited.option": Spot(f"{_MODEL}/checkout/order.php", 96),
        "model.order.edited.plan": Spot(f"{_MODEL}/checkout/order.php", 100),
        "currency": Spot("catalog/controller/api/localisation/currency.php", 18),
        "currency.convert": Spot("system/library/cart/currency.php", 93),
        "coupon": Spot(f"{_SALE}/coupon.php", 18),
        "coupon.tax": Spot(_COUPON, 66),
        "coupon.shipping_tax": Spot(_COUPON, 81),
        "voucher": Spot(f"{_SALE}/voucher.php", 19),
        "voucher.from_name": Spot(f"{_SALE}/voucher.php", 76),
        "voucher.from_email": Spot(f"{_SALE}/voucher.php", 80),
        "voucher.to_name": Spot(f"{_SALE}/voucher.php", 84),
        "voucher.to_email": Spot(f"{_SALE}/voucher.php", 88),
        "voucher.amount": Spot(f"{_SALE}/voucher.php", 101),
        "reward": Spot(f"{_SALE}/reward.php", 35),
        "cart.option": Spot(f"{_SALE}/cart.php", 123),
        "customer.firstname": Spot(f"{_SALE}/customer.php", 58),
        "customer.lastname": Spot(f"{_SALE}/customer.php", 62),
        "customer.email": Spot(f"{_SALE}/customer.php", 66),
        "customer.telephone": Spot(f"{_SALE}/customer.php", 70),
        "customer.custom_field": Spot(f"{_SALE}/customer.php", 83),
        "payment.firstname": Spot(f"{_SALE}/payment_address.php", 36),
        "payment.lastname": Spot(f"{_SALE}/payment_address.php", 40),
        "payment.address_1": Spot(f"{_SALE}/payment_address.php", 44),
        "payment.city": Spot(f"{_SALE}/payment_address.php", 48),
        "payment.postcode": Spot(f"{_SALE}/payment_address.php", 56),
        "payment.custom_field": Spot(f"{_SALE}/payment_address.php", 77),
        "payment.address_id": Spot(f"{_SALE}/payment_address.php", 109),
        "payment.method": Spot(f"{_SALE}/payment_method.php", 64),
        "shipping.firstname": Spot(f"{_SALE}/shipping_address.php", 37),
        "shipping.lastname": Spot(f"{_SALE}/shipping_address.php", 41),
        "shipping.address_1": Spot(f"{_SALE}/shipping_address.php", 45),
        "shipping.city": Spot(f"{_SALE}/shipping_address.php", 49),
        "shipping.postcode": Spot(f"{_SALE}/shipping_address.php", 57),
        "shipping.custom_field": Spot(f"{_SALE}/shipping_address.php", 78),
        "shipping.address_id": Spot(f"{_SALE}/shipping_address.php", 113),
        "shipping.method": Spot(f"{_SALE}/shipping_method.php", 55),
        "order.selected_text": Spot(f"{_SALE}/order.php", 550),
        "order.selected": Spot(f"{_SALE}/order.php", 553),
        "order.comment": Spot(f"{_SALE}/order.php", 601),
    }
)
