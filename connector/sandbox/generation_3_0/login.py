"""``api/login``: a token for a user name and a key."""

import secrets

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop import column
from connector.sandbox.shop.seed import DEFAULT_USERNAME
from connector.sandbox.shop.tables import ApiUserRow, TokenRow
from connector.sandbox.shop.visit import Visit

SESSION_ID_LENGTH = 26


def index(visit: Visit) -> PhpArray:
    """Open a session of its own and return its token.

    A wrong or missing key, an unknown and a disabled user all give an empty answer. A caller from an address that is
    not on the user's list is told so, and that the key is wrong, which it is not.
    """
    user = _find_user(visit)
    if user is None:
        return {}
    if refusal := refuse_address(visit, user):
        return refusal
    token = create_session_id()
    now = visit.shop.clock.now()
    visit.shop.tokens.add(TokenRow(user.api_id, token, token, token, now))
    visit.shop.sessions.write(token, column.json_text({"api_id": str(user.api_id)}), now)
    return {"success": texts.LOGIN_SUCCESS, "api_token": token}


def refuse_address(visit: Visit, user: ApiUserRow) -> PhpArray:
    """Return the refusal of a caller whose address is not on a user's list, empty when it is."""
    if visit.request.ip in {address.strip() for address in user.ips}:
        return {}
    return {"error": {"ip": texts.LOGIN_IP.format(visit.request.ip), "key": texts.LOGIN_KEY}}


def create_session_id() -> str:
    """Return a new session's id: 26 hexadecimal digits."""
    return secrets.token_hex(SESSION_ID_LENGTH // 2)


def _find_user(visit: Visit) -> ApiUserRow | None:
    key = visit.field("key")
    if key is None:
        return None
    username = visit.field("username")
    wanted = visit.charset.fold(DEFAULT_USERNAME if username is None else username), visit.charset.fold(key)
    for user in visit.shop.users:
        if user.is_enabled and (visit.charset.fold(user.username), visit.charset.fold(user.key)) == wanted:
            return user
    return None
