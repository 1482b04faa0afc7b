"""The one table of composite entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.composite.change import CHANGE
from connector.composite.place import PLACE

if TYPE_CHECKING:
    from connector.composite.flow import Composite

COMPOSITES: Final[dict[str, Composite]] = {composite.entity: composite for composite in (PLACE, CHANGE)}
"""By catalog id."""
