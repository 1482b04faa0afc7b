"""What is compared by what it stands for: ids and stock, where a recording has gaps."""

from tests.conformance.replay import RunningNumbers, RunningStock


def test_numbers_stand_for_numbers():
    """An id stands for one recorded id, is never the higher of the two, and no other may stand for the same."""
    numbers = RunningNumbers()

    matched = [
        numbers.match("order_id", *pair) for pair in (("5", "3"), ("5", "3"), ("6", "3"), ("5", "4"), ("7", "8"))
    ]

    assert matched == [True, True, False, False, False]


def test_stock_falls_alike():
    """Within a scenario our stock is as much above the recorded one as at first, and never below it."""
    stock = RunningStock()

    matched = [stock.match("product 40", *pair) for pair in (("90", "95"), ("88", "93"), ("88", "94"))]
    stock.end_scenario()

    assert [*matched, stock.match("product 40", "80", "86")] == [True, True, False, True]
    assert not RunningStock().match("product 40", "80", "79")
