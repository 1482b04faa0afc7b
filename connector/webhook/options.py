"""What a user writes under `incoming.<name>.webhook`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from connector.config.options import ByteSize, Options, Seconds, Secret, Text, unfit
from connector.config.shape import Kind

METHODS: Final = ("hmac", "bearer", "basic", "header", "none")
"""The keys of `auth`, of which exactly one is written."""


def _read_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Secrets = Annotated[
    list[Annotated[Secret, Field(min_length=1)]],
    BeforeValidator(_read_list),
    Field(min_length=1),
    Kind("a secret text, or a list of them"),
]
"""One secret, or several: while one takes the place of another, both hold."""


class TimestampOptions(Options):
    """Where a request says when it was sent, and how long ago that may be."""

    header: Text = Field(
        description="The header: seconds or milliseconds since 1970, or ISO 8601.", examples=["X-Timestamp"]
    )
    field: Text | None = Field(
        None,
        description="Where the header holds several as `name=value,name=value`: the name of this one.",
        examples=["t"],
    )
    tolerance: Seconds = Field(
        timedelta(minutes=5),
        description="How far the time may be from ours, to either side; older requests are refused.",
    )


class HmacOptions(Options):
    """A signature over the body, made with a secret that both sides know.

    ```yaml
    incoming:
      marketplace-orders:
        webhook:
          path: /marketplace
          auth:
            hmac:
              header: X-Signature
              secret: ${MARKET_SECRET}
              prefix: "sha256="
              timestamp: {header: X-Timestamp, tolerance: 5m}
    ```
    """

    header: Text = Field(description="The header with the signature.", examples=["X-Signature"])
    secret: Secrets = Field(description="The secret; a list while it is changed, any of which is good.")
    algorithm: Literal["sha256", "sha512", "sha1"] = Field("sha256", description="The hash.")
    encoding: Literal["hex", "base64"] = Field("hex", description="How the signature is written.")
    prefix: str = Field("", description="What stands in front of it.", examples=["sha256="])
    field: Text | None = Field(
        None,
        description="Where the header holds several as `name=value,name=value`: the name of the signatures.",
        examples=["v1"],
    )
    key: Literal["text", "hex", "base64"] = Field(
        "text", description="How the secret is written: as it is, or its bytes as hexadecimal digits or base64."
    )
    timestamp: TimestampOptions | None = Field(
        None, description="When the request was sent; left out, an old request is as good as a new one."
    )
    signed: Text | None = Field(
        None,
        description="What is signed, made of `{body}`, `{timestamp}`, `{delivery}`, `{path}` and `{method}`. Left out: "
        "`{timestamp}.{body}` with a timestamp, else `{body}`.",
        examples=["{timestamp}.{body}"],
    )


class BearerOptions(Options):
    """`Authorization: Bearer …`."""

    token: Secrets = Field(description="The token; a list while it is changed.")


class BasicOptions(Options):
    """`Authorization: Basic …`."""

    username: str = Field(description="The user name.")
    password: Secrets = Field(description="The password; a list while it is changed.")


class HeaderOptions(Options):
    """A header whose value is the secret."""

    name: Text = Field(description="The header.", examples=["X-Secret"])
    value: Secrets = Field(description="Its value; a list while it is changed.")


class NoneOptions(Options):
    """Whoever reaches the address may send: for senders that can do no better, together with `allow`."""


class AuthOptions(Options):
    """How a sender shows who it is; exactly one."""

    hmac: HmacOptions | None = Field(None, description="A signature over the body.")
    bearer: BearerOptions | None = Field(None, description="A token in `Authorization`.")
    basic: BasicOptions | None = Field(None, description="A user name and a password in `Authorization`.")
    header: HeaderOptions | None = Field(None, description="A secret in a header of its own.")
    none: NoneOptions | None = Field(None, description="Nothing: `none: {}`.")

    @model_validator(mode="after")
    def _exactly_one(self) -> AuthOptions:
        found = [name for name in METHODS if getattr(self, name) is not None]
        if len(found) != 1:
            told = " and ".join(found) or "none of them"
            raise unfit(f"found {told}, accepted is exactly one of {', '.join(METHODS)}")
        return self


class CsvOptions(Options):
    """How a CSV body is read."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1), Kind("one character")] = Field(
        ",", description="What stands between two cells."
    )
    header: bool | None = Field(
        None, description="Whether the first row has the names; left out, it does unless `columns` are given."
    )
    columns: list[Text] | None = Field(
        None,
        description="Names of the columns, in order; where there is a first row with names, these count instead.",
        examples=[["sku", "quantity"]],
    )

    @model_validator(mode="after")
    def _names_are_known(self) -> CsvOptions:
        if self.header is False and self.columns is None:
            raise unfit("without a first row of names, columns is required")
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise unfit("a name stands there twice, accepted is each once", "columns")
        if self.columns is not None and not self.columns:
            raise unfit("found no name, accepted is one or more", "columns")
        return self

    @property
    def has_header(self) -> bool:
        """Whether the first row is no record."""
        return self.columns is None if self.header is None else self.header


class DeliveryIdOptions(Options):
    """Where a delivery has its id, by which one that comes twice is known; exactly one of the two."""

    header: Text | None = Field(None, description="A header.", examples=["X-Delivery"])
    path: Text | None = Field(None, description="A path in the body.", examples=["$.id"])

    @model_validator(mode="after")
    def _exactly_one(self) -> DeliveryIdOptions:
        if (self.header is None) == (self.path is None):
            found = "neither" if self.header is None else "both"
            raise unfit(f"found {found} of header and path, accepted is exactly one")
        return self


class WebhookOptions(Options):
    """An address that another system sends records to.

    ```yaml
    incoming:
      marketplace-orders:
        webhook:
          path: /marketplace
          auth: {bearer: {token: "${MARKET_TOKEN}"}}
          records: $.orders[*]
    ```

    `connector serve` takes what is sent to `/hooks/marketplace`, keeps it, and answers then.
    """

    path: Text = Field(
        description="Under `/hooks`, where it is served; no two webhooks have the same.", examples=["/marketplace"]
    )
    auth: AuthOptions = Field(description="How the sender shows who it is.")
    allow: list[Text] | None = Field(
        None,
        description="Addresses and networks that may send; left out, any.",
        examples=[["203.0.113.0/24", "2001:db8::/32"]],
    )
    body: Literal["auto", "json", "form", "jsonl", "csv"] = Field(
        "auto", description="What the body is: JSON, a form, JSON lines or CSV; `auto` goes by its `Content-Type`."
    )
    csv: CsvOptions = Field(CsvOptions(), description="How a CSV body is read.")
    records: Text | None = Field(
        None,
        description="Path of the records in the body, of JSON lines and CSV in each line. Left out: the body is one "
        "record, or a list of records.",
        examples=["$.orders[*]"],
    )
    max_body: ByteSize = Field(1_000_000, description="The largest body, also once it is unpacked.", ge=1)
    delivery_id: DeliveryIdOptions | None = Field(
        None,
        description="Where a delivery has its id; left out, or where it has none, the same body is the same delivery.",
    )
    window: Seconds = Field(
        timedelta(hours=24),
        description="How long a delivery is known: one that comes again is answered as the first one was, and makes "
        "no task. `0s`: each is new.",
    )
    answer: int = Field(202, description="Status of the answer once all is kept.", ge=200, le=299)
