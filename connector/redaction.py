"""Masking of secrets and personal values, in whatever is shown: logs, exchanges, errors.

A value is masked by name (a field called `email`, a header called `authorization`) or by value (a key read from the
environment, a token learnt at log-in). Masking keeps the shape: names, nesting and empty values stay readable.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "***"

SECRET_NAMES: Final = re.compile(
    r"(?:^|_)(?:key|api_?key|token|api_?token|secret|client_?secret|password|passwd|pwd|passphrase|authorization|"
    r"cookie|signature|credential|session_?id|sessid|ocsessid|phpsessid)s?$",
    re.IGNORECASE,
)
"""Names whose values are credentials; a cart line is called `key` too, and is masked with them."""

PERSONAL_NAMES: Final = re.compile(
    r"(?:^|_)(?:firstname|lastname|first_name|last_name|full_?name|surname|given_name|family_name|from_name|to_name|"
    r"customer|customer_name|e?mail|from_email|to_email|telephone|phone|phone_number|mobile|fax|company|address|"
    r"address_?[1-9]|address_line_?[1-9]|address_format|street|postcode|postal_code|zip|zip_code|city|ip|forwarded_ip|"
    r"user_agent|custom_field|tax_id|vat|birth(?:day|date)?|date_of_birth|iban)$",
    re.IGNORECASE,
)
"""Names whose values speak of a person."""

_SHORTEST_SECRET: Final = 4
_MOST_LEARNT: Final = 512
"""Log-ins never end in a process that runs for months: of what they gave, so many are remembered. As many sessions as a
client may have open (256), twice."""

_MOST_NESTED: Final = 64
"""Levels of a JSON value that are shown; a hostile answer has a thousand, more than Python calls can follow."""

_FLAT_KEY: Final = re.compile(r"[^\[\]]+")
_SEPARATOR: Final = re.compile(r"[\s.\-]+|(?<=[a-z0-9])(?=[A-Z])")
_ALWAYS_PLAIN: Final = re.compile(r"[A-Za-z0-9._~\-]+")
"""Text that is spelt the same in an address (RFC 3986, section 2.3), in HTML and in JSON."""

_ENTITIES: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_JSON_ESCAPES: Final = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


class Redactor:
    """Masks what must not be shown. One a process is enough; secrets are added as they become known.

    A secret is found however it is spelt: percent-encoded as in an address, with HTML entities, with JSON's escapes.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._kept: dict[str, re.Pattern[str] | None] = {}
        self._learnt: dict[str, re.Pattern[str] | None] = {}
        self._longest_first: list[tuple[str, re.Pattern[str] | None]] = []
        self.add(*secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._longest_first)} secrets)"

    def add(self, *secrets: str) -> None:
        """Mask these values from now on, wherever they stand.

        Values under 4 characters are left out: masking them would hide half of every text.
        """
        self._take(self._kept, secrets)

    def learn(self, *secrets: str) -> None:
        """Mask these values as well, for as long as they are among the last 512 that were learnt.

        For what log-ins give: each gives another token.
        """
        self._take(self._learnt, secrets)

    def _take(self, known: dict[str, re.Pattern[str] | None], secrets: Iterable[str]) -> None:
        new = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        new -= self._kept.keys() | self._learnt.keys()
        if not new:
            return
        known.update(
            (secret, None if _ALWAYS_PLAIN.fullmatch(secret) else _compile_spellings(secret)) for secret in new
        )
        while len(self._learnt) > _MOST_LEARNT:
            del self._learnt[next(iter(self._learnt))]
        needles = [*self._kept.items(), *self._learnt.items()]
        self._longest_first = sorted(needles, key=lambda needle: len(needle[0]), reverse=True)

    def mask_text(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        # One by one: an alternative of hundreds of tokens in one expression is tried at nearly every character.
        for secret, spellings in self._longest_first:
            if spellings is not None:
                text = spellings.sub(MASK, text)
            elif secret in text:
                text = text.replace(secret, MASK)
        return text

    def mask(self, value: Any) -> Any:
        """Return a copy of a JSON value in which secrets and personal values are masked, shape kept.

        What is nested deeper than 64 levels is shown as `…`. A value that is no JSON is masked by its text.
        """
        return self._mask(value, 0, is_hidden=False)

    def mask_pairs(self, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return flat form fields, query parameters or headers as a dict, masked; `a[b]` counts as `b` under `a`."""
        return {self.mask_text(name): self._mask_flat(name, value) for name, value in pairs}

    def _mask_flat(self, name: str, value: str) -> str:
        parts = _FLAT_KEY.findall(name)
        return MASK if value and any(is_private(part) for part in parts) else self.mask_text(value)

    def _mask(self, value: Any, depth: int, *, is_hidden: bool) -> Any:
        """Return a masked copy.

        Args:
            value: What to copy.
            depth: How many levels stand above it.
            is_hidden: Whether a name above it is private, so that every leaf below it is.
        """
        match value:
            case dict() | list() | tuple() if depth >= _MOST_NESTED:
                return "…"
            case dict():
                masked = {}
                for name, child in value.items():
                    is_child_hidden = is_hidden or is_private(str(name))
                    masked[self.mask_text(str(name))] = self._mask(child, depth + 1, is_hidden=is_child_hidden)
                return masked
            case list() | tuple():
                return [self._mask(child, depth + 1, is_hidden=is_hidden) for child in value]
            case None | "" | bool():
                return value
            case _ if is_hidden:
                return MASK
            case str():
                return self.mask_text(value)
            case _:
                text = str(value)
                shown = self.mask_text(text)
                return value if shown == text else shown


@lru_cache(maxsize=4096)
def is_private(name: str) -> bool:
    """Whether a value under this name is a credential or speaks of a person."""
    return is_secret(name) or PERSONAL_NAMES.search(_normalise(name)) is not None


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a value under this name is a credential."""
    return SECRET_NAMES.search(_normalise(name)) is not None


def _normalise(name: str) -> str:
    """Return `x-api-key`, `x.api.key` and `xApiKey` as `x_api_key`, letters' case aside."""
    return _SEPARATOR.sub("_", name)


def _compile_spellings(secret: str) -> re.Pattern[str]:
    return re.compile("".join(map(_spell, secret)))


def _spell(character: str) -> str:
    """Return the expression for one character of a secret, however it was encoded on the way, also twice."""
    if _ALWAYS_PLAIN.fullmatch(character):
        return re.escape(character)
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
    entity = f"#0*{ord(character)}|#x0*{ord(character):x}"
    if character in _ENTITIES:
        entity += f"|{_ENTITIES[character]}"
    units = character.encode("utf-16-be", "surrogatepass")
    unicode = "".join(rf"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    spellings = [f"(?i:{percent}|&(?:amp;)*(?:{entity});|{unicode})", rf"\\?{re.escape(character)}"]
    if character == " ":
        spellings.append(r"\+")
    if character in _JSON_ESCAPES:
        spellings.append(rf"\\{_JSON_ESCAPES[character]}")
    return f"(?:{'|'.join(spellings)})"
