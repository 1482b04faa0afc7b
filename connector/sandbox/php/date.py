"""Dates and times as ``strtotime`` reads them, as far as people write them with figures."""

import re
from datetime import UTC, datetime, timedelta

_DATE = (
    r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"|(?P<day_first>\d{1,2})[-.](?P<month_second>\d{1,2})[-.](?P<year_last>\d{4})"
    r"|(?P<month_first>\d{1,2})/(?P<day_second>\d{1,2})/(?P<year_third>\d{4})"
    r"|(?P<word>now|today|midnight|noon|tomorrow|yesterday)"
)
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:\s*(?P<half>[ap])\.?m\.?)?"
_WHOLE = re.compile(rf"\s*(?:{_DATE})?(?:(?:\s+|T|(?<!\w))(?:{_TIME}))?\s*\Z", re.IGNORECASE)
_DAYS = {"tomorrow": 1, "yesterday": -1}


def read_time(text: str, now: datetime) -> datetime:
    """Return the instant a text means, in UTC; the beginning of 1970 for text that means none.

    A date alone means its beginning, a time alone that of today. A day that a month has not got (up to the 31st) runs
    on into the next one. Months and weekdays by name, and spans such as ``+1 week``, are not understood.

    Args:
        text: What was written.
        now: What the clock says.
    """
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    found = _WHOLE.match(text)
    if not found or not text.strip():
        return epoch
    part = found.groupdict()
    word = (part["word"] or "").lower()
    instant = now if word == "now" else now.replace(hour=12 if word == "noon" else 0, minute=0, second=0, microsecond=0)
    instant += timedelta(days=_DAYS.get(word, 0))
    year = part["year"] or part["year_last"] or part["year_third"]
    if year:
        month = int(part["month"] or part["month_second"] or part["month_first"] or 0)
        day = int(part["day"] or part["day_first"] or part["day_second"] or 0)
        if not 1 <= month <= 12 or day > 31:
            return epoch
        instant = instant.replace(year=int(year), month=month, day=1) + timedelta(days=day - 1)
    if part["hour"]:
        hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
        if part["half"]:
            hour = hour % 12 + (12 if part["half"].lower() == "p" else 0)
        if hour > 24 or minute > 59 or second > 59:
            return epoch
        instant = instant.replace(hour=0, minute=minute, second=second, microsecond=0) + timedelta(hours=hour)
    return instant
