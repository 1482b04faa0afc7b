"""Masking of secrets and personal values, in whatever is shown: logs, exchanges, errors.

A value is masked by name (a field called `email`, a header called `authorization`) or by value (a key read from the
environment, a token learnt at log-in). Masking keeps the shape: keys, nesting and empty values stay readable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MASK: Final = "***"

SECRET_NAMES: Final = re.compile(
    r"(?:^|[_\-.])(?:key|api_?key|token|api_?token|secret|client_?secret|password|passwd|pwd|passphrase|authorization|"
    r"cookie|set-cookie|signature|credential|sessid|ocsessid|phpsessid)s?$",
    re.IGNORECASE,
)
"""Names whose values are credentials; a cart line is called `key` too, and is masked with them."""

PERSONAL_NAMES: Final = re.compile(
    r"(?:^|_)(?:firstname|lastname|first_name|last_name|full_?name|from_name|to_name|customer|e?mail|from_email|to_email|"
    r"telephone|phone|mobile|fax|company|address|address_[1-9]|address_format|street|postcode|zip|city|ip|forwarded_ip|"
    r"user_agent|custom_field|tax_id|vat|birth(?:day|date)?|iban)$",
    re.IGNORECASE,
)
"""Names whose values speak of a person."""

_SHORTEST_SECRET: Final = 4
_FLAT_KEY: Final = re.compile(r"[^\[\]]+")


class Redactor:
    """Masks what must not be shown. One a process is enough; secrets are added as they become known."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def add(self, *secrets: str) -> None:
        """Mask these values from now on, wherever they stand.

        Values under 4 characters are left out: masking them would hide half of every text.
        """
        new = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET} - self._secrets
        if new:
            self._secrets |= new
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def mask_text(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def mask(self, value: Any) -> Any:
        """Return a copy of a JSON value in which secrets and personal values are masked, shape kept."""
        match value:
            case dict():
                return {key: self._mask_named(str(key), child) for key, child in value.items()}
            case list() | tuple():
                return [self.mask(child) for child in value]
            case str():
                return self.mask_text(value)
            case _:
                return value

    def mask_pairs(self, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return flat form fields, query parameters or headers as a dict, masked; `a[b]` counts as `b` under `a`."""
        return {name: self._mask_flat(name, value) for name, value in pairs}

    def mask_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return headers, masked."""
        return self.mask_pairs(headers.items())

    def _mask_flat(self, name: str, value: str) -> str:
        parts = _FLAT_KEY.findall(name)
        return MASK if value and any(is_private(part) for part in parts) else self.mask_text(value)

    def _mask_named(self, name: str, child: Any) -> Any:
        if not is_private(name):
            return self.mask(child)
        return _mask_leaves(child)


def is_private(name: str) -> bool:
    """Whether a value under this name is a credential or speaks of a person."""
    return bool(SECRET_NAMES.search(name) or PERSONAL_NAMES.search(name))


def is_secret(name: str) -> bool:
    """Whether a value under this name is a credential."""
    return bool(SECRET_NAMES.search(name))


def _mask_leaves(value: Any) -> Any:
    match value:
        case dict():
            return {key: _mask_leaves(child) for key, child in value.items()}
        case list() | tuple():
            return [_mask_leaves(child) for child in value]
        case None | "" | bool():
            return value
        case _:
            return MASK
