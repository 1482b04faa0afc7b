"""The kinds of values that requests and answers of the API are made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from connector.config.quantity import parse_duration
from connector.store.rows import TaskStatus

LARGEST_ID: Final = 2**63 - 2
MOST_AT_ONCE: Final = 500
"""Entries of one page."""

_LONGEST_AGE: Final = timedelta(days=36_500)


def _check_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which no database keeps")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no text") from None
    return text


Text = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_check_text)]
"""A text that a database can keep."""


def _check_age(text: str) -> str:
    age = parse_duration(text)
    if age is None or not timedelta(0) <= age <= _LONGEST_AGE:
        raise ValueError("a length of time is written as 30d, 2h or 15m, and is no longer than 36500d")
    return text


Age = Annotated[str, StringConstraints(max_length=20), AfterValidator(_check_age)]
"""A length of time."""

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
TaskPath = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Id of the task.", examples=[12])]
NamePath = Annotated[str, Path(max_length=200, description="Its name in the configuration.")]
Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="At most so many.")]
Before = Annotated[
    int | None,
    Query(ge=1, le=LARGEST_ID, description="Only what is older than this: `next_before` of the page before."),
]
Moment = Annotated[
    str, Field(description="UTC, such as `2026-11-22T16:03:11.042Z`.", json_schema_extra={"format": "date-time"})
]
Status = TaskStatus
Json = Any
"""Any JSON value."""


def to_age_ms(age: str | None) -> int | None:
    """Return a checked length of time in milliseconds; None for None."""
    length = None if age is None else parse_duration(age)
    return None if length is None else length // timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Return a moment that knows its zone, milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


class Request(BaseModel):
    """What is sent in a body: nothing is accepted that has no meaning."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Answer(BaseModel):
    """What is answered."""

    model_config = ConfigDict(from_attributes=True)
