"""Records: pieces of business data that travel from a subscriber to a publisher."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Any JSON value: None, bool, int, float, str, list or dict with text keys; money as Decimal or text."""

Record: TypeAlias = dict[str, Any]
"""One piece of business data: a JSON object. Values may also be Decimal, date and aware datetime after a `cast`."""
