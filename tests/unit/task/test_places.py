"""Places of a process, and whose turn it is."""

from __future__ import annotations

from connector.task.places import Places


def test_free_places_are_taken_at_once():
    """As many as there are, and no more."""
    places = Places(2)

    taken = [places.take() for _ in range(3)]

    assert taken == [True, True, False]


def test_a_place_that_is_given_back_goes_to_the_highest_priority_first():
    """Among equals, to who asked first."""
    places = Places(1)
    places.take()
    granted: list[str] = []
    for name, priority in [("low", 1), ("first", 5), ("high", 9), ("second", 5)]:
        places.ask(priority, lambda name=name: granted.append(name))

    for _ in range(4):
        places.give()

    assert granted == ["high", "first", "second", "low"]
    assert not places.take()


def test_who_waits_is_not_passed_by():
    """A free place belongs to who asked for it, also against one of the same priority that comes later."""
    places = Places(1)
    places.take()
    places.ask(5, lambda: None)

    assert places.is_wanted(5)
    assert not places.is_wanted(6)
    assert not places.take()


def test_who_asks_no_more_gets_none():
    """A place that nobody else wants is free."""
    places = Places(1)
    places.take()
    granted: list[int] = []
    ticket = places.ask(5, lambda: granted.append(1))

    places.withdraw(ticket)
    is_wanted = places.is_wanted(0)
    places.give()

    assert (granted, is_wanted) == ([], False)
    assert places.take()


def test_a_place_that_is_not_needed_any_more_goes_on_to_the_next():
    """Whoever is granted one may give it back at once."""
    places = Places(1)
    places.take()
    granted: list[str] = []
    places.ask(9, places.give)
    places.ask(1, lambda: granted.append("next"))

    places.give()

    assert granted == ["next"]
