"""What a user writes under `clients`."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connector.config.options import ByteSize, Options, RatePerSecond, Seconds, Secret, Text, not_accepted, unfit

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2."""

_NO_HEADER_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LINE_BREAK: Final = re.compile(r"[\r\n]")
_FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding"})
"""Headers that say where a request ends; the connection writes them."""

_NO_HOST: Final = re.compile(r"[\s<>\"{}|\\^`%]")


def _check_base_url(url: str) -> str:
    return _check_address(url, "username and key")


def _check_proxy(url: str) -> str:
    return _check_address(url, "proxy_auth")


def _check_address(url: str, credential: str) -> str:
    """Return the address of a folder on a host.

    Args:
        url: As it was written.
        credential: The keys under which a credential is written, since addresses end up in logs.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, brackets that do not match
        is_address = False
    if not is_address or _NO_HOST.search(parts.hostname or ""):
        raise not_accepted("an address such as https://shop.example.com/")
    if parts.username or parts.password:
        raise unfit(f"a user or password stands in the address; write them under {credential}")
    if parts.query or parts.fragment:
        raise unfit("the address has a query or a fragment; write it up to the folder of index.php")
    return url


def _check_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise not_accepted("the name of a header, such as X-Api-Key")
    if name.lower() in _FRAMING:
        raise unfit(f"{name} says where a request ends, which the client writes by itself")
    return name


def _check_header_value(value: str) -> str:
    if _NO_HEADER_VALUE.search(value):
        raise unfit("a line break or another control character cannot stand in a header")
    return value


def _check_password(secret: SecretStr) -> SecretStr:
    """Return a password that is one line; it may be empty, as where a token stands in the user's place."""
    if _LINE_BREAK.search(secret.get_secret_value()):
        raise unfit(
            "a line break stands in the credential",
            hint="write it in one line; of a file that NAME_FILE names, one line break at the end is left out",
        )
    return secret


def _check_credential(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise unfit("the credential is empty", hint="give it at least one character; a variable may be set but empty")
    return _check_password(secret)


def _check_secret_header(secret: SecretStr) -> SecretStr:
    _check_header_value(secret.get_secret_value())
    return secret


def _matching(pattern: str, accepted: str) -> AfterValidator:
    """Return a validator for text that matches a pattern as a whole."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise not_accepted(accepted)
        return text

    return AfterValidator(check)


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
ProxyUrl = Annotated[str, AfterValidator(_check_proxy)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
HeaderValue = Annotated[str, AfterValidator(_check_header_value)]
Credential = Annotated[Secret, AfterValidator(_check_credential)]
Password = Annotated[Secret, AfterValidator(_check_password)]
SecretHeader = Annotated[Credential, AfterValidator(_check_secret_header)]
Host = Annotated[str, _matching(r"[^\s/@?#]+", "a host such as shop.example.com, with :port where it has one")]
Folder = Annotated[str, _matching(r"/(?:[^?#]*/)?", "a folder with a slash at both ends, such as / or /shop/")]
Language = Annotated[str, _matching(r"[A-Za-z0-9_-]+", "the code of a language, such as en-gb")]
Currency = Annotated[str, _matching(r"[A-Z]{3}", "the code of a currency, such as EUR")]


class TimeoutOptions(Options):
    """How long to wait. Every wait is finite."""

    connect: Seconds = Field(
        timedelta(seconds=10), description="Longest wait for a connection, TLS included.", gt=timedelta(0)
    )
    total: Seconds = Field(
        timedelta(seconds=60),
        description="Longest wait from the first byte sent to the last received.",
        gt=timedelta(0),
    )


class BasicAuthOptions(Options):
    """User and password, RFC 7617."""

    username: str = Field(description="The user's name.")
    password: Password = Field(description="The user's password.")


class HttpOptions(Options):
    """What every client over HTTP has.

    Attributes:
        has_sessions: Whether the remote system remembers anything from one call to the next.
    """

    has_sessions: ClassVar[bool] = True

    @property
    def sends_json(self) -> bool:
        """Whether payloads travel as JSON, in which a Decimal is a number; in a form everything is text."""
        return False

    base_url: BaseUrl = Field(
        description="Address of the remote system; of a shop, the folder in which its index.php lies.",
        examples=["https://shop.example.com/"],
    )
    log_requests: bool = Field(
        False, description="Log every exchange, log-ins included, with secrets, tokens and personal fields masked."
    )
    timeout: TimeoutOptions = Field(TimeoutOptions(), description="How long to wait.")
    sessions: int = Field(4, description="How many sessions, and so connections, may be open at once.", ge=1, le=256)
    rate_limit: RatePerSecond | None = Field(
        None,
        description="Most requests in a time, over all sessions, evenly spaced.",
        examples=["20/s", "600/min"],
        gt=0,
    )
    max_response: ByteSize = Field(
        10_000_000, description="Largest answer taken; a larger one is given up.", examples=["10MB"], gt=0
    )
    ca_file: Path | None = Field(
        None, description="PEM file with a further authority to trust. Verification cannot be switched off."
    )
    proxy: ProxyUrl | None = Field(
        None,
        description="Address of an HTTP proxy. Proxy variables of the environment are not read, since the remote "
        "system then sees the proxy's address in place of this machine's.",
    )
    proxy_auth: BasicAuthOptions | None = Field(
        None, description="User and password for the proxy, where it asks for them."
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict, description="Headers sent with every request, such as those a staging server asks for."
    )

    @model_validator(mode="after")
    def _proxy_auth_goes_with_its_proxy(self) -> HttpOptions:
        if self.proxy_auth is not None and self.proxy is None:
            raise unfit("proxy_auth is given, but no proxy that would ask for it", "proxy_auth")
        return self


_ONLY_FOR: Final = {
    "language": ("auto", "4.0", "4.1"),
    "currency": ("auto", "4.1"),
    "signature": ("auto", "4.1"),
}
"""Options of some generations: with another one, they would be without effect."""


class SignatureOptions(Options):
    """What OpenCart 4.1 signs of an address: what its PHP sees, where a proxy changes it on the way.

    ```yaml
    signature: {host: shop.internal:8080, path: /}
    ```
    """

    host: Host | None = Field(
        None,
        description="The Host header as the shop sees it, with the port where there is one; that of base_url where it "
        "is left out.",
        examples=["shop.example.com"],
    )
    path: Folder | None = Field(
        None,
        description="The folder of index.php as the shop sees it, with a slash at both ends; that of base_url where it "
        "is left out.",
        examples=["/", "/shop/"],
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
    username: Text = Field(
        "Default",
        description="Name of the API user (System, Users, API). 2.1 to 2.3 know it by its key alone; 4.1 tells upper "
        "from lower case.",
    )
    key: Credential = Field(description="Key of the API user.")
    dialect: Literal["auto", "2.3", "3.0", "4.0", "4.1"] = Field(
        "auto",
        description="Generation of the shop's API: 2.3 for 2.0 to 2.3, 4.0 and 4.1 for any release of theirs. With "
        "auto the shop is asked once, with a log-in that cannot succeed.",
    )
    store_id: int = Field(0, description="The store that calls are made for, in a shop with several.", ge=0)
    language: Language | None = Field(
        None,
        description="Code of the language that 4.0 and 4.1 answer in; en-gb for 4.1 where it is left out. 4.0 empties "
        "the cart for a language that the shop does not have.",
        examples=["en-gb"],
    )
    currency: Currency | None = Field(
        None,
        description="Currency of orders, for 4.1; the shop's own where it is left out. In a session, and with every "
        "other generation, currency.set chooses it.",
        examples=["EUR"],
    )
    signature: SignatureOptions = Field(
        SignatureOptions(), description="What 4.1 signs of the address, where a proxy changes it on the way."
    )

    @model_validator(mode="after")
    def _fit_dialect(self) -> OpenCartOptions:
        for name, dialects in _ONLY_FOR.items():
            if self.dialect not in dialects and getattr(self, name) != type(self).model_fields[name].default:
                wanted = " and ".join(dialect for dialect in dialects if dialect != "auto")
                raise unfit(f"{name} is for {wanted}, the client's dialect is {self.dialect}", name)
        return self


class HeaderAuthOptions(Options):
    """A credential that travels in a header."""

    name: HeaderName = Field(description="Name of the header.")
    value: SecretHeader = Field(description="The credential.")


class QueryAuthOptions(Options):
    """A credential that travels in the address."""

    name: Text = Field(description="Name of the query parameter.")
    value: Credential = Field(description="The credential.")


class AuthOptions(Options):
    """How a plain HTTP client shows who it is. Exactly one kind."""

    header: HeaderAuthOptions | None = Field(None, description="A header of a given name.")
    query: QueryAuthOptions | None = Field(None, description="A query parameter of a given name.")
    bearer: SecretHeader | None = Field(None, description="A bearer token, RFC 6750.")
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

    has_sessions: ClassVar[bool] = False

    connector: Literal["http"] = Field(description="Which package speaks with the remote system.")
    auth: AuthOptions | None = Field(None, description="How the client shows who it is; nothing where it is left out.")
    payload: Literal["json", "form"] = Field(
        "json", description="How payloads travel: as JSON, or as a form that nests as PHP and Rails read it (`a[b]=1`)."
    )

    @property
    def sends_json(self) -> bool:
        """Whether payloads travel as JSON."""
        return self.payload == "json"
