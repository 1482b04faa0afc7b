"""What a user writes under `clients`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from connector.config.options import ByteSize, Options, RatePerSecond, Seconds, Secret, Text, not_accepted, unfit


def _check_base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise not_accepted("an address such as https://shop.example.com/")
    if parts.username or parts.password:
        raise unfit("a user or password stands in the address; write them under username and key")
    if parts.query or parts.fragment:
        raise unfit("the address has a query or a fragment; write it up to the folder of index.php")
    return url


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]


class TimeoutOptions(Options):
    """How long to wait. Every wait is finite."""

    connect: Seconds = Field(timedelta(seconds=10), description="Longest wait for a connection.", gt=timedelta(0))
    total: Seconds = Field(
        timedelta(seconds=60),
        description="Longest wait from the first byte sent to the last received.",
        gt=timedelta(0),
    )

    @model_validator(mode="after")
    def _order(self) -> TimeoutOptions:
        if self.connect > self.total:
            raise unfit("connect is longer than total; connecting is part of the whole", "connect")
        return self


class HttpOptions(Options):
    """What every client over HTTP has."""

    base_url: BaseUrl = Field(description="Address of the remote system.", examples=["https://shop.example.com/"])
    log_requests: bool = Field(
        False, description="Log every exchange, log-ins included, with secrets, tokens and personal fields masked."
    )
    timeout: TimeoutOptions = Field(TimeoutOptions(), description="How long to wait.")
    sessions: int = Field(4, description="How many sessions, and so connections, may be open at once.", ge=1, le=256)
    rate_limit: RatePerSecond | None = Field(
        None, description="Most requests in a time, over all sessions, evenly spaced.", examples=["20/s", "600/min"]
    )
    max_response: ByteSize = Field(
        10_000_000, description="Largest answer taken; a larger one is given up.", examples=["10MB"], gt=0
    )
    ca_file: Path | None = Field(
        None, description="PEM file with a further authority to trust. Verification cannot be switched off."
    )
    proxy: BaseUrl | None = Field(
        None,
        description="HTTP proxy. Proxy variables of the environment are not used: the shop sees the proxy's address.",
    )
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers sent with every request, such as those a staging server asks for."
    )


class OpenCartOptions(HttpOptions):
    """A client of an OpenCart shop.

    ```yaml
    clients:
      shop:
        connector: opencart
        base_url: https://shop.example.com/
        username: Default
        key: ${SHOP_KEY}
    ```
    """

    connector: Literal["opencart"] = Field(description="The connector package.")
    username: Text = Field("Default", description="Name of the API user (System, Users, API).")
    key: Secret = Field(description="Key of the API user.")
    dialect: Literal["3.0"] = Field("3.0", description="Generation of the shop's API.")


class NamedValueOptions(Options):
    """A credential that travels under a name."""

    name: Text = Field(description="Name of the header or query parameter.")
    value: Secret = Field(description="The credential.")


class BasicAuthOptions(Options):
    """User and password, RFC 7617."""

    username: str = Field(description="User.")
    password: Secret = Field(description="Password.")


class AuthOptions(Options):
    """How a plain HTTP client shows who it is. Exactly one kind."""

    header: NamedValueOptions | None = Field(None, description="A header of a given name.")
    query: NamedValueOptions | None = Field(None, description="A query parameter of a given name.")
    bearer: Secret | None = Field(None, description="A bearer token, RFC 6750.")
    basic: BasicAuthOptions | None = Field(None, description="User and password, RFC 7617.")

    @model_validator(mode="after")
    def _exactly_one(self) -> AuthOptions:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise unfit(
                f"found {' and '.join(given) or 'none'}, accepted is exactly one of header, query, bearer, basic"
            )
        return self


class GenericOptions(HttpOptions):
    """A client of any API that takes POST requests. It has no catalog: calls name their `route`.

    ```yaml
    clients:
      erp:
        connector: http
        base_url: https://erp.example.com/api/
        auth: {bearer: "${ERP_TOKEN}"}
    ```
    """

    connector: Literal["http"] = Field(description="The connector package.")
    auth: AuthOptions | None = Field(None, description="How the client shows who it is; nothing where it is left out.")
    payload: Literal["json", "form"] = Field("json", description="How payloads travel.")
