"""A request as the `connector call …` command that repeats it, for people to copy.

Requests are kept masked, so no secret gets into a command: where a masked field stands, `***` does, and `note_on_call`
says that it has to be filled in.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from connector.errors import UnknownEntityError
from connector.publisher.publisher import Preview
from connector.redaction import MASK
from connector.transform.checker import has_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connector.app.project import Project
    from connector.catalog.catalog import Catalog
    from connector.catalog.entity import Variant
    from connector.store.rows import ExchangeRow

_PLAIN_NAME: Final = re.compile(r"[^=\[\]:]+")
_FLAT_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INNER: Final = re.compile(r"\[([^\[\]]*)\]")

_MEANS_MORE: Final = re.compile(r'["$`\\!]')
"""What a shell reads within double quotes."""

_CUT: Final = "the request was too long to be kept whole, and cannot be repeated from here"
_MOST_STEPS: Final = 30
_OWN: Final = "the program does this by itself: any other call does it first"
_CHANGES: Final = "it changes the data of the other side: run again, it may do so a second time"
_NO_PAYLOAD: Final = "what it sends depends on an earlier answer"


def as_call(project: Project, client: str, said: ExchangeRow | Preview, *, before: Sequence[ExchangeRow] = ()) -> str:
    """Return the command that repeats a request, quoted for a shell; empty where it cannot be repeated.

    Args:
        project: Has the client.
        client: Its name.
        said: A request that was sent, or a payload that would be.
        before: What was said ahead of it in the same session: those of them that changed the session are put in front
            as `--before`.
    """
    found = _read(project, client, said)
    if found is None or _is_reserved(project, client, said.entity):
        return ""
    entity, payload = found
    words = ["connector", "call", client, entity, *_to_words(payload)]
    for step, fields in _read_steps(project, client, entity, before):
        words += ["--before", " ".join(map(_quote, (step, *_to_words(fields, is_step=True))))]
    return " ".join(map(_quote, words))


def note_on_call(
    project: Project, client: str, said: ExchangeRow | Preview, *, before: Sequence[ExchangeRow] = ()
) -> str:
    """Return what a person has to know ahead of running `as_call`, one sentence; empty for nothing."""
    found = _read(project, client, said)
    if found is None:
        return _NO_PAYLOAD if isinstance(said, Preview) else _CUT
    if _is_reserved(project, client, said.entity):
        return _OWN
    notes = [_CHANGES] if _commits(project, client, found[0]) else []
    read = (found, *_read_steps(project, client, found[0], before))
    masked = sorted({name for _, fields in read for name in _find_masked(fields)})
    if masked:
        notes.append(f"{MASK} stands for what is masked: fill in {', '.join(masked)}")
    return "; ".join(notes)


def _read_steps(
    project: Project, client: str, entity: str, before: Sequence[ExchangeRow]
) -> list[tuple[str, dict[str, Any]]]:
    """Return those requests ahead of another one that it builds on: the ones of its session that left something there.

    Only so many right ahead of it are looked at: a command of more steps is none that anybody types.
    """
    variants = _find_variants(project, client, entity)
    if variants and not any(variant.is_stateful for variant in variants):
        return []
    steps: list[tuple[str, dict[str, Any]]] = []
    for earlier in before[-_MOST_STEPS:]:
        if _is_reserved(project, client, earlier.entity):  # a log-in: a session that has nothing in it
            steps.clear()
        elif _is_step(project, client, earlier.entity):
            step = _read(project, client, earlier)
            steps += [] if step is None else [step]
    return steps


def _read(project: Project, client: str, said: ExchangeRow | Preview) -> tuple[str, dict[str, Any]] | None:
    """Return what was called and its payload, in the words of the catalog; None where that is not known."""
    if isinstance(said, Preview):
        return None if said.payload is None else (said.entity, said.payload)
    plan = project.clients.get(client)
    form: Any = {}
    if said.request:
        try:
            form = orjson.loads(said.request)
        except orjson.JSONDecodeError:
            return None
    if not isinstance(form, dict):
        return None
    query = dict(parse_qsl(urlsplit(said.url).query, keep_blank_values=True))
    if plan is not None and plan.target.catalog.entities:
        named = _name_fields(plan.target.catalog, said.entity, query, form)
        if named is not None:
            return said.entity, named
    route = query.get("route", said.entity)
    return route, _nest(form)


def _name_fields(
    catalog: Catalog, name: str, query: Mapping[str, str], form: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the fields of a request under the names of the catalog; None where it has others besides."""
    try:
        entity = catalog.find(name)
    except UnknownEntityError:
        return None
    for variant in entity.variants.values():
        if variant.is_local or not _is_called(variant, query):
            continue
        fields = _unwire(variant, query, form, has_draft=_keeps_draft(catalog, variant.dialect))
        if fields is not None:
            return fields
    return None


def _is_called(variant: Variant, query: Mapping[str, str]) -> bool:
    return query.get("route") == variant.route and all(query.get(key) == value for key, value in variant.query.items())


def _keeps_draft(catalog: Catalog, dialect: str) -> bool:
    """Whether the remote system keeps no session, so that every request has with it what was said before."""
    return any(entity.variants[dialect].draft for entity in catalog.entities if dialect in entity.variants)


def _unwire(
    variant: Variant, query: Mapping[str, str], form: Mapping[str, Any], *, has_draft: bool
) -> dict[str, Any] | None:
    """Return the fields of a request by their names; None where it has others, unless they come from earlier ones."""
    names = {variant.renames.get(field.name, field.name): field.name for field in variant.fields}
    known = {field.name for field in variant.fields}
    fields: dict[str, Any] = {name: query[name] for name in variant.query_fields if name in query}
    for wire, value in form.items():
        match = _FLAT_KEY.fullmatch(wire)
        top = match[1] if match else wire
        name = names.get(top, top)
        if name in known:
            fields[name + wire[len(top) :]] = value
        elif not has_draft and variant.form.get(wire) != str(value):
            return None
    nested = _nest(fields)
    if variant.draft_change == "choose":  # what is sent is the entry that was chosen by its code
        nested = {
            name: value.get("code", value) if isinstance(value, dict) else value for name, value in nested.items()
        }
    return nested


def _nest(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat fields such as `option[226]` as nested ones; names that count from 0 make a list."""
    nested: dict[str, Any] = {}
    for name, value in form.items():
        match = _FLAT_KEY.fullmatch(name)
        keys = [match[1], *_INNER.findall(match[2])] if match else [name]
        here = nested
        for key in keys[:-1]:
            below = here.get(key)
            if not isinstance(below, dict):
                below = here[key] = {}
            here = below
        here[keys[-1]] = value
    return {name: _fold(value) for name, value in nested.items()}


def _fold(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    children = {name: _fold(child) for name, child in value.items()}
    if children and list(children) == [str(index) for index in range(len(children))]:
        return list(children.values())
    return children


def _is_reserved(project: Project, client: str, entity: str) -> bool:
    """Whether the program makes the call by itself, and nobody can choose it."""
    plan = project.clients.get(client)
    try:
        return plan is not None and bool(plan.target.catalog.find(entity).reserved)
    except UnknownEntityError:
        return False


def _is_step(project: Project, client: str, entity: str) -> bool:
    """Whether a call leaves something in the session that a later one builds on."""
    variants = _find_variants(project, client, entity)
    return any(variant.sets and not variant.effect.commits for variant in variants)


def _commits(project: Project, client: str, entity: str) -> bool:
    """Whether a call outlives its session, as one that the catalog does not know has to be taken to."""
    variants = _find_variants(project, client, entity)
    return not variants or any(variant.effect.commits for variant in variants)


def _find_variants(project: Project, client: str, entity: str) -> tuple[Variant, ...]:
    plan = project.clients.get(client)
    try:
        return () if plan is None else tuple(plan.target.catalog.find(entity).variants.values())
    except UnknownEntityError:
        return ()


def _to_words(payload: Mapping[str, Any], *, is_step: bool = False) -> list[str]:
    """Return a payload as it is typed: `name=text`, `name:=json`; as one `--data` where a name cannot be typed so."""
    safe = {name: _escape(value) for name, value in payload.items()}
    if is_step or all(_PLAIN_NAME.fullmatch(name) for name in safe):
        return [
            f"{name}={value}" if isinstance(value, str) else f"{name}:={_dump(value)}" for name, value in safe.items()
        ]
    return ["--data", _dump(safe)]


def _quote(word: str) -> str:
    """Return a word as a shell reads it; in double quotes where it holds single ones and nothing that means more."""
    quoted = shlex.quote(word)
    if "'" in word and not _MEANS_MORE.search(word):
        return f'"{word}"'
    return quoted


def _escape(value: Any) -> Any:
    """Return a value in which no text is taken for a template."""
    match value:
        case dict():
            return {name: _escape(child) for name, child in value.items()}
        case list():
            return [_escape(child) for child in value]
        case str() if has_template(value):
            return "{{ " + json.dumps(value, ensure_ascii=False) + " }}"
        case _:
            return value


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _find_masked(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, child in value.items():
                yield from _find_masked(child, f"{name}.{key}" if name else str(key))
        case list():
            for index, child in enumerate(value):
                yield from _find_masked(child, f"{name}[{index}]")
        case str() if MASK in value:
            yield name
        case _:
            pass
