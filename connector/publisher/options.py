"""What a user writes under `outgoing`."""

from __future__ import annotations

from pydantic import Field

from connector.call.options import CallOptions
from connector.config.options import Options, Steps


class PublisherOptions(CallOptions):
    """Where records go: a call for each, in a session of its own where it leaves something there."""


class OutgoingOptions(Options):
    """A publisher, and what is done to each record before.

    ```yaml
    outgoing:
      apply-coupon:
        publisher:
          client: shop
          entity: coupon.apply
          data: {coupon: "{{ record.code }}"}
    ```
    """

    publisher: PublisherOptions = Field(description="Where the records go.")
    transform: Steps = Field([], description="Steps on each record, ahead of the publisher.")
