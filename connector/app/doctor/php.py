"""PHP's messages in answers: who shows them, what hiding them does, and where it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connector.app.doctor.finding import Finding, Severity
from connector.client.reading import read_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.request import Exchange

CHECK: Final = "PHP messages"
_SETTING: Final = "System > Settings > Server > Display Errors"
_DANGER: Final = (
    "4.0 answers every warning with a redirect to error.html and stops half-way once they are not shown, which keeps "
    "some orders from being placed at all"
)


def check_messages(exchanges: Iterable[Exchange], dialect: str, *, was_provoked: bool) -> Finding | None:
    """Return whether PHP's messages stand in answers, by those that were seen.

    Args:
        exchanges: All of an examination.
        dialect: The one that is spoken.
        was_provoked: Whether one of them was sent to have PHP warn, so that seeing none means something.

    Returns:
        None where nothing was seen and nothing was provoked.
    """
    seen: list[str] = []
    is_hidden = is_php = is_broken = False
    for exchange in exchanges:
        response = exchange.response
        if response is None:
            continue
        if 300 <= response.status < 400:
            is_hidden = is_hidden or _leads_to_error_page(response.headers.get("location", ""))
            continue
        content_type = response.headers.get("content-type", "")
        reading = read_body(response.body, content_type)
        if not reading.has_json and not (was_provoked and _names_php_file(reading.text)):
            continue
        if reading.notices:
            seen.extend(reading.notices)
            is_php = is_php or (reading.has_json and content_type.startswith("text/html"))
        elif not reading.has_json:
            is_broken = True
            seen.append(reading.text)
    if is_hidden:
        return _tell_hidden()
    if not seen:
        return (
            Finding(CHECK, Severity.OK, "no PHP messages in answers, though one was provoked") if was_provoked else None
        )
    return _tell_shown(seen[0], dialect, is_php=is_php and not is_broken)


def _tell_hidden() -> Finding:
    return Finding(
        CHECK,
        Severity.NOTE,
        "the shop hides PHP's messages behind a redirect to error.html",
        f"Display Errors is off, and {_DANGER}",
        f"switch it on in a 4.0 shop ({_SETTING}); warnings in front of an answer are read past",
    )


def _tell_shown(message: str, dialect: str, *, is_php: bool) -> Finding:
    title = f"PHP's messages stand in answers, such as: {message}"
    if message.startswith("Deprecated"):
        return Finding(
            CHECK,
            Severity.NOTE,
            title,
            "the shop's PHP is newer than this OpenCart was written for; the messages are read past",
            "run the shop on a PHP of its time, or leave E_DEPRECATED out of error_reporting",
        )
    if is_php:
        return Finding(
            CHECK,
            Severity.NOTE,
            title,
            "PHP itself shows them (display_errors), in front of OpenCart's own setting; they are read past, and show "
            "paths of the server to everybody",
            "set display_errors = Off in the shop's php.ini",
        )
    if dialect == "4.0":
        return Finding(
            CHECK,
            Severity.OK,
            "the shop shows PHP's messages, and they are read past",
            f"Display Errors is on ({_SETTING}); leave it on, since {_DANGER}",
        )
    return Finding(
        CHECK,
        Severity.NOTE,
        title,
        "Display Errors is on, as the installer leaves it; the messages are read past, and show paths of the server to "
        "everybody",
        f"switch it off: {_SETTING}",
    )


def _leads_to_error_page(location: str) -> bool:
    try:
        return urlsplit(location.strip()).path.rpartition("/")[2] == "error.html"
    except ValueError:
        return False


def _names_php_file(text: str) -> bool:
    return ".php" in text and "line" in text
