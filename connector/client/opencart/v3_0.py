"""OpenCart 3.0: log in with username and key, `api_token` in the query, everything else as POST with form fields."""

from __future__ import annotations

from typing import Final

from connector.client.opencart.sessions import Traits
from connector.client.opencart.verdict import Signs

TRAITS: Final = Traits(
    signs=Signs(generation="3.0", login_route="api/login", has_api_words=True),
    token="api_token",  # noqa: S106  the parameter's name
)
"""What 3.0 does in its own way."""
