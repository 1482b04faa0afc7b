"""The words of faults."""

import pytest

from connector.config.wording import describe, did_you_mean, find_closest, join_names, quote


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        (5, "the number 5"),
        (1.5, "the number 1.5"),
        ("abc", 'text "abc"'),
        ("", "empty text"),
        ("a\n  b", 'text "a b"'),
        ("x" * 61, f'text "{"x" * 60}…"'),
        ({}, "an empty mapping"),
        ({"a": 1, "b": 2}, "a mapping with the keys a, b"),
        ([], "an empty list"),
        ([1], "a list of 1 entry"),
        ([1, 2], "a list of 2 entries"),
        (b"", "a Python bytes"),
    ],
)
def test_value_is_described(value, words):
    """A value is told by its kind, and by itself where it is short."""
    assert describe(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [("s3cret", "text of 6 characters"), ("x", "text of 1 character"), (12345, "a number"), (True, "true or false")],
)
def test_secret_is_described_without_showing_it(value, words):
    """A secret is told by its kind and size alone."""
    assert describe(value, is_secret=True) == words


@pytest.mark.parametrize(
    ("word", "closest"),
    [
        ("usernme", "username"),
        ("base-url", "base_url"),
        ("BASE URL", "base_url"),
        ("time_out", "timeout"),
        ("zzz", None),
        ("", None),
    ],
)
def test_closest_option_is_found(word, closest):
    """Slips, case, hyphens and spaces are seen through; what looks like nothing is not guessed."""
    assert find_closest(word, ["username", "base_url", "timeout"]) == closest


def test_suggestion_is_a_question():
    """The closest option is asked after."""
    assert did_you_mean("usernme", ["username"]) == 'did you mean "username"?'
    assert did_you_mean("zzz", ["username"]) is None


def test_long_list_of_names_is_cut():
    """More than twenty names end in how many are left out."""
    names = [f"n{number}" for number in range(25)]

    assert join_names(names).endswith("n19 and 5 more")
    assert join_names(names[:21]).endswith("n19, n20")


def test_quote_keeps_one_line():
    """Line breaks are shown as spaces."""
    assert quote("a\nb") == '"a b"'
