"""Every bad day at every step of `order.place`, on every generation: never two orders, and what is said is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from connector.errors import CallError, Recovery
from connector.request import Verdict
from connector.sandbox.generations import GENERATIONS
from connector.sandbox.server import SandboxServer
from tests.integration.composite.conftest import ORDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from connector.publisher.publisher import Publisher
    from connector.request import Exchange

PREPARING: Final = (
    "customer.set",
    "cart.add",
    "cart.products",
    "coupon.apply",
    "payment.address",
    "shipping.address",
    "shipping.methods",
    "shipping.method",
    "payment.methods",
    "payment.method",
)
STEPS: Final = {
    "2.3": ("session.login", *PREPARING, "cart.products", "order.add", "order.info"),
    "3.0": ("session.login", *PREPARING, "cart.products", "order.add", "order.info"),
    "4.0": ("session.login", *PREPARING, "order.comment", "cart.products", "order.add"),
    "4.1": (*PREPARING, "cart.products", "order.add"),
}
"""The calls of an order, in the order in which they are sent."""

FAULTS: Final[dict[str, dict[str, Any]]] = {
    "dropped unworked": {"drop_before_processing": True},
    "dropped after work": {"drop_after_processing": True},
    "half an answer": {"truncate": 9},
    "notices before the JSON": {"notice": True},
    "500 unworked": {"status": 500},
    "504 unworked": {"status": 504},
    "PHP broke off": {"status": 500, "fatal": True},
}
PLACED: Final = "placed"
NOT_PLACED: Final = "not placed"
CANNOT_TELL: Final = "cannot tell"

OF_THE_ORDER: Final = {
    # fault: (whether the shop stores the order, what is said of it where it can be asked, where it cannot)
    "dropped unworked": (False, CANNOT_TELL, CANNOT_TELL),
    "dropped after work": (True, PLACED, CANNOT_TELL),
    "half an answer": (True, PLACED, CANNOT_TELL),
    "notices before the JSON": (True, PLACED, PLACED),
    "500 unworked": (False, CANNOT_TELL, CANNOT_TELL),
    "504 unworked": (False, CANNOT_TELL, CANNOT_TELL),
    "PHP broke off": (False, NOT_PLACED, CANNOT_TELL),
    "500 with the order stored": (True, PLACED, CANNOT_TELL),
}
CAN_BE_ASKED: Final = frozenset({"2.3", "3.0"})
HAS_SESSIONS: Final = frozenset({"2.3", "3.0", "4.0"})

AHEAD: Final = [
    pytest.param(dialect, at, id=f"{dialect}-{at}-{STEPS[dialect][at]}")
    for dialect in GENERATIONS
    for at in range(STEPS[dialect].index("order.add"))
]
"""Each step ahead of the order, by its generation and place."""


@pytest.fixture
async def shop(dialect: str) -> AsyncIterator[SandboxServer]:
    """A practice shop of the generation that a test names."""
    async with SandboxServer(dialect=dialect, error_display=False) as server:
        yield server


async def publish(
    publisher: Publisher, reference: str = "WEB-1", watch: Callable[[Exchange], None] | None = None
) -> tuple[str, CallError | None]:
    """Publish one order; what is said of it, and the error, or None."""
    try:
        await publisher.publish({**ORDER, "reference": reference}, observe=watch)
    except CallError as error:
        return (CANNOT_TELL if error.is_unknown else NOT_PLACED), error
    return PLACED, None


def stored(shop: SandboxServer, reference: str = "WEB-1") -> int:
    """Return how many orders of that reference the shop has, hidden ones too."""
    return sum(order.comment.endswith(f"Reference: {reference}") for order in shop.orders)


@pytest.mark.parametrize("dialect", GENERATIONS)
async def test_an_order_takes_these_calls(shop, open_publisher, dialect: str):
    """The table that the other tests go by."""
    called: list[str] = []

    async with open_publisher() as publisher:
        await publish(publisher, watch=lambda exchange: called.append(exchange.entity))

    assert tuple(called) == STEPS[dialect]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("dialect", "at"), AHEAD)
async def test_a_fault_ahead_of_the_order_leaves_none(shop, open_publisher, at: int, fault: str):
    """Nothing is placed, nothing is unknown, and the next try places one; a notice does no harm."""
    shop.control("faults", skip=at, **FAULTS[fault])

    async with open_publisher() as publisher:
        said, error = await publish(publisher)
        first = stored(shop)
        again, _error = (said, error) if said == PLACED else await publish(publisher)

    assert (said, first) == ((PLACED, 1) if fault == "notices before the JSON" else (NOT_PLACED, 0))
    assert (again, stored(shop)) == (PLACED, 1)


@pytest.mark.parametrize("fault", [*FAULTS, "500 with the order stored"])
@pytest.mark.parametrize("dialect", GENERATIONS)
async def test_a_fault_at_the_order_is_told_as_it_is(shop, open_publisher, dialect: str, fault: str):
    """Where an order can be shown, ours is looked for and found or not; elsewhere its outcome stays unknown."""
    is_stored, asked, unasked = OF_THE_ORDER[fault]

    async with open_publisher() as publisher:
        await publish(publisher, "WEB-0")  # from here on an order id is known
        if fault in FAULTS:
            shop.control("faults", skip=STEPS[dialect].index("order.add"), **FAULTS[fault])
        else:
            shop.control("mail", broken=True)
        said, error = await publish(publisher)

    assert said == (asked if dialect in CAN_BE_ASKED else unasked)
    assert stored(shop) == is_stored
    if error is not None:
        assert error.recovery is (Recovery.RETRY if said == NOT_PLACED else Recovery.PARK)


@pytest.mark.parametrize("fault", ["dropped unworked", "dropped after work", "500 unworked"])
@pytest.mark.parametrize("dialect", sorted(CAN_BE_ASKED & set(GENERATIONS)))
async def test_without_a_known_order_absence_proves_nothing(shop, open_publisher, dialect: str, fault: str):
    """The first order of a process is found if it is there, and else stays unknown."""
    shop.control("faults", skip=STEPS[dialect].index("order.add"), **FAULTS[fault])

    async with open_publisher() as publisher:
        said, _error = await publish(publisher)

    is_stored = OF_THE_ORDER[fault][0]
    assert said == (PLACED if is_stored else CANNOT_TELL)
    assert stored(shop) == is_stored


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dialect", sorted(CAN_BE_ASKED & set(GENERATIONS)))
async def test_a_fault_after_the_order_does_not_unmake_it(shop, open_publisher, dialect: str, fault: str):
    """Its currency is asked for last, and nothing depends on it."""
    shop.control("faults", skip=STEPS[dialect].index("order.info"), **FAULTS[fault])

    async with open_publisher() as publisher:
        said, _error = await publish(publisher)

    assert (said, stored(shop)) == (PLACED, 1)


@pytest.mark.parametrize(
    ("dialect", "at"), [param for param in AHEAD if param.values[0] in HAS_SESSIONS and param.values[1] > 0]
)
async def test_a_session_lost_on_the_way_starts_the_order_again(shop, open_publisher, at: int):
    """One log-in more, every call again, one order with each line once."""
    seen = 0

    def revoke(_exchange: Exchange) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            shop.control("revoke")

    async with open_publisher() as publisher:
        said, _error = await publish(publisher, watch=revoke)

    assert said == PLACED
    assert [[line.quantity for line in order.lines] for order in shop.orders] == [[2]]


@pytest.mark.parametrize("dialect", sorted(HAS_SESSIONS & set(GENERATIONS)))
async def test_a_session_lost_at_the_order_places_none(shop, open_publisher, dialect: str):
    """The shop has refused it, so it is tried again later rather than at once."""

    def revoke(exchange: Exchange) -> None:
        if exchange.entity == "cart.products":
            last.append(exchange)
        if len(last) == 2:
            shop.control("revoke")

    last: list[Exchange] = []
    async with open_publisher() as publisher:
        said, error = await publish(publisher, watch=revoke)

    assert (said, stored(shop)) == (NOT_PLACED, 0)
    assert error is not None
    assert (error.answer.verdict, error.recovery) == (Verdict.LOST_SESSION, Recovery.RETRY)
