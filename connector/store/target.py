"""Which database is meant: a path, or a URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from connector.errors import Recovery, StoreError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_CURE: Final = "write a path, sqlite:///path or postgresql://user:password@host/database"


@dataclass(frozen=True, slots=True)
class Target:
    """A database.

    Attributes:
        name: As messages name it: without a password.
        path: The SQLite file, or None for PostgreSQL.
        url: Where PostgreSQL is reached, for the psycopg driver, or None for SQLite. Its `repr` hides the password.
    """

    name: str
    path: Path | None
    url: URL | None


def read_target(text: str | Path) -> Target:
    """Return which database a setting means.

    Args:
        text: A path (`data/connector.db`), `sqlite:///data/connector.db`, or `postgresql://…` (also `postgres://…` and
            `postgresql+psycopg://…`).

    Raises:
        StoreError: It is none of these.
    """
    if str(text) == ":memory:":
        raise StoreError(
            "CONNECTOR_DATABASE (:memory:): a SQLite database is a file", cure=_CURE, recovery=Recovery.ABORT
        )
    if isinstance(text, Path) or "://" not in text:
        return _sqlite(Path(text))
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite":
        path = unquote(rest.partition("?")[0])
        if not path.startswith("/") or path == "/" or ":memory:" in path:
            raise _fault("a SQLite database is a file", text)
        return _sqlite(Path(path[1:]))
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise _fault(f"{scheme} is no database this program can use", text)
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError) as error:
        raise _fault("it is not a URL", text) from error
    return Target(url.set(drivername="postgresql").render_as_string(hide_password=True), None, url)


def _sqlite(path: Path) -> Target:
    return Target(str(path), path, None)


def _fault(message: str, text: str) -> StoreError:
    shown = text.partition("://")[0]  # what follows may hold a password
    return StoreError(f"CONNECTOR_DATABASE ({shown}://…): {message}", cure=_CURE, recovery=Recovery.ABORT)
