"""``api/reward*``: points to pay with."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.php.value import PhpArray, compare, describe_type, parse_number, to_bool
from connector.sandbox.shop.customer import count_points
from connector.sandbox.shop.reward import count_accepted_points
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Use points in the place of those used before, which are free again even if the new number is refused.

    A number below zero counts as if it were above.
    """
    visit.forget("reward")
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    owned = count_points(visit.shop, visit.customer_id)
    accepted = count_accepted_points(visit)
    error = None if to_bool(visit.field("reward")) else texts.REWARD_MISSING
    wanted = visit.field("reward", fault="api.reward.points")
    if compare(wanted, owned) > 0:
        if isinstance(wanted, dict):
            visit.warn("api.reward.points_text", "Array to string conversion")
        error = texts.REWARD_POINTS.format("Array" if isinstance(wanted, dict) else wanted)
    visit.field("reward", fault="api.reward.maximum")
    if compare(wanted, accepted) > 0:
        error = texts.REWARD_MAXIMUM.format(accepted)
    if error is not None:
        return {"error": error}
    number = parse_number(wanted)
    if number is None:
        message = f"abs(): Argument #1 ($num) must be of type int|float, {describe_type(wanted)} given"
        raise visit.fail("api.reward.apply", message)
    visit.session["reward"] = abs(number)
    return {"success": texts.REWARD_SUCCESS}


def maximum(visit: Visit) -> PhpArray:
    """Return how many points the cart takes, a number."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    return {"maximum": count_accepted_points(visit)}


def available(visit: Visit) -> PhpArray:
    """Return how many points the customer owns: decimal text, or null when nothing was ever booked for them."""
    if not visit.is_permitted:
        return {"error": texts.PERMISSION}
    return {"points": count_points(visit.shop, visit.customer_id)}
