"""Questions that are confirmed once."""

from __future__ import annotations

from connector.server.pages.confirmations import LASTS_S, MOST, Confirmations


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return what it was set to."""
        return self.now_s


def test_a_question_is_answered_by_who_was_asked() -> None:
    """Another user cannot confirm it, whoever told them the word."""
    kept = Confirmations()
    word = kept.ask("ann", "order")

    assert kept.find(word, "bo") is None
    found = kept.find(word, "ann")
    assert found is not None
    assert found.asked == "order"


def test_a_question_gets_too_old() -> None:
    """After a while it has to be asked once more; what came of one that was answered in time can still be seen."""
    clock = Clock()
    kept = Confirmations(clock)
    taken, open_one = kept.ask("ann", 1), kept.ask("ann", 2)
    answered = kept.find(taken, "ann")
    assert answered is not None
    answered.is_taken = True

    clock.now_s = LASTS_S + 1

    assert kept.find(open_one, "ann") is None
    assert kept.find(taken, "ann") is answered


def test_no_more_than_so_many_are_kept() -> None:
    """The oldest question makes room for the newest."""
    kept = Confirmations()
    first = kept.ask("ann", 0)

    for number in range(MOST):
        kept.ask("ann", number)

    assert kept.find(first, "ann") is None
