"""``api/login``: a token for a key."""

import secrets
import string

from connector.sandbox.generation_2_3.session import start_session
from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.login import create_session_id, refuse_address
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop.tables import TokenRow
from connector.sandbox.shop.visit import Visit

_LETTERS = string.ascii_letters + string.digits
_TOKEN_LENGTH = 32


def index(visit: Visit) -> PhpArray:
    """Open a session of its own inside the browser's and return a token for it; a user name is not read.

    A wrong key and that of a disabled user give an empty answer. A caller from an address that is not on the user's
    list is told so, and that the key is wrong, which it is not.
    """
    fold = visit.charset.fold
    key = fold(visit.field("key", fault="api.login"))
    user = next((user for user in visit.shop.users if user.is_enabled and fold(user.key) == key), None)
    if user is None:
        return {}
    if refusal := refuse_address(visit, user):
        return refusal
    start_session(visit, "api", create_session_id())
    visit.session["api_id"] = str(user.api_id)
    token = "".join(secrets.choice(_LETTERS) for _ in range(_TOKEN_LENGTH))
    row = TokenRow(user.api_id, token, visit.session_id, visit.browser_id, visit.shop.clock.now())
    visit.shop.tokens.add(row)
    start_session(visit, "default")
    return {"success": texts.LOGIN_SUCCESS, "token": token}
