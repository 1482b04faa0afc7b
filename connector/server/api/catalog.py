"""The catalog: what a remote system can be asked, entity by entity."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from connector.app.names import find_named
from connector.desk.catalog import browse, find_dialect, open_catalog, open_entity
from connector.server.api.fields import Answer, Json, Text
from connector.server.api.problem import tell_responses
from connector.server.doors.doors import Caller
from connector.server.doors.roles import Role

if TYPE_CHECKING:
    from connector.catalog.catalog import Catalog
    from connector.server.context import Context

TAG: Final = "catalog"
DEFAULT: Final = "opencart"


class EntityRow(Answer):
    """One line of the list of entities."""

    id: str = Field(examples=["coupon.apply"])
    title: str
    effect: str
    repeat: str
    fields: str = Field(description="Names of the fields, the required ones with a star.")
    summary: str
    dialects: list[str] = Field(description="The generations that have it.")
    instead: dict[str, str] = Field(description="What does the same, by the generation that lacks it.")


class EntityList(Answer):
    """What can be asked."""

    connector: str
    dialects: list[str]
    entities: list[EntityRow]


class EntityField(Answer):
    """One field of an entity."""

    name: str
    is_required: bool
    accepts: str
    default: str
    meaning: str
    why: str
    wire_name: str
    is_masked: bool


class EntityDifference(Answer):
    """What other generations do otherwise."""

    dialects: list[str]
    is_absent: bool
    lines: list[str]


class Entity(Answer):
    """Everything about one entity, in one dialect."""

    id: str
    title: str
    aliases: list[str]
    dialect: str
    route: str
    query: dict[str, str]
    is_composite: bool
    summary: str
    effect: str
    repeat: str
    reserved: str
    fields: list[EntityField]
    query_fields: list[str]
    fixed: list[str]
    codes: list[str]
    needs: list[str]
    stores: str
    draft: str
    clears_on_success: str
    clears_on_failure: str
    success_keys: list[str]
    empty: str
    records: str
    is_paged: bool
    warnings: list[str]
    refuses: dict[str, str]
    before: list[str]
    example: dict[str, Json]
    differences: list[EntityDifference]
    yaml: str = Field(description="The example as it is written in a configuration.")


Connector = Annotated[Text, Query(description="Whose catalog, where no client is named.")]
ClientName = Annotated[Text | None, Query(description="The catalog of this client, in the dialect it speaks.")]
Dialect = Annotated[Text | None, Query(description="Only this generation of the remote system.", examples=["3.0"])]


def add_endpoints(router: APIRouter, context: Context) -> None:
    """Add what can be asked about the catalog."""
    reader = Depends(context.doors.api(Role.READ))

    def choose(connector: str, client: str | None, dialect: str | None) -> tuple[Catalog, str | None, str]:
        """Return the catalog, the dialect, and what the example calls the client."""
        if client is None:
            return open_catalog(connector), dialect, "shop"
        project = context.service.project
        plan = find_named("client", client, project.clients)
        return plan.target.catalog, dialect or find_dialect(project, client), client

    @router.get(
        "/catalog", tags=[TAG], operation_id="list_entities", response_model=EntityList, responses=tell_responses(404)
    )
    async def list_entities(
        connector: Connector = DEFAULT,
        client: ClientName = None,
        dialect: Dialect = None,
        search: Annotated[Text, Query(description="Only entities with this text in id, title or summary.")] = "",
        _caller: Caller = reader,
    ) -> Any:
        """List what a remote system can be asked, in an order in which it can be."""
        catalog, spoken, _ = choose(connector, client, dialect)
        rows = browse(catalog, dialect=spoken, search=search)
        return {
            "connector": connector if client is None else context.service.project.clients[client].package.name,
            "dialects": list(catalog.dialects),
            "entities": [asdict(row) for row in rows],
        }

    @router.get(
        "/catalog/{entity}", tags=[TAG], operation_id="get_entity", response_model=Entity, responses=tell_responses(404)
    )
    async def get_entity(
        entity: Annotated[str, Path(max_length=200, description="Its id or title.", examples=["coupon.apply"])],
        connector: Connector = DEFAULT,
        client: ClientName = None,
        dialect: Dialect = None,
        _caller: Caller = reader,
    ) -> Any:
        """Return one entity: its fields, what it changes, what a second call does, how it is written in YAML."""
        catalog, spoken, named = choose(connector, client, dialect)
        page = open_entity(catalog, entity, dialect=spoken, client=named)
        differences = [asdict(difference) for difference in page.differences]
        return {**asdict(page.detail), "differences": differences, "yaml": page.yaml}
