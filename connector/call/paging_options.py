"""What a user writes under `pagination`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from connector.config.options import Options, Text, unfit

STRATEGIES = ("page", "offset", "cursor", "next_link", "link_header")


class InputOptions(Options):
    """Where a page's number or cursor goes in a request."""

    place: Literal["form", "query", "header", "json"] = Field(
        alias="in",
        description="`form`: a field of the form payload; `query`: a parameter of the address; `header`: a request "
        "header; `json`: a spot in the JSON payload.",
    )
    name: Text = Field(
        description="Name of the field, parameter or header; with `in: json` a path into the payload.",
        examples=["page", "X-Page", "$.filter.page"],
    )


class CountOptions(InputOptions):
    """A number that grows with each answer, and how much is asked for at once."""

    start: int = Field(description="The first number.", ge=0)
    size: int | None = Field(None, description="How many records a full page has.", ge=1)
    size_name: Text | None = Field(
        None, description="Under which name `size` is sent, in the same place; left out, it is not sent."
    )

    @model_validator(mode="after")
    def _size_goes_with_its_name(self) -> CountOptions:
        if self.size_name is not None and self.size is None:
            raise unfit("size_name is given, but no size to send under it", "size_name")
        return self


class PageOptions(CountOptions):
    """Counting pages: 1, 2, 3 and so on.

    ```yaml
    pagination:
      page: {in: form, name: page, size: 500, size_name: limit}
    ```

    The first request carries `page=1&limit=500`, the next `page=2&limit=500`. It ends at an answer without records; at
    one with fewer than `size` after a full one; or where `total`, `total_pages` or `has_more` say so. A first answer
    with fewer than `size` is not taken for the end, since many APIs cap the size they are asked for: one more page is
    asked for to be sure.
    """

    start: int = Field(1, description="Number of the first page.", ge=0)


class OffsetOptions(CountOptions):
    """Counting records: 0, 500, 1000 and so on.

    ```yaml
    pagination:
      offset: {in: json, name: $.paging.offset, size: 500, size_name: $.paging.limit}
    ```

    Each request goes on after the records received so far, however many the API chose to send. It ends as `page` does.
    """

    start: int = Field(0, description="Offset of the first record.", ge=0)


class CursorOptions(InputOptions):
    """Handing back what the last answer gave.

    ```yaml
    pagination:
      cursor: {from: $.next, in: json, name: $.after}
    ```

    An answer `{"next": "abc", …}` makes the next request carry `{"after": "abc", …}`. It ends where the cursor is
    missing, null, empty, false or 0. An answer without records is not the end while there is a cursor; write
    `stop_on_empty: true` for an API that never stops giving one.
    """

    source: Text | None = Field(
        None, alias="from", description="Path of the cursor in the answer.", examples=["$.meta.next_cursor"]
    )
    from_header: Text | None = Field(
        None, description="Header of the answer that holds the cursor, in place of `from`.", examples=["X-Next-Cursor"]
    )
    start: Text | None = Field(None, description="Cursor of the first request; left out, it carries none.")

    @model_validator(mode="after")
    def _exactly_one_source(self) -> CursorOptions:
        if (self.source is None) == (self.from_header is None):
            raise unfit(
                f"found {'neither' if self.source is None else 'both'}, accepted is exactly one of from and from_header"
            )
        return self


class NextLinkOptions(Options):
    """Following an address in the answer's body, with the same payload again.

    ```yaml
    pagination:
      next_link: {from: $.links.next}
    ```

    The address may be relative. It must stay on the client's own scheme, host and port: the credential goes nowhere
    else. It ends where the address is missing, null, empty or false.
    """

    source: Text = Field(alias="from", description="Path of the address in the answer.", examples=["$.links.next"])


class LinkHeaderOptions(Options):
    """Following the `Link` header (RFC 8288), with the same payload again.

    ```yaml
    pagination:
      link_header: {}
    ```

    `Link: <https://erp.example.com/orders?page=2>; rel="next"` leads on; it ends where there is no such link. The same
    rule of one host holds as for `next_link`.
    """

    rel: Text = Field("next", description="Relation of the link that leads on.")


class PaginationOptions(Options):
    """How to ask for further pages: exactly one of `page`, `offset`, `cursor`, `next_link`, `link_header`.

    `pagination: none`, which is also what happens without the key, sends one request.

    The end is decided on the answer as it came, before any filter. An answer that repeats an earlier one stops the run
    with an error, so that an API that ignores the page does not go on for ever.

    ```yaml
    pagination:
      page: {in: query, name: page}
      total_pages: $.meta.pages
      max_pages: 100
    ```
    """

    page: PageOptions | None = Field(None, description="By number of the page.")
    offset: OffsetOptions | None = Field(None, description="By number of records to pass over.")
    cursor: CursorOptions | None = Field(None, description="By a cursor from the last answer.")
    next_link: NextLinkOptions | None = Field(None, description="By an address in the body of the last answer.")
    link_header: LinkHeaderOptions | None = Field(None, description="By the `Link` header of the last answer.")
    total: Text | None = Field(
        None, description="Path of the number of all records in the answer; the end when as many were received."
    )
    total_pages: Text | None = Field(None, description="Path of the number of all pages in the answer.")
    has_more: Text | None = Field(
        None, description="Path of a truth in the answer; the end when it is false, null, 0, empty or missing."
    )
    stop_on_empty: bool | None = Field(
        None,
        description="Whether an answer without records is the end. Left out: yes with `page` and `offset`, no with the "
        "others, which say by themselves whether they go on.",
    )
    max_pages: int | None = Field(
        None, description="Most requests of one call; what lies beyond is left where it is, with a warning.", ge=1
    )
    max_records: int | None = Field(None, description="Most records of one call; likewise.", ge=1)

    @model_validator(mode="after")
    def _exactly_one_strategy(self) -> PaginationOptions:
        given = [name for name in STRATEGIES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise unfit(
                f"found {found}, accepted is exactly one of {', '.join(STRATEGIES)}", hint="or pagination: none"
            )
        return self

    @model_validator(mode="after")
    def _has_an_end(self) -> PaginationOptions:
        is_counted = self.page is not None or self.offset is not None
        says_end = self.total or self.total_pages or self.has_more or self.max_pages or self.max_records
        if is_counted and self.stop_on_empty is False and not says_end:
            raise unfit(
                "with stop_on_empty: false nothing ends it, one of total, total_pages, has_more and max_pages does",
                "stop_on_empty",
            )
        return self
