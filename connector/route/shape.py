"""What a route makes of a record before anything is sent: its own steps, then those of its outgoing. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.publisher.publisher import Outgoing
    from connector.record import Record
    from connector.transform.transformer import Transformer

_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Shaping:
    """The steps of one route.

    Attributes:
        transformer: Those between incoming and outgoing; None where there are none.
        outgoing: Where the records go, with its own steps.
    """

    transformer: Transformer | None
    outgoing: Outgoing

    def apply(self, record: Record, context: Mapping[str, Any] = _NOTHING) -> list[Record]:
        """Return what the route's own steps make of a record: none where filtered, several where split.

        Args:
            record: As the incoming shaped it; not touched.
            context: What templates can speak of besides `record`.

        Raises:
            TransformError: A step failed.
        """
        return [record] if self.transformer is None else self.transformer.apply(record, context)

    def parcels(self, record: Record, context: Mapping[str, Any] = _NOTHING) -> list[Record]:
        """Return the records that are sent for one, in order, each by one publish.

        Args:
            record: As `apply`.
            context: As `apply`.

        Raises:
            TransformError: A step failed.
        """
        shape = self.outgoing.shape
        return [parcel for one in self.apply(record, context) for parcel in shape(one, context)]
