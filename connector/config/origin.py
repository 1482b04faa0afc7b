"""The effective configuration: every value that holds, and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from connector.config.shape import list_keys
from connector.frozen import dataclass
from connector.redaction import MASK, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.config.place import Place


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that holds.

    Attributes:
        where: Its path: `clients.shop.timeout.total`.
        value: As JSON has it, durations and sizes as text (`10s`), secrets as `***`.
        origin: `configs/shop.yaml:4:13`, `environment SHOP_URL`, `.env SHOP_URL`,
            `file /run/secrets/key (SHOP_KEY_FILE)`, `default in configs/shop.yaml:4:13` or `built-in default`; several,
            joined by commas, where several variables make up one text.
    """

    where: str
    value: Any
    origin: str


def effective(model: BaseModel, place: Place) -> list[Setting]:
    """Return every value of a checked model in the order of its fields, built-in defaults included.

    Args:
        model: What `check` returned.
        place: The place it was checked at.
    """
    return list(_walk(model, model.model_dump(mode="json", warnings=False), place, place.origin, is_named_secret=False))


def _walk(value: Any, shown: Any, place: Place, origin: str, *, is_named_secret: bool) -> Iterator[Setting]:
    """Give the settings below a value.

    Args:
        value: As the model holds it.
        shown: The same as JSON.
        place: Where it is written, if it is.
        origin: Where it came from if nothing more precise is known.
        is_named_secret: Whether it stands under a name that tells of a secret.
    """
    if place.is_present:
        origin = place.origin
    # What is made from one text (`1s..30s`) came from where the text came from, in all its parts.
    rest = origin if place.is_present and not _is_container(place.value) else "built-in default"
    match value:
        case BaseModel():
            for key, name in _list_names(value):
                child = place.child(key)
                yield from _walk(getattr(value, name), shown[name], child, rest, is_named_secret=False)
        case dict() if value:
            for key, inner in value.items():
                child = place.child(str(key))
                yield from _walk(inner, shown[key], child, rest, is_named_secret=is_secret(str(key)))
        case list() | tuple() if value:
            for index, inner in enumerate(value):
                yield from _walk(inner, shown[index], place.child(index), rest, is_named_secret=is_named_secret)
        case _:
            is_template = isinstance(shown, str) and "{{" in shown
            is_hidden = isinstance(value, SecretStr) or place.is_secret or (is_named_secret and not is_template)
            yield Setting(place.where, MASK if is_hidden and value is not None else shown, origin)


def _list_names(model: BaseModel) -> Iterator[tuple[str, str]]:
    """Give a model's fields: the key in YAML, and the attribute."""
    return zip(list_keys(type(model)), type(model).model_fields, strict=True)


def _is_container(value: Any) -> bool:
    return isinstance(value, dict | list)
