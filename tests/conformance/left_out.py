"""What the practice shop leaves out on purpose, and what therefore is not compared: the one list of it.

Everything else of every exchange is compared: status, content type, names of cookies, and the body value by value.
"""

import re
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class LeftOut:
    """Something not compared, and why."""

    what: str
    reason: str


PAGES: Final = LeftOut(
    "The text of storefront and web server pages, and notices in front of them.",
    "They are for browsers. A client can tell that it got HTML, under which status and content type; all three are "
    "compared.",
)
STACK_TRACE: Final = LeftOut(
    "The list of callers PHP prints with an error nobody caught.",
    "It lists the shop's inner files. The error, its file and its line are compared.",
)
RANDOM_CODES: Final = LeftOut(
    "The value of the numeric code of a gift voucher in the cart.",
    "The shop draws it. That it is a number is compared, and later calls that name it are made with the one drawn.",
)
DATES: Final = LeftOut(
    "The value of dates with a time.",
    "They are the time of the recording. That a date stands there is compared.",
)
USER_AGENT: Final = LeftOut(
    "The value of an order's user_agent.",
    "It names the program that made the recording, which a transcript does not say otherwise. That it is text is "
    "compared.",
)

LINE_ORDER: Final = LeftOut(
    "The order of the lines in a cart.",
    "The shop asks its database for none. It is the plan's choice, and the plan turns on whether lines deleted in the "
    "last second have been swept out yet. The practice shop follows it as far as it can; the lines themselves are "
    "compared one by one.",
)
DATABASE_ERRORS: Final = LeftOut(
    "What PHP says of an error in the database, when it displays errors.",
    "It names the database's account, or the statement. That it is an uncaught exception, its file and its line are "
    "compared.",
)
CUT_JSON: Final = LeftOut(
    "JSON behind notices, when the recording cut the body short.",
    "Half a JSON cannot be compared value by value. The notices are compared; JSON that is whole is compared like any "
    "other.",
)

DESCRIPTIONS: Final = LeftOut(
    "The value of a product's description.",
    "4.1 shows the whole row of a product, and the demo shop's descriptions are pages of its vendor's sentences. That "
    "it is HTML is compared, and all else of the row value by value.",
)

LEFT_OUT: Final = (
    PAGES,
    STACK_TRACE,
    RANDOM_CODES,
    DATES,
    USER_AGENT,
    LINE_ORDER,
    DATABASE_ERRORS,
    CUT_JSON,
    DESCRIPTIONS,
)
"""All of it."""

_DATABASE_ERROR = re.compile(
    r"(Uncaught Exception: Error: |<b>Error: Could not make a database link |<b>Error: (?=[^<]*<br/>Error No: )"
    r"|Error: Error: ).*?"
    r"( in /var/www/html/[^ \n]*:\d+|</b>: in <b>/var/www/html/[^ \n]*</b> on line <b>\d+</b>"
    r"|\nFile: /var/www/html/[^ \n]*/db/mysqli\.php\nLine: \d+)\Z",
    re.DOTALL,
)
_NOTICES = re.compile(r"(?:<b>(?:Warning|Notice|Unknown|Deprecated)</b>: .*? on line <b>\d+</b>)+", re.DOTALL)
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z")


def find_left_out(key: str, recorded: Any) -> LeftOut | None:
    """Return why a value is not compared, None when it is.

    Args:
        key: The key it stands under.
        recorded: The value of the recording.
    """
    if isinstance(recorded, str) and _DATE.match(recorded):
        return DATES
    if key == "code" and isinstance(recorded, int):
        return RANDOM_CODES
    if key == "user_agent":
        return USER_AGENT
    if key == "description" and isinstance(recorded, str) and "&lt;" in recorded:
        return DESCRIPTIONS
    return None


def is_page(text: str) -> bool:
    """Say whether a body is an HTML page, with or without notices in front of it."""
    return "<!doctype html" in text.lower() or text.lstrip().lower().startswith("<html")


def split_notices(text: str) -> tuple[str, str]:
    """Return the notices in front of a body, and what follows them."""
    found = _NOTICES.match(text)
    return (found[0], text[found.end() :]) if found else ("", text)


def cut_fatal_error(text: str) -> str:
    """Return a body without the list of callers, and without what an error in the database says."""
    error = text.partition("\nStack trace:\n")[0].partition("\nBacktrace: 0\n")[0].rstrip("\n")
    return _DATABASE_ERROR.sub(r"\1\2", error)


def order_lines(entries: list[Any]) -> list[Any]:
    """Return the lines of a cart by their id, any other list as it is."""
    if all(isinstance(entry, dict) and "cart_id" in entry for entry in entries):
        return sorted(entries, key=lambda entry: int(entry["cart_id"]))
    return entries
