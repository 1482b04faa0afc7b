"""The texts the 4.1 API answers with, word for word, where neither 3.0 nor 4.0 says the same."""

from typing import Final

PERMISSION: Final = "You do not have permission to access this page."
CALL: Final = "API call not found"

CART_WARNING: Final = "Warning: Please check the cart carefully for errors!"
PRODUCT_STOCK: Final = "Product not available in the desired quantity or not in stock!"
OPTION_UNKNOWN: Final = "Option could not be found!"
OPTION_STOCK: Final = "Option not available in the desired quantity or not in stock!"
PLAN_INVALID: Final = "Subscription Plan is not valid!"

COUPON_INVALID: Final = "Warning: Coupon is either invalid, expired or reached its usage limit!"
DISCOUNT_OFF: Final = {
    "coupon": "Warning: Coupons are not enabled on this store!",
    "reward": "Warning: Reward points are not enabled on this store!",
}
DISCOUNT_CONFIRM: Final = {
    "coupon": "Warning: Please check the coupon form carefully for errors!",
    "reward": "Warning: Please check the reward form carefully for errors!",
}

AFFILIATE_SUCCESS: Final = "Success: Affiliate commission will be applied to this order!"

ORDER_AFFILIATE: Final = "Warning: Affiliate details required!"

SUBSCRIPTION_UNKNOWN: Final = "Warning: Subscription required!"
SUBSCRIPTION_PLAN: Final = "Warning: Subscription plan required!"
