"""``api/sale/reward*``: points to pay with, which nobody has.

The API logs no customer in, and the shop counts the points of whoever is logged in.
"""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_4_0.texts import REWARD_REMOVED
from connector.sandbox.php.value import PhpArray, to_int
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.customer import count_points
from connector.sandbox.shop.reward import count_accepted_points
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Use points, or none; a number that is refused leaves the old one in its place."""
    wanted = abs(to_int(visit.field("reward")))
    if not wanted:
        visit.forget("reward")
        return {"success": REWARD_REMOVED}
    accepted = count_accepted_points(visit)
    error = None
    if wanted > _count_available(visit):
        error = texts.REWARD_POINTS.format(to_text(visit, visit.field("reward"), "reward"))
    if wanted > accepted:
        error = texts.REWARD_MAXIMUM.format(accepted)
    if error is not None:
        return {"error": error}
    visit.session["reward"] = wanted
    return {"success": texts.REWARD_SUCCESS}


def maximum(visit: Visit) -> PhpArray:
    """Return how many points the cart takes, a number."""
    return {"maximum": count_accepted_points(visit)}


def available(visit: Visit) -> PhpArray:
    """Return how many points the customer logged in owns, a number."""
    return {"points": _count_available(visit)}


def _count_available(visit: Visit) -> int:
    return to_int(count_points(visit.shop, visit.customer_id))
