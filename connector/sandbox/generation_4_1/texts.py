"""The texts the 4.1 API answers with, word for word; clients compare them."""

from typing import Final

PERMISSION: Final = "You do not have permission to access this page."
CALL: Final = "API call not found"

CUSTOMER_SUCCESS: Final = "You have successfully modified customers"
CUSTOMER_UNKNOWN: Final = "Warning: Customer could not be found!"
CUSTOMER_GROUP: Final = "Customer Group does not appear to be valid!"

FIRSTNAME: Final = "First Name must be between 1 and 32 characters!"
LASTNAME: Final = "Last Name must be between 1 and 32 characters!"
EMAIL: Final = "E-Mail Address does not appear to be valid!"
TELEPHONE: Final = "Telephone must be between 3 and 32 characters!"
ADDRESS_1: Final = "Address 1 must be between 3 and 128 characters!"
CITY: Final = "City must be between 3 and 128 characters!"
POSTCODE: Final = "Postcode must be between 2 and 10 characters for this country!"
COUNTRY: Final = "Please select a country!"
ZONE: Final = "Please select a region / state!"
REQUIRED: Final = "{} required!"
NOT_VALID: Final = "{} is not a valid input!"

ADDRESS_SUCCESS: Final = {
    "shipping": "Success: Shipping address has been set!",
    "payment": "Success: Payment address has been set!",
}
NO_ADDRESS: Final = {
    "shipping": "Warning: Shipping address required!",
    "payment": "Warning: Payment address required!",
}
METHOD_SUCCESS: Final = {
    "shipping": "Success: Shipping method has been set!",
    "payment": "Success: Payment method has been set!",
}
NO_METHOD: Final = {
    "shipping": "Warning: Shipping method required!",
    "payment": "Warning: Payment method required!",
}
NO_METHODS: Final = {
    "shipping": "Warning: No Shipping options are available!",
    "payment": "Warning: No payment options are available!",
}
NOTHING_TO_SHIP: Final = "Warning: There are no products that require shipping"

CART_SUCCESS: Final = "Success: You have modified your shopping cart!"
CART_WARNING: Final = "Warning: Please check the cart carefully for errors!"
PRODUCT_UNKNOWN: Final = "Warning: Product could not be found!"
PRODUCT_STOCK: Final = "Product not available in the desired quantity or not in stock!"
PRODUCT_MINIMUM: Final = "Minimum order amount for {} is {}!"
OPTION_UNKNOWN: Final = "Option could not be found!"
OPTION_STOCK: Final = "Option not available in the desired quantity or not in stock!"
PLAN_INVALID: Final = "Subscription Plan is not valid!"
PLAN_LIMITED: Final = "{} every {} {}(s) for {} payment(s)"

COUPON_SUCCESS: Final = "Success: Your coupon discount has been applied!"
COUPON_INVALID: Final = "Warning: Coupon is either invalid, expired or reached its usage limit!"
REWARD_SUCCESS: Final = "Success: Your reward points discount has been applied!"
REWARD_POINTS: Final = "Warning: You don't have {} reward points!"
REWARD_MAXIMUM: Final = "Warning: The maximum number of points that can be applied is {}!"
DISCOUNT_OFF: Final = {
    "coupon": "Warning: Coupons are not enabled on this store!",
    "reward": "Warning: Reward points are not enabled on this store!",
}
DISCOUNT_CONFIRM: Final = {
    "coupon": "Warning: Please check the coupon form carefully for errors!",
    "reward": "Warning: Please check the reward form carefully for errors!",
}

AFFILIATE_SUCCESS: Final = "Success: Affiliate commission will be applied to this order!"
AFFILIATE_UNKNOWN: Final = "Warning: Affiliate could not be found!"

ORDER_SUCCESS: Final = "Success: You have modified orders!"
ORDER_UNKNOWN: Final = "Warning: Order could not be found!"
ORDER_CUSTOMER: Final = "Warning: Customer details required!"
ORDER_PRODUCT: Final = "Warning: Products required!"
ORDER_STOCK: Final = "Warning: Products marked with *** are not available in the desired quantity or not in stock!"
ORDER_AFFILIATE: Final = "Warning: Affiliate details required!"

SUBSCRIPTION_UNKNOWN: Final = "Warning: Subscription required!"
SUBSCRIPTION_PLAN: Final = "Warning: Subscription plan required!"
