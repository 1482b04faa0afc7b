"""The dialects of OpenCart by name, made from a client's options."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.client.http import find_host
from connector.client.opencart import v2_3, v3_0, v4_0
from connector.client.opencart.detection import Generations
from connector.client.opencart.sessions import SessionDialect
from connector.client.opencart.v4_1 import LANGUAGE, OpenCart41, find_folder
from connector.interfaces import Credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.client.options import OpenCartOptions
    from connector.interfaces import Dialect, Probe


def build_opencart(
    options: OpenCartOptions, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> tuple[Dialect | Probe, Credential]:
    """Return the dialect that a client's options name, or the first question where they name none (`auto`).

    Args:
        options: The client's options.
        now: The clock, aware; 4.1 signs the time of every call.
    """
    credential = Credential(options.username, options.key.get_secret_value())
    sent_host = next((value for name, value in options.headers.items() if name.lower() == "host"), None)
    dialects: dict[str, Dialect] = {
        "2.3": SessionDialect(v2_3.TRAITS, store_id=options.store_id, now=now),
        "3.0": SessionDialect(v3_0.TRAITS, store_id=options.store_id, now=now),
        "4.0": SessionDialect(v4_0.TRAITS, store_id=options.store_id, language=options.language, now=now),
        "4.1": OpenCart41(
            host=options.signature.host or sent_host or find_host(options.base_url),
            path=options.signature.path or find_folder(options.base_url),
            store_id=options.store_id,
            language=options.language or LANGUAGE,
            currency=options.currency or "",
            now=now,
        ),
    }
    if options.dialect in dialects:
        return dialects[options.dialect], credential
    return Generations(dialects, options.base_url, credential, now).begin(), credential
