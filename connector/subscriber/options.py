"""What a user writes under `incoming`."""

from __future__ import annotations

from pydantic import Field

from connector.call.options import CallOptions
from connector.config.options import Options, Steps


class SubscriberOptions(CallOptions):
    """Where records come from: a call, and the records in its answer."""


class IncomingOptions(Options):
    """A subscriber, and what is done to each of its records.

    ```yaml
    incoming:
      points:
        subscriber: {client: shop, entity: reward.maximum}
        transform:
          - set: {seen_at: "{{ now() | iso }}"}
    ```
    """

    subscriber: SubscriberOptions = Field(description="Where the records come from.")
    transform: Steps = Field([], description="Steps on each record.")
