"""What a client's remote system can be asked, with the YAML and the command that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.catalog.catalog import load_catalog
from connector.catalog.difference import find_differences
from connector.catalog.listing import describe_entity, find_main_dialect, list_entities
from connector.components import CONNECTORS
from connector.config.wording import did_you_mean, join_names
from connector.desk.yaml_text import write_yaml
from connector.errors import UnknownNameError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.app.project import Project
    from connector.catalog.catalog import Catalog
    from connector.catalog.difference import Difference
    from connector.catalog.entity import Entity, Variant
    from connector.catalog.listing import EntityDetail, EntityRow


@dataclass(frozen=True, slots=True)
class EntityPage:
    """One entity, as a person browses it.

    Attributes:
        entity: The entity, in all dialects.
        variant: As the dialect that is shown has it: its fields, with types and choices, for a form.
        detail: The same in words.
        differences: What other dialects do otherwise; empty where one dialect was asked for.
        yaml: The example as it is written in a configuration.
    """

    entity: Entity
    variant: Variant
    detail: EntityDetail
    differences: tuple[Difference, ...]
    yaml: str


def open_catalog(system: str) -> Catalog:
    """Return the catalog of a connector package; an empty one where its clients name routes alone.

    Raises:
        UnknownNameError: There is no such package.
    """
    if system not in CONNECTORS:
        raise UnknownNameError(
            f'no connector is called "{system}", there are: {join_names(CONNECTORS)}',
            cure=did_you_mean(system, CONNECTORS),
        )
    return load_catalog(system)


def browse(catalog: Catalog, *, dialect: str | None = None, search: str = "") -> list[EntityRow]:
    """Return one row for each entity, in an order in which they can be called; see `list_entities`.

    Raises:
        UnknownNameError: The catalog has no such dialect.
    """
    _check_dialect(catalog, dialect)
    return list_entities(catalog, dialect, search=search)


def open_entity(catalog: Catalog, name: str, *, dialect: str | None = None, client: str = "shop") -> EntityPage:
    """Return one entity with all there is to say about it.

    Args:
        catalog: The catalog.
        name: Id or title.
        dialect: As this one has it; its main dialect where left out, with the differences of the others.
        client: What the example calls the client.

    Raises:
        UnknownNameError: The catalog has no such dialect.
        UnknownEntityError: There is no such entity, or the dialect lacks it.
    """
    _check_dialect(catalog, dialect)
    entity = catalog.find(name)
    spoken = dialect or find_main_dialect(catalog, entity)
    detail = describe_entity(catalog, entity, spoken)
    differences = tuple(find_differences(catalog, entity)) if dialect is None else ()
    yaml = "\n".join(write_call(client, detail.id, detail.example, is_read=_is_read(detail), before=detail.before))
    return EntityPage(entity, entity.variant(spoken), detail, differences, yaml)


def find_dialect(project: Project, client: str) -> str | None:
    """Return the dialect that a client speaks as it is configured; None where it is found out when it is used."""
    dialect = project.clients[client].target.dialect
    return dialect if dialect in project.clients[client].target.catalog.dialects else None


def write_call(
    client: str, entity: str, payload: Mapping[str, Any], *, is_read: bool, before: tuple[str, ...] = ()
) -> list[str]:
    """Return a call as lines of YAML, as it is written in a configuration.

    Args:
        client: Whom it calls.
        entity: What it calls.
        payload: Its fields; empty for none.
        is_read: Whether it goes under `subscriber`, else under `publisher`.
        before: The steps ahead of it, by their entities.
    """
    lines = ["subscriber:" if is_read else "publisher:", f"  client: {client}"]
    if before:
        lines.append("  before:")
        lines += [f"    - entity: {step}  # with its own data" for step in before]
    lines.append(f"  entity: {entity}")
    if payload:
        lines.append("  data:")
        lines += [f"    {line}" for line in write_yaml(dict(payload))]
    return lines


def _is_read(detail: EntityDetail) -> bool:
    return detail.effect.startswith("read")


def _check_dialect(catalog: Catalog, dialect: str | None) -> None:
    if dialect is not None and dialect not in catalog.dialects:
        raise UnknownNameError(
            f'{catalog.system} has no dialect "{dialect}", there are: {join_names(catalog.dialects)}',
            cure=did_you_mean(dialect, catalog.dialects),
        )
