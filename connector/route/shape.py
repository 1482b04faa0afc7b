"""What a route makes of a record before anything is sent: its own steps, then those of its outgoing. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.transform.transformer import Transformer

if TYPE_CHECKING:
    from connector.publisher.publisher import Outgoing
    from connector.record import Record
    from connector.transform.ledger import Asking


class Shaping:
    """The steps of one route.

    Attributes:
        uses_store: Whether a step works with the value store: parcels are asked for by `ask` then.
    """

    def __init__(self, transformer: Transformer | None, outgoing: Outgoing) -> None:
        """Put the steps together.

        Args:
            transformer: Those between incoming and outgoing; None where there are none.
            outgoing: Where the records go, with its own steps.
        """
        self._own = transformer or Transformer()
        self._whole = self._own if outgoing.transformer is None else self._own.then(outgoing.transformer)
        self.uses_store = self._whole.uses_store

    def apply(self, record: Record) -> list[Record]:
        """Return what the route's own steps make of a record: none where filtered, several where split.

        Args:
            record: As the incoming shaped it; not touched.

        Raises:
            TransformError: A step failed.
        """
        return self._own.apply(record)

    def parcels(self, record: Record) -> list[Record]:
        """Return the records that are sent for one, in order, each by one publish.

        Args:
            record: As `apply`.

        Raises:
            TransformError: A step failed.
        """
        return self._whole.apply(record)

    def ask(self, record: Record) -> Asking:
        """Return the parcels in a conversation about the value store; see `Transformer.ask`."""
        return self._whole.ask(record)
