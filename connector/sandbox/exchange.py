"""A request as it reaches the shop and an answer as it leaves, free of any HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

HTML: Final = "text/html; charset=utf-8"
"""The content type of the shop's own pages."""

PHP_HTML: Final = "text/html; charset=UTF-8"
"""The content type PHP sends when the shop did not get to name one."""

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class ShopRequest:
    """One request.

    Args:
        method: In upper case.
        path: Without the query.
        query: The query string, undecoded.
        headers: By lower-case name.
        body: Undecoded.
        ip: The caller's address.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    ip: str = "127.0.0.1"

    def header(self, name: str) -> str:
        """Return a header by its lower-case name, empty when it was not sent."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set; without ``max_age_s`` it ends with the browser."""

    name: str
    value: str
    max_age_s: int | None = None

    def render(self) -> str:
        """Return the value of a ``Set-Cookie`` header."""
        lifetime = "" if self.max_age_s is None else f"; Max-Age={self.max_age_s}"
        return f"{self.name}={self.value}{lifetime}; path=/"


@dataclass(frozen=True, slots=True)
class ShopAnswer:
    """One answer."""

    status: int
    content_type: str
    body: bytes
    cookies: tuple[Cookie, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
