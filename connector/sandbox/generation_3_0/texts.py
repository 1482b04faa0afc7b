"""The texts the 3.0 API answers with, word for word; clients compare them."""

from typing import Final

PERMISSION: Final = "Warning: You do not have permission to access the API!"

LOGIN_SUCCESS: Final = "Success: API session successfully started!"
LOGIN_KEY: Final = "Warning: Incorrect API Key!"
LOGIN_IP: Final = "Warning: Your IP {} is not allowed to access this API!"

CURRENCY_SUCCESS: Final = "Success: Your currency has been changed!"
CURRENCY_INVALID: Final = "Warning: Currency code is invalid!"

CART_SUCCESS: Final = "Success: You have modified your shopping cart!"
CART_STOCK: Final = "Products marked with *** are not available in the desired quantity or not in stock!"
CART_MINIMUM: Final = "Minimum order amount for {} is {}!"
CART_STORE: Final = "Product can not be bought from the store you have choosen!"

COUPON_SUCCESS: Final = "Success: Your coupon discount has been applied!"
COUPON_INVALID: Final = "Warning: Coupon is either invalid, expired or reached it's usage limit!"

VOUCHER_SUCCESS: Final = "Success: Your gift voucher discount has been applied!"
VOUCHER_INVALID: Final = "Warning: Gift Voucher is either invalid or the balance has been used up!"
VOUCHER_TITLE: Final = "{} Gift Certificate for {}"
VOUCHER_FROM_NAME: Final = "Your Name must be between 1 and 64 characters!"
VOUCHER_TO_NAME: Final = "Recipient's Name must be between 1 and 64 characters!"
VOUCHER_AMOUNT: Final = "Amount must be between {} and {}!"

CUSTOMER_SUCCESS: Final = "You have successfully modified customers"
CUSTOMER_UNKNOWN: Final = "You must select a customer!"

REWARD_SUCCESS: Final = "Success: Your reward points discount has been applied!"
REWARD_MISSING: Final = "Warning: Please enter the amount of reward points to use!"
REWARD_POINTS: Final = "Warning: You don't have {} reward points!"
REWARD_MAXIMUM: Final = "Warning: The maximum number of points that can be applied is {}!"

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

ADDRESS_SUCCESS: Final = {
    "shipping": "Success: Shipping address has been set!",
    "payment": "Success: Payment address has been set!",
}
METHOD_SUCCESS: Final = {
    "shipping": "Success: Shipping method has been set!",
    "payment": "Success: Payment method has been set!",
}
NO_ADDRESS: Final = {
    "shipping": "Warning: Shipping address required!",
    "payment": "Warning: Payment address required!",
}
NO_METHOD: Final = {
    "shipping": "Warning: Shipping method required!",
    "payment": "Warning: Payment method required!",
}
NO_METHODS: Final = {
    "shipping": "Warning: No Shipping options are available!",
    "payment": "Warning: No Payment options are available!",
}

ORDER_SUCCESS: Final = "Success: You have modified orders!"
ORDER_CUSTOMER: Final = "Warning: Customer details needs to be set!"
ORDER_STOCK: Final = f"Warning: {CART_STOCK}"
ORDER_MINIMUM: Final = f"Warning: {CART_MINIMUM}"
ORDER_UNKNOWN: Final = "Warning: Order could not be found!"
