"""The signature of OpenCart 4.1: who calls, what, when, and with which form, proved with the key that is never sent.

The shop does not sign the bytes it gets. It reads the form as PHP does, cleans every name and value, writes the form
again and hashes that, so this module does the same:

1. PHP reads: `a[b]=1` nests, `a[]` takes the next number, dots and blanks of a name's first level become `_`, the last
   of equal names wins and stands where the first one stood, and so all fields of one list stand together.
2. The shop cleans: `&`, `<`, `>` and `"` become entities, then blanks at both ends go, in names as in values.
3. The form is written again: a blank as `+`, everything but letters, digits, `-`, `_` and `.` in per cent, `~` too.

```
product[0][product_id]=40  →  product%5B0%5D%5Bproduct_id%5D=40
firstname= Zoë & "Co" ~    →  firstname=Zo%C3%AB+%26amp%3B+%26quot%3BCo%26quot%3B+%7E
```

Source: observed on 4.1.0.4, and PHP's own functions (`php_register_variable_ex`, `htmlspecialchars`, `trim`,
`http_build_query`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final, TypeAlias

from connector.client.form import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Tree: TypeAlias = "dict[str, str | _Tree]"

_BLANKS: Final = " \n\r\t\v\0"
"""What PHP's `trim` takes off."""

_SPACES: Final = frozenset(" \t\n\v\f\r")
"""What C's `isspace` is true for."""

_RENAMED: Final = str.maketrans(". ", "__")
_UNFINISHED: Final = str.maketrans(". [", "___")

_MOST_NESTED: Final = 64
"""PHP's default `max_input_nesting_level`; a field with more brackets is dropped."""

_LARGEST: Final = 2**63 - 1


def sign(
    form: Iterable[tuple[str, str]],
    *,
    key: str,
    route: str,
    call: str,
    username: str,
    host: str,
    path: str,
    store_id: int,
    language: str,
    currency: str,
    time: int,
) -> str:
    """Return the signature of one call, as Base64; percent-encode it in the query, as every parameter.

    Args:
        form: The fields as they are sent, before encoding, in order.
        key: The API user's key.
        route: `api/order` or `api/subscription`.
        call: What is called, such as `cart`.
        username: The API user's name as the shop has it stored, letters' case included.
        host: The `Host` header as PHP sees it, with the port where there is one.
        path: Folder of `index.php`, with a slash at both ends.
        store_id: As in the query.
        language: As in the query.
        currency: As in the query; may be empty.
        time: Seconds since 1970-01-01 UTC; the shop takes 450 more or less than its own.
    """
    lines = (
        *(clean(text) for text in (route, call, username, host, path)),
        str(store_id),
        clean(language),
        clean(currency),
        hashlib.md5(canonicalise(form).encode("ascii"), usedforsecurity=False).hexdigest(),
        str(time),
    )
    text = "".join(f"{line}\n" for line in lines)
    # The shop cleans the key as well when it is typed in, and keeps the cleaned one.
    return base64.b64encode(hmac.digest(clean(key).encode(), text.encode(), "sha1")).decode("ascii")


def canonicalise(form: Iterable[tuple[str, str]]) -> str:
    """Return a form as the shop writes it again before hashing it; an empty form gives an empty text."""
    cleaned = _clean_tree(_read(form))
    return encode(tuple(_flatten(cleaned))).decode("ascii").replace("~", "%7E")


def clean(text: str) -> str:
    """Return a text as the shop keeps it: `&`, `<`, `>` and `"` as entities, then without blanks at both ends."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return escaped.strip(_BLANKS)


def _read(form: Iterable[tuple[str, str]]) -> _Tree:
    """Return what PHP makes of a form."""
    tree: _Tree = {}
    for name, value in form:
        path = _split(name)
        if path and len(path) <= _MOST_NESTED + 1:
            _put(tree, path, value)
    return tree


def _split(name: str) -> list[str | None]:
    """Return the keys that a field's name spells, None for `[]`; an empty list for a name that PHP drops."""
    name = name.lstrip(" ").partition("\0")[0]
    head, bracket, rest = name.partition("[")
    head = head.translate(_RENAMED)
    if not head:
        return []
    keys: list[str | None] = [head]
    while bracket:
        # A blank in front of the closing bracket counts as nothing: `a[ ]` is `a[]`.
        position = 1 if rest[:1] in _SPACES and rest[:1] else 0
        if rest[position : position + 1] == "]":
            keys.append(None)
            rest = rest[position + 1 :]
        else:
            key, closing, after = rest[position:].partition("]")
            if not closing:
                _join_unfinished(keys, rest)
                break
            keys.append(rest[:position] + key)
            rest = after
        if rest[:1] != "[":  # what stands behind the last bracket does not count
            break
        rest = rest[1:]
    return keys


def _join_unfinished(keys: list[str | None], rest: str) -> None:
    """Put what follows an opening bracket without a closing one to the key in front of it: `a[b` is `a_b`."""
    last = keys[-1]
    if len(keys) == 1 and last is not None:
        keys[-1] = f"{last}_{rest.translate(_UNFINISHED)}"


def _put(tree: _Tree, path: list[str | None], value: str) -> None:
    *parents, last = path
    for key in parents:
        name = _next_number(tree) if key is None else key
        if name is None:
            return
        child = tree.get(name)
        if not isinstance(child, dict):
            child = tree[name] = {}
        tree = child
    name = _next_number(tree) if last is None else last
    if name is not None:
        tree[name] = value


def _next_number(tree: _Tree) -> str | None:
    """Return the key that `[]` stands for; None where the largest number is taken, and PHP drops the field."""
    largest = max((int(key) for key in tree if _is_number(key)), default=-1)
    return str(largest + 1) if largest < _LARGEST else None


def _is_number(key: str) -> bool:
    """Whether PHP takes a key for a whole number: without leading zeros or a plus, and within 64 bits."""
    digits = key.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return False
    return str(int(key)) == key and -_LARGEST - 1 <= int(key) <= _LARGEST


def _clean_tree(tree: _Tree) -> _Tree:
    """Return a tree with every key and value cleaned; two keys that become one are one, the later wins."""
    cleaned = dict(tree)
    for key, value in tree.items():
        cleaned.pop(key, None)
        cleaned[clean(key)] = _clean_tree(value) if isinstance(value, dict) else clean(value)
    return cleaned


def _flatten(tree: _Tree, prefix: str | None = None) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = key if prefix is None else f"{prefix}[{key}]"
        if isinstance(value, dict):
            yield from _flatten(value, name)
        else:
            yield name, value
