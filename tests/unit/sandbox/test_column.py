"""What the database makes of text and numbers, in the ways the generations do."""

import pytest

from connector.sandbox.php.notice import PhpFatalError
from connector.sandbox.shop import column
from connector.sandbox.shop.column import Charset
from tests.unit.sandbox.conftest import CUSTOMER, Caller

WORDS = Charset()
LETTERS = Charset(is_literal=True)
MIXED = Charset(is_mixed=True)


@pytest.mark.parametrize(("is_wide", "kept"), [(True, "a🎈é"), (False, "a????é")])
def test_characters_beyond_the_bmp(is_wide, kept):
    """What three bytes cannot say turns into question marks."""
    assert Charset(is_wide=is_wide).text("a🎈é") == kept


@pytest.mark.parametrize("other", ["Once", "ÓNCE", "once  ", "onçé"])
@pytest.mark.parametrize("charset", [WORDS, LETTERS, MIXED])
def test_what_every_comparison_overlooks(charset, other):
    """Case, accents and blanks at the end do not matter anywhere."""
    assert charset.fold(other) == charset.fold("once")


@pytest.mark.parametrize(
    ("other", "in_words", "in_letters"),
    [("\uff12\uff12", True, False), ("²²", True, False), ("2\u03012", True, False), ("22\t", False, False)],
)
def test_what_some_comparisons_overlook(other, in_words, in_letters):
    """Only a comparison of words sees that a character means another one."""
    same = [charset.fold(other) == charset.fold("22") for charset in (WORDS, LETTERS)]

    assert same == [in_words, in_letters]


@pytest.mark.parametrize(("text", "words", "letters"), [("ß", "ss", "s"), ("한", "한", "한"), ("🎈", "🎉", "🎉")])
def test_letters_of_their_own(text, words, letters):
    """A sharp s is two letters or one; a syllable is not cut apart; all that is beyond the BMP counts as one."""
    folded = WORDS.fold(text), LETTERS.fold(text)

    assert folded == (WORDS.fold(words), LETTERS.fold(letters))


def test_comparison_there_is_none_for():
    """Where shop and tables talk differently, some text cannot be compared."""
    with pytest.raises(PhpFatalError, match="Illegal mix of collations"):
        MIXED.fold("🎈")


@pytest.mark.parametrize("more", [2**63 - 1, -(2**63)])
def test_sum_without_a_place(more):
    """A sum beyond 64 bits is refused, one beyond 32 cut."""
    column.add("quantity", 0, more)

    with pytest.raises(PhpFatalError, match="BIGINT value is out of range"):
        column.add("quantity", 1 if more > 0 else -1, more)


def test_quantity_without_a_place(caller: Caller):
    """More of a product than a number holds is an error of the database, and nothing is added."""
    caller.send("customer", CUSTOMER)
    caller.send("cart/add", {"product_id": "40"})

    answer = caller.answer("cart/add", {"product_id": "40", "quantity": "9" * 30})

    assert (answer.status, caller.send("cart/products")["products"][0]["quantity"]) == (500, "1")
