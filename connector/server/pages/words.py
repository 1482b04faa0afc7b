"""Filters for sentences that come from elsewhere: a catalog's, a check's."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

_TICKS: Final = re.compile(r"`([^`]+)`")


def show_ticks(text: str) -> Markup:
    """Return a text in which what stands between backticks is code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(_TICKS.split(text))
    )


def drop_name(text: str) -> str:
    """Return what stands behind the first colon, as a sentence: `session: a call …` gives `A call …`."""
    head, colon, rest = text.partition(": ")
    return raise_first(rest) if colon and head.replace("+", "").isalpha() else raise_first(text)


def raise_first(text: str) -> str:
    """Return a text that begins with a capital letter; the others stay as they are."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Return a text that does not begin with a capital letter; an abbreviation keeps its own."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
