"""The one table of built-in connector packages.

Adding a remote system is one row here, its options model, and a catalog file where it has one. Nothing below knows the
table, so a package is imported when a configuration uses it and not before: `connector --help` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.client.options import GenericOptions, HttpOptions, OpenCartOptions
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.interfaces import Credential, Dialect, Probe


@dataclass(frozen=True, slots=True)
class ConnectorPackage:
    """What makes up the access to one kind of remote system.

    Attributes:
        name: What the user writes under `connector`.
        summary: One sentence for people.
        options: What the user may write in the client.
        dialect_of: Returns the name of the dialect that options ask for.
        build: Returns the dialect for options, or the first question where it has to be found out, and the credential.
    """

    name: str
    summary: str
    options: type[HttpOptions]
    dialect_of: Callable[[HttpOptions], str]
    build: Callable[[HttpOptions], tuple[Dialect | Probe, Credential]]


def _opencart_dialect(options: HttpOptions) -> str:
    assert isinstance(options, OpenCartOptions)
    return options.dialect


def _build_opencart(options: HttpOptions) -> tuple[Dialect | Probe, Credential]:
    from connector.client.opencart.dialects import build_opencart  # noqa: PLC0415 - only when a client is opened

    assert isinstance(options, OpenCartOptions)
    return build_opencart(options)


def _generic_dialect(_options: HttpOptions) -> str:
    return "http"


def _build_generic(options: HttpOptions) -> tuple[Dialect | Probe, Credential]:
    from connector.client.generic import build_generic  # noqa: PLC0415 - only when a client is opened

    assert isinstance(options, GenericOptions)
    return build_generic(options)


CONNECTORS: Final[dict[str, ConnectorPackage]] = {
    package.name: package
    for package in (
        ConnectorPackage(
            name="opencart",
            summary="An OpenCart shop, through its order API.",
            options=OpenCartOptions,
            dialect_of=_opencart_dialect,
            build=_build_opencart,
        ),
        ConnectorPackage(
            name="http",
            summary="Any API that takes POST requests; calls name their route.",
            options=GenericOptions,
            dialect_of=_generic_dialect,
            build=_build_generic,
        ),
    )
}
"""Every built-in connector package by name."""
