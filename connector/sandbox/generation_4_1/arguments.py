"""The parameters of 4.1 that hold a field to a type."""

from typing import Any, Final

from connector.sandbox.shop.argument import Parameter, take_text
from connector.sandbox.shop.visit import Visit

_MODEL: Final = r"Opencart\Catalog\Model"


def _build_model_parameter(function: str, name: str, fault: str, position: int = 1) -> Parameter:
    """Return a parameter of a model; models are all called from one place."""
    return Parameter(rf"{_MODEL}\{function}", name, fault, position, "model.call")


CUSTOMER: Final = _build_model_parameter(r"Account\Customer::getCustomer", "customer_id", "model.customer")
ZONE: Final = _build_model_parameter(r"Localisation\Zone::getZone", "zone_id", "model.zone")
OPTION: Final = _build_model_parameter(r"Catalog\Product::getOption", "product_option_id", "model.option", 2)
OPTION_VALUE: Final = _build_model_parameter(
    r"Catalog\Product::getOptionValue", "product_option_value_id", "model.option_value", 2
)
SUBSCRIPTIONS: Final = _build_model_parameter(r"Catalog\Product::getSubscriptions", "product_id", "model.subscriptions")
UPLOAD: Final = _build_model_parameter(r"Tool\Upload::getUploadByCode", "code", "model.upload")
PLAN: Final = _build_model_parameter(
    r"Catalog\SubscriptionPlan::getSubscriptionPlan", "subscription_plan_id", "model.plan"
)


def has_length(visit: Visit, value: Any, least: int, most: int, caller: str) -> bool:
    """Say whether text has a number of characters, both ends included; escaped characters count as they stand.

    Args:
        visit: The request.
        value: The text.
        least: How many at least.
        most: How many at most.
        caller: Where it is asked.

    Raises:
        PhpFatalError: The value is an array.
    """
    text = take_text(visit, value, Parameter("oc_validate_length", "string", "text.length", caller=caller))
    return least <= len(text) <= most
