"""A call put together from names and values, with no YAML: what `connector call` makes, for Python as well.

It is checked as a written one is: entity, fields, templates. What is typed is taken as it is: `${NAME}` is text here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.app.names import find_named
from connector.call.options import CallOptions
from connector.call.plan import compile_call
from connector.config.check import check
from connector.config.node import Position
from connector.config.place import Faults, Place, build_node
from connector.errors import UnknownEntityError
from connector.transform.template import Templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.app.project import Project
    from connector.call.plan import CallPlan, Target
    from connector.errors import Fault

SOURCE: Final = "command line"
"""What faults name in place of a file."""


def compile_typed_call(
    project: Project,
    client: str,
    target: str,
    payload: Mapping[str, Any],
    *,
    before: Iterable[tuple[str, Mapping[str, Any]]] = (),
    effect: str | None = None,
    warnings: list[Fault] | None = None,
) -> CallPlan:
    """Return a call made ready, as if it were written in the project.

    Args:
        project: Whose client is called.
        client: The client's name.
        target: Id or title of an entity, or a route: whatever has a slash, and anything for a client without a catalog.
        payload: Fields; texts may be templates that use `steps`, the answers of earlier steps.
        before: Target and payload of the steps that come first in the same session.
        effect: With a route: `read`, `session` or `commit`, which is what it counts as where it is left out.
        warnings: Takes what is no fault and most likely not meant, such as a step that lacks what it builds on.

    Raises:
        UnknownNameError: The project has no client of that name.
        ConfigError: An entity is unknown, a field does not fit, or a template cannot be read; all faults are in it.
    """
    plan = find_named("client", client, project.clients)
    written = {
        "client": client,
        **_describe_target(plan.target, target),
        "data": dict(payload),
        "before": [{**_describe_target(plan.target, name), "data": dict(fields)} for name, fields in before],
    }
    if effect is not None:
        written["effect"] = effect
    position = Position(SOURCE)
    faults = Faults()
    place = Place((), build_node(written, position), position, faults)
    options = check(CallOptions, place)
    call = None
    if options is not None:
        call = compile_call(
            options,
            place,
            target=plan.target,
            templates=Templates(),
            is_publisher=True,
            warnings=[] if warnings is None else warnings,
        )
    faults.raise_if_any()
    assert call is not None, "a call without faults has a plan"
    return call


def _describe_target(target: Target, name: str) -> dict[str, str]:
    if not target.catalog.entities:
        return {"route": name}
    try:
        target.catalog.find(name)
    except UnknownEntityError:
        return {"route": name} if "/" in name else {"entity": name}
    return {"entity": name}
