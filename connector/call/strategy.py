"""The kinds of pagination: each says what the first request adds, and what the next one after an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from connector.config.wording import describe
from connector.errors import SubscriberError
from connector.frozen import dataclass
from connector.request import PageInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.call.paging_options import CountOptions, CursorOptions, InputOptions, LinkHeaderOptions
    from connector.transform.path import Selector

_NO_CURSOR: Final[tuple[Any, ...]] = (None, "", False, 0, [], {})


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, as the strategies look at it.

    Attributes:
        number: Of the page, from 1.
        value: The decoded body.
        headers: Of the response, names in lower case; None where the caller has none to give.
        count: Records in this answer.
        total: Records in all answers so far, this one included.
    """

    number: int
    value: Any
    headers: Mapping[str, str] | None
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Following:
    """A strategy's way on.

    Attributes:
        page: What the next request adds.
        mark: What may not come twice: the cursor, or the address; None where pages are counted.
    """

    page: PageInput
    mark: str | None = None


class Strategy(Protocol):
    """One kind of pagination. Frozen: the same answer gives the same next page."""

    @property
    def size(self) -> int | None:
        """How many records a full page has, where that is known."""
        ...

    @property
    def is_counted(self) -> bool:
        """Whether it could go on for ever by itself, so that records or totals must tell the end."""
        ...

    @property
    def input_name(self) -> str:
        """What the remote system seems to ignore when answers repeat, for messages."""
        ...

    def first(self) -> PageInput:
        """Return what the first request adds."""
        ...

    def next(self, seen: Seen, where: str) -> Following | None:
        """Return the way on, or None where the answer gives none.

        Args:
            seen: The last answer.
            where: The place in the configuration, for errors.

        Raises:
            SubscriberError: What the answer gives cannot be sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class CountStrategy:
    """By a number that grows with each answer.

    Attributes:
        options: Where the number goes, and how it begins.
        counts_records: Whether it grows by as many records as came, which may be fewer than were asked for; else by
            one a page.
    """

    options: CountOptions
    counts_records: bool

    is_counted: ClassVar = True

    @property
    def size(self) -> int | None:
        """How many records a full page has, where that is known."""
        return self.options.size

    @property
    def input_name(self) -> str:
        """The field or parameter that holds the number."""
        return self.options.name

    def first(self) -> PageInput:
        """Return the first number, and the size."""
        return _count(self.options, self.options.start)

    def next(self, seen: Seen, where: str) -> Following:
        """Return the number behind everything that was received."""
        del where
        return Following(
            _count(self.options, self.options.start + (seen.total if self.counts_records else seen.number))
        )


@dataclass(frozen=True, slots=True)
class CursorStrategy:
    """By a cursor from body or header.

    Attributes:
        options: What the user wrote.
        source: Where the cursor stands in the body; None where it stands in a header.
    """

    options: CursorOptions
    source: Selector | None

    size: ClassVar = None
    is_counted: ClassVar = False

    @property
    def input_name(self) -> str:
        """The field or parameter that holds the cursor."""
        return self.options.name

    def first(self) -> PageInput:
        """Return the cursor to start with, where one is given."""
        start = self.options.start
        return _put(self.options, {self.options.name: start}) if start is not None else PageInput()

    def next(self, seen: Seen, where: str) -> Following | None:
        """Return the answer's cursor."""
        if self.source is not None:
            origin, cursor = self.source.text, self.source.first_or(seen.value, None)
        else:
            origin = self.options.from_header or ""
            cursor = _read_header(seen, origin, where)
        if cursor in _NO_CURSOR:
            return None
        if cursor is True or (self.options.place != "json" and not isinstance(cursor, str | int | float)):
            raise SubscriberError(
                f"{where}.cursor: page {seen.number} gives {describe(cursor)} at {origin}, which is no cursor",
                cure="correct the path; a truth that says whether there is more goes under has_more",
            )
        mark = cursor if isinstance(cursor, str) else json.dumps(cursor, ensure_ascii=False)
        return Following(_put(self.options, {self.options.name: cursor}), mark)


@dataclass(frozen=True, slots=True)
class NextLinkStrategy:
    """By an address in the body."""

    source: Selector

    size: ClassVar = None
    is_counted: ClassVar = False
    input_name: ClassVar = "the address"

    def first(self) -> PageInput:
        """Return nothing: the first request goes to the entity's own address."""
        return PageInput()

    def next(self, seen: Seen, where: str) -> Following | None:
        """Return the answer's address, relative or absolute as it stands there."""
        link = self.source.first_or(seen.value, None)
        if link in _NO_CURSOR:
            return None
        if not isinstance(link, str):
            raise SubscriberError(
                f"{where}.next_link: page {seen.number} gives {describe(link)} at {self.source.text}, not an address",
                cure="correct the path",
            )
        return Following(PageInput(url=link.strip()), link.strip())


@dataclass(frozen=True, slots=True)
class LinkHeaderStrategy:
    """By the `Link` header."""

    options: LinkHeaderOptions

    size: ClassVar = None
    is_counted: ClassVar = False
    input_name: ClassVar = "the address"

    def first(self) -> PageInput:
        """Return nothing: the first request goes to the entity's own address."""
        return PageInput()

    def next(self, seen: Seen, where: str) -> Following | None:
        """Return the target of the first link with the relation asked for."""
        from connector.call.link import parse_link_header  # noqa: PLC0415 - most APIs do without this header

        wanted = self.options.rel.lower()
        for link in parse_link_header(_read_header(seen, "link", where)):
            if wanted in link.relations and link.target:
                return Following(PageInput(url=link.target), link.target)
        return None


def _read_header(seen: Seen, name: str, where: str) -> str:
    """Return a header, empty where the answer has none.

    Raises:
        SubscriberError: The client hands no headers on; taken for "no more pages", that would lose records.
    """
    if seen.headers is None:
        raise SubscriberError(
            f"{where}: the header {name} is asked for, and this client hands on no headers",
            cure="use a pagination that reads the body",
        )
    return seen.headers.get(name.lower(), "")


def _count(options: CountOptions, number: int) -> PageInput:
    values: dict[str, Any] = {options.name: number}
    if options.size_name is not None:
        values[options.size_name] = options.size
    return _put(options, values)


def _put(options: InputOptions, values: Mapping[str, Any]) -> PageInput:
    """Return values at the place the options name: as text, in JSON as they are."""
    if options.place == "json":
        return PageInput(json=values)
    texts = {name: str(value) for name, value in values.items()}
    match options.place:
        case "form":
            return PageInput(form=texts)
        case "query":
            return PageInput(query=texts)
        case "header":
            return PageInput(headers={name.lower(): text for name, text in texts.items()})
