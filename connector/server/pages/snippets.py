"""What a filled-in form is written as elsewhere: YAML for a configuration, and a command for a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.desk.yaml_text import write_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.server.pages.before import Before

_NAME: Final = re.compile(r"[^=\[\]:\s]+")
_INNER: Final = re.compile(r"[^\[\]]+")


def write_call(
    kind: str,
    client: str,
    entity: str,
    payload: Mapping[str, Any],
    before: Sequence[Before] = (),
    *,
    is_route: bool = False,
) -> str:
    """Return the YAML of an incoming or an outgoing that makes this call.

    Args:
        kind: `subscriber` or `publisher`.
        client: Name of the client.
        entity: Catalog id, or a route.
        payload: Its fields.
        before: The steps in the same session ahead of it.
        is_route: Whether `entity` is a route.
    """
    section = "incoming" if kind == "subscriber" else "outgoing"
    call: dict[str, Any] = {"client": client}
    if before:
        call["before"] = [step.written for step in before]
    call["route" if is_route else "entity"] = entity
    if payload:
        call["data"] = dict(payload)
    return "\n".join(write_yaml({section: {name_call(entity): {kind: call}}}))


def name_call(entity: str) -> str:
    """Return a name for an incoming or outgoing that calls an entity: `coupon-apply` for `coupon.apply`."""
    return "-".join(re.findall(r"[a-z0-9]+", entity.lower())) or "call"


def write_command(
    client: str, entity: str, payload: Mapping[str, Any], before: Sequence[Before] = (), *, effect: str = ""
) -> str:
    """Return `connector call …` for a POSIX shell.

    Args:
        client: Name of the client.
        entity: Catalog id, or a route.
        payload: Its fields.
        before: The steps ahead of it.
        effect: With a route: what it changes.
    """
    words = ["connector", "call", client, entity, *write_fields(payload)]
    if effect:
        words += ["--effect", effect]
    for step in before:
        words += ["--before", shlex.join([step.target, *write_fields(step.payload)])]
    return shlex.join(words)


def write_fields(payload: Mapping[str, Any]) -> list[str]:
    """Return a payload as `connector call` takes it: `coupon=2222`, `option[226]=15`, `product:=[…]`."""
    if any(_NAME.fullmatch(name) is None for name in payload):
        return ["--data", _to_json(payload)]
    return [word for name, value in payload.items() for word in _write_field(name, value)]


def _write_field(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value and not _looks_like_list(value) and all(map(_INNER.fullmatch, value)):
        for name, child in value.items():
            yield from _write_field(f"{path}[{name}]", child)
    elif isinstance(value, str):
        yield f"{path}={value}"
    else:
        yield f"{path}:={_to_json(value)}"


def _looks_like_list(value: Mapping[str, Any]) -> bool:
    """Whether the command line would take a mapping with these names for a list."""
    return list(value) == [str(index) for index in range(len(value))]


def _to_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
