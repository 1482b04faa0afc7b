"""The signature that proves a request: what it is made of, and whether it is right."""

import base64
import hashlib
import hmac
from urllib.parse import unquote_to_bytes

from connector.sandbox.php.form import build_query
from connector.sandbox.php.value import to_int
from connector.sandbox.shop.argument import to_text
from connector.sandbox.shop.tables import ApiUserRow
from connector.sandbox.shop.visit import Visit

_FOLDER = "/"
"""Where the shop's ``index.php`` lies, as the path of its address."""


def is_signed(visit: Visit, user: ApiUserRow) -> bool:
    """Say whether a request carries the signature that its user's key gives.

    The form counts as the shop keeps it, nested and cleaned, and written anew; the name as the shop has it; the host as
    the caller sent it. All eight fields of the query are there.

    Raises:
        PhpFatalError: The signature is an array.
    """
    query = visit.query
    lines = (
        query["route"],
        to_text(visit, query["call"], "gate.call"),
        user.username,
        visit.server("host"),
        _FOLDER,
        to_int(query["store_id"]),
        query["language"],
        to_text(visit, query["currency"], "gate.currency"),
        hashlib.md5(build_query(visit.form).encode(), usedforsecurity=False).hexdigest(),
        to_int(query["time"]),
    )
    message = "".join(f"{line}\n" for line in lines).encode()
    expected = base64.b64encode(hmac.new(user.key.encode(), message, hashlib.sha1).digest())
    signature = query["signature"]
    if not isinstance(signature, str):
        message_for = "rawurldecode(): Argument #1 ($string) must be of type string, array given"
        raise visit.fail("gate.signature", message_for)
    return hmac.compare_digest(expected, unquote_to_bytes(signature))
