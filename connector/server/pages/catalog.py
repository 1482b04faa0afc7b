"""The catalog: what each client can be asked, a form for each entity, and a call made from it.

A call that only reads is made at once. One that changes the session or the shop's data is told in words first, and made
when that is confirmed; a confirmation counts once.
"""

from __future__ import annotations

from dataclasses import field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from connector.catalog.catalog import AUTO
from connector.catalog.difference import find_differences
from connector.catalog.entity import Entity, Field, FieldType, Variant
from connector.catalog.listing import describe_entity, list_entities, tell_call
from connector.errors import UnknownEntityError
from connector.frozen import dataclass
from connector.request import Effect, Repeat
from connector.server.doors.roles import Role
from connector.server.pages.before import Before, read_before, write_before
from connector.server.pages.blanks import PREFIX, Blank, make_blanks, read_blanks, read_json, write_texts
from connector.server.pages.confirmations import Confirmations
from connector.server.pages.render import Renderer
from connector.server.pages.snippets import write_call, write_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.datastructures import FormData

    from connector.app.project import ClientPlan
    from connector.catalog.catalog import Catalog
    from connector.server.context import Context

ANY_ROUTE: Final = "-"
"""What stands in an address in place of an entity where a route is to be called that no catalog lists."""

FIRST_CLIENT: Final = """clients:
  shop:
    connector: opencart
    base_url: ${SHOP_URL}
    username: ${SHOP_USERNAME:Default}
    key: ${SHOP_KEY}"""

EFFECTS: Final = (
    ("", "anything"),
    ("read", "nothing: it reads"),
    ("session", "the session"),
    ("commit", "the shop's data"),
)
_ORDER: Final = ("read", "session", "commit", "commit+notify")
_ROUTE_EFFECTS: Final = ("commit", "session", "read")


@dataclass(frozen=True, slots=True)
class Shown:
    """The client whose catalog is shown.

    Attributes:
        client: Its name.
        catalog: What it can be asked.
        spoken: The dialect it speaks, or `auto` where it has not been found out yet.
        chosen: The dialect in which the catalog is told.
    """

    client: str
    catalog: Catalog
    spoken: str
    chosen: str

    @property
    def dialects(self) -> tuple[str, ...]:
        """Every dialect of the catalog."""
        return tuple(self.catalog.dialects)


@dataclass(frozen=True, slots=True)
class Written:
    """A call as a person wrote it.

    Attributes:
        target: Catalog id, or a route.
        payload: Its fields.
        before: The steps ahead of it.
        effect: The strongest of all steps.
        is_route: Whether `target` is a route.
        texts: What stands in the inputs, by name.
        before_text: What stands in the input of the steps ahead.
        problems: What is wrong, by input; under `before` what is wrong with the steps.
    """

    target: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Before, ...] = ()
    effect: str = "read"
    is_route: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    before_text: str = ""
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
