"""The texts the 4.0 API answers with, word for word, where 3.0 says something else or nothing."""

from typing import Final

LOGIN_KEY: Final = "Warning: Incorrect API Key!"

CURRENCY_UNKNOWN: Final = "Warning: Currency could not be found!"

PRODUCT_UNKNOWN: Final = "Warning: Product could not be found!"
PLAN_MISSING: Final = "Please select a subscription plan!"
PLAN_TRIAL: Final = "{} every {} {}(s) for {} payment(s) then "
PLAN_LIMITED: Final = "{} every {} {}(s) for {} payment(s)"
PLAN_ENDLESS: Final = "{} every {} {}(s) until canceled"

COUPON_REMOVED: Final = "Success: Your coupon discount has been removed!"

VOUCHER_SUCCESS: Final = "Success: Your gift voucher discount has been applied!"
VOUCHER_REMOVED: Final = "Success: Your gift voucher discount has been removed!"
VOUCHER_INVALID: Final = "Warning: Gift voucher is either invalid or the balance has been used up!"
VOUCHER_TITLE: Final = "{} Gift certificate for {}"
VOUCHER_UNKNOWN: Final = "error_voucher"
"""The name of a text that the shop forgot to write, which it says in the text's place."""

CUSTOMER_UNKNOWN: Final = "Warning: Customer could not be found!"
GROUP_UNKNOWN: Final = "Customer Group does not appear to be valid!"
NOT_VALID: Final = "{} is not a valid input!"

REWARD_REMOVED: Final = "Success: Your reward points discount has been removed!"

AFFILIATE_SUCCESS: Final = "Success: Affiliate commission will be appliyed to this order!"
AFFILIATE_REMOVED: Final = "Success: Your affiliate commission has been removed!"
AFFILIATE_UNKNOWN: Final = "Warning: Affiliate could not be found!"

NOTHING_TO_SHIP: Final = "Warning: There are no products that require shipping"
NO_PAYMENT_METHODS: Final = "Warning: No payment options are available!"
NO_PRODUCTS: Final = "Warning: Products required!"

ORDER_CUSTOMER: Final = "Warning: Customer details required!"
ORDER_MINIMUM: Final = "Warning: Minimum order amount for {} is !"
"""Without the number: the shop puts a truth value where it should be."""
ORDER_COMMENT: Final = "Warning: Comment required!"
