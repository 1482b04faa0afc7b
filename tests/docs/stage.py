"""What a snippet of YAML is put into, so that it can be checked as a whole configuration.

A snippet shows what it is about and leaves out the rest: the client, the outgoing of a route. The stage adds what is
missing, and nothing that is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.app.project import KINDS, Project, load
from connector.config.document import read_document
from connector.transform.steps import STEPS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.pages import Block

_SIDES_OF = {"incoming": "subscriber", "outgoing": "publisher"}
_SIDES = _SIDES_OF.keys()
_VARIABLE = re.compile(r"\$\{(\w+)")


class UnmarkedFragmentError(AssertionError):
    """A snippet is neither a configuration, nor a list of steps, nor marked with where it belongs."""


def load_snippet(block: Block, folder: Path) -> Project:
    """Return the configuration that a snippet makes on the stage.

    Args:
        block: A block of YAML.
        folder: Where it may be written.

    Raises:
        ConfigError: It has faults.
    """
    environment = build_environment(block.text)
    path = folder / "snippet.yaml"
    path.write_text(nest(block), encoding="utf-8")
    document = read_document(path, environment=environment)
    document.faults.raise_if_any()
    return load(complete(document.value), environment=environment)


def build_environment(text: str) -> dict[str, str]:
    """Return a value for every variable a text names."""
    return {name: "https://example.com/" if name.endswith("URL") else f"a-{name}" for name in _VARIABLE.findall(text)}


def nest(block: Block) -> str:
    """Return a snippet with the keys above it."""
    text = block.text
    where = block.marks.get("under") or _guess(block)
    for key in reversed(where.split(".") if where else []):
        text = f"{key}:\n" + "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
    return text


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with what it refers to and does not have."""
    whole = {**document, **{kind: {**(document.get(kind) or {})} for kind in KINDS}}
    if whole["alerts"]:  # they need nothing else, and a configuration has a client
        whole["clients"].setdefault("stage", {})
    whole["routes"] = {name: _complete_route(route, whole) for name, route in whole["routes"].items()}
    for kind in _SIDES:
        whole[kind] = {name: _complete_side(kind, one, whole) for name, one in whole[kind].items()}
    whole["clients"] = {name: _complete_client(name, client) for name, client in whole["clients"].items()}
    return whole


def _complete_route(route: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return a route with an outgoing; what it names is put beside it, what it holds is completed."""
    route = {"outgoing": "stage", **route}
    for kind in _SIDES & route.keys():
        if isinstance(route[kind], str):
            whole[kind].setdefault(route[kind], {})
        else:
            route[kind] = _complete_side(kind, route[kind], whole)
    return route


def _complete_side(kind: str, one: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return an incoming or outgoing with a call to a client, which is put beside it."""
    if "webhook" in one:  # its records are sent in: there is no call
        whole["clients"].setdefault("stage", {})
        return one
    side = _SIDES_OF[kind]
    call = _complete_call(one.get(side) or {})
    whole["clients"].setdefault(call["client"], {})
    return {**one, side: call}


def _guess(block: Block) -> str:
    """Return where an unmarked snippet belongs; empty for a whole configuration."""
    keys = re.findall(r"^(\w+):", block.text, re.MULTILINE)
    steps = re.findall(r"^- ([\w.]+):", block.text, re.MULTILINE)
    if keys and set(keys) <= set(KINDS):
        return ""
    if keys == ["pagination"]:
        return "incoming.stage.subscriber"
    if steps and set(steps) <= set(STEPS):
        return "routes.stage.transform"
    raise UnmarkedFragmentError(f"{block}: say where the fragment belongs with <!-- under: … -->")


def _complete_call(call: dict[str, Any]) -> dict[str, Any]:
    is_named = "entity" in call or "route" in call
    whole = {"client": "shop" if "entity" in call else "stage", **call}
    return whole if is_named else {**whole, "route": "stage"}


def _complete_client(name: str, client: dict[str, Any]) -> dict[str, Any]:
    if "connector" not in client:
        client = {"connector": "opencart" if name == "shop" else "http", **client}
    standard = {"base_url": "https://example.com/"}
    if client["connector"] == "opencart":
        standard["key"] = "a-key"
    return {**standard, **client}
