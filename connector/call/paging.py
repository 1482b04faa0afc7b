"""Pagination: from the last answer to the next page, or to the end. It decides, and sends nothing.

`compile_paging` makes a frozen `Paging` out of what a user wrote. `Paging.begin` starts one call: a `PagingRun` gives
the first page's input, and after every answer a `Decision`. The end is decided on the answer as it came.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from connector.call.loop import AnswerGuard, LoopGuard
from connector.call.paging_options import STRATEGIES, PaginationOptions
from connector.call.strategy import (
    CountStrategy,
    CursorStrategy,
    Following,
    LinkHeaderStrategy,
    NextLinkStrategy,
    Seen,
    Strategy,
)
from connector.config.check import check
from connector.config.wording import describe
from connector.errors import SubscriberError
from connector.frozen import dataclass
from connector.request import PageInput
from connector.transform.path import compile_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.config.place import Place
    from connector.request import Answer
    from connector.transform.path import Selector

_MISSING: Final = object()
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2."""

_NO: Final[tuple[Any, ...]] = (None, False, 0, "", "0", "false", "False", [], {})
"""What APIs write for "there is no more"."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows an answer.

    Attributes:
        page: What the next request adds, or None at the end.
        take: How many of the answer's records count, from the first; None for all.
        limit: `max_pages` or `max_records` where that ended it, and more was there; else None.
        reason: Why it ended, for logs; empty while it goes on.
    """

    page: PageInput | None
    take: int | None = None
    limit: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Ends:
    """What ends a call, apart from its strategy."""

    total: Selector | None = None
    total_pages: Selector | None = None
    has_more: Selector | None = None
    stop_on_empty: bool | None = None
    max_pages: int | None = None
    max_records: int | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """How a call asks for its pages. Made once, shared by all its runs.

    Attributes:
        where: Its place in the configuration, for messages.
    """

    where: str
    _strategy: Strategy | None = None
    _ends: _Ends | None = None

    @property
    def is_paged(self) -> bool:
        """Whether more than one request may be sent."""
        return self._strategy is not None

    def begin(self) -> PagingRun:
        """Return the state of one call."""
        return PagingRun(self.where, self._strategy, self._ends or _Ends())


class PagingRun:
    """The pages of one call. Memory does not grow with their number."""

    def __init__(self, where: str, strategy: Strategy | None, ends: _Ends) -> None:
        self._where = where
        self._strategy = strategy
        self._ends = ends
        self._number = 0
        self._received = 0
        self._taken = 0
        self._had_full_page = False
        self._answers = AnswerGuard()
        self._marks = LoopGuard()

    def first(self) -> PageInput:
        """Return what the first request adds."""
        return self._strategy.first() if self._strategy is not None else PageInput()

    def next(
        self,
        answer: Answer,
        records: Sequence[Any],
        *,
        headers: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> Decision:
        """Return what follows an answer. Call it once for each, in order.

        Args:
            answer: The answer; its value is what the API gave, before any filter.
            records: All records in it, before any filter.
            headers: Of its response, names in lower case; needed for `link_header` and `cursor.from_header`.
            url: The address it came from, which a next link is relative to (RFC 3986, section 5.1.3); None leaves it
                to the dialect to make it whole. The dialect refuses one to another host, after this page was given.

        Raises:
            SubscriberError: Records, cursor or address repeat those of an earlier page; a path finds no number or no
                cursor.
        """
        self._number += 1
        self._received += len(records)
        if self._strategy is None:
            return self._limit(None, len(records), "one request was asked for")
        seen = Seen(self._number, answer.value, headers, len(records), self._received)
        if self._is_echo(records):
            return Decision(None, take=0, reason=f"page {self._number} repeats page {self._number - 1}, the only one")
        reason = self._find_end(seen)
        if reason:
            return self._limit(None, len(records), reason)
        following = self._strategy.next(seen, self._where)
        if following is None:
            return self._limit(None, len(records), "the answer names no next page")
        page = self._follow(following, seen, url)
        if page is None:
            return self._limit(None, 0, "the same next page again, without records")
        return self._limit(page, len(records), "")

    def _limit(self, page: PageInput | None, count: int, reason: str) -> Decision:
        """Return the decision, after `max_records` and `max_pages`."""
        take = None
        most = self._ends.max_records
        if most is not None and self._taken + count >= most:
            take = most - self._taken
            self._taken = most
            is_more = page is not None or take < count
            return Decision(
                None, take, limit="max_records" if is_more else None, reason=reason or f"max_records {most:,} reached"
            )
        self._taken += count
        if page is not None and self._ends.max_pages is not None and self._number >= self._ends.max_pages:
            return Decision(None, limit="max_pages", reason=f"max_pages {self._ends.max_pages:,} reached")
        return Decision(page, take, reason=reason)

    def _is_echo(self, records: Sequence[Any]) -> bool:
        """Whether this answer repeats the only page there is, which is an end like any other.

        Raises:
            SubscriberError: It repeats an earlier page in any other way.
        """
        assert self._strategy is not None
        if not records:
            return False
        earlier = self._answers.find(self._number, records)
        size = self._strategy.size
        is_short = size is not None and len(records) < size
        if earlier is None:
            return False
        if earlier == 1 and self._number == 2 and is_short:
            return True
        raise SubscriberError(
            f"{self._where}: page {self._number} gives the same records as page {earlier}, so "
            f"{self._strategy.input_name} seems to be ignored by the remote system",
            cure="correct name and in, or write pagination: none if everything comes at once",
        )

    def _find_end(self, seen: Seen) -> str:
        """Return why this answer is the last one, or an empty text."""
        assert self._strategy is not None
        ends, strategy = self._ends, self._strategy
        stops_on_empty = ends.stop_on_empty if ends.stop_on_empty is not None else strategy.is_counted
        if seen.count == 0 and stops_on_empty:
            return "the answer has no records"
        if ends.has_more is not None and self._read(ends.has_more, seen, "has_more") in _NO:
            return f"{ends.has_more.text} says that there is no more"
        total = self._read_number(ends.total, seen, "total")
        if total is not None and seen.total >= total:
            return f"all {total:,} records were received"
        pages = self._read_number(ends.total_pages, seen, "total_pages")
        if pages is not None and seen.number >= pages:
            return f"all {pages:,} pages were received"
        return self._find_short_page(seen, is_counted_elsewhere=total is not None or pages is not None)

    def _find_short_page(self, seen: Seen, *, is_counted_elsewhere: bool) -> str:
        """Return that a page is shorter than a full one that came before; a total, where given, knows better."""
        assert self._strategy is not None
        size = self._strategy.size
        if size is None or is_counted_elsewhere or self._ends.has_more is not None:
            return ""
        if seen.count >= size:
            self._had_full_page = True
            return ""
        return f"{seen.count} records are fewer than {size}" if self._had_full_page else ""

    def _read(self, path: Selector, seen: Seen, key: str) -> Any:
        """Return what a path finds; None where it finds nothing after the first page.

        Raises:
            SubscriberError: It finds nothing in the first answer, so it is most likely written wrongly.
        """
        found = path.first_or(seen.value, _MISSING)
        if found is not _MISSING:
            return found
        if seen.number == 1 and seen.count:
            raise SubscriberError(
                f"{self._where}.{key}: the first answer has nothing at {path.text}",
                cure="correct the path, or leave it out",
            )
        return None

    def _read_number(self, path: Selector | None, seen: Seen, key: str) -> int | None:
        found = self._read(path, seen, key) if path is not None else None
        if isinstance(found, str) and found.strip().isdecimal():
            found = int(found.strip()[:18])
        if path is None or found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise SubscriberError(
                f"{self._where}.{key}: page {seen.number} gives {describe(found)} at {path.text}, which is no number",
                cure="correct the path",
            )
        return int(found) if found >= 0 else None  # some APIs say -1 where they have not counted

    def _follow(self, following: Following, seen: Seen, url: str | None) -> PageInput | None:
        """Return the next page, its address resolved; None for a cursor that repeats after an answer without records.

        Raises:
            SubscriberError: The cursor or address was followed before.
        """
        page, mark = following.page, following.mark
        if page.url is not None:
            mark = _resolve(page.url, url)
            page = PageInput(url=mark)
        if mark is None:
            return page
        earlier = self._marks.find(seen.number, mark.encode("utf-8", "replace"))
        if earlier is None:
            return page
        if seen.count == 0:
            return None
        raise SubscriberError(
            f"{self._where}: page {seen.number} leads on to the same page as page {earlier} did, which would never end",
            cure="correct the path the next page is read from; it should name what comes after this answer",
        )


def _resolve(link: str, url: str | None) -> str:
    try:
        return urljoin(url or "", link)
    except ValueError:
        return link


def compile_paging(raw: Any, place: Place) -> Paging | None:
    """Make a pagination ready, or report faults and return None.

    Args:
        raw: What the user wrote: `none` (also null and false), or a mapping as `PaginationOptions` says.
        place: Where it stands.
    """
    if raw is None or raw is False or raw == "none":
        return Paging(place.where)
    if not isinstance(raw, dict):
        place.fault(f"found {describe(raw)}, accepted is none, or a mapping with one of {', '.join(STRATEGIES)}")
        return None
    before = len(place.faults)
    options = check(PaginationOptions, place)
    if options is None:
        return None
    strategy = _build_strategy(options, place)
    _check_inputs(options, place)
    ends = _Ends(
        total=_compile(options.total, place.child("total")),
        total_pages=_compile(options.total_pages, place.child("total_pages")),
        has_more=_compile(options.has_more, place.child("has_more")),
        stop_on_empty=options.stop_on_empty,
        max_pages=options.max_pages,
        max_records=options.max_records,
    )
    return Paging(place.where, strategy, ends) if len(place.faults) == before else None


def _build_strategy(options: PaginationOptions, place: Place) -> Strategy:
    if options.page is not None:
        return CountStrategy(options.page, counts_records=False)
    if options.offset is not None:
        return CountStrategy(options.offset, counts_records=True)
    if options.cursor is not None:
        return CursorStrategy(options.cursor, _compile(options.cursor.source, place.child("cursor", "from")))
    if options.next_link is not None:
        return NextLinkStrategy(compile_path(options.next_link.source, place.child("next_link", "from")))
    assert options.link_header is not None, "PaginationOptions has exactly one strategy"
    return LinkHeaderStrategy(options.link_header)


def _check_inputs(options: PaginationOptions, place: Place) -> None:
    """Report names that the place they go to cannot have."""
    for key, given in (("page", options.page), ("offset", options.offset), ("cursor", options.cursor)):
        names = {} if given is None else {"name": given.name, "size_name": getattr(given, "size_name", None)}
        for name_key, name in names.items():
            if given is None or name is None:
                continue
            spot = place.child(key, name_key)
            if given.place == "json" and not compile_path(name, spot).plain:
                spot.fault(f"found {name}, accepted is a path to one spot of the payload, such as $.filter.page")
            elif given.place == "header" and not _HEADER_NAME.fullmatch(name):
                spot.fault(f"found {name!r}, accepted is the name of a header, such as X-Page")


def _compile(path: str | None, place: Place) -> Selector | None:
    return compile_path(path, place) if path is not None else None
