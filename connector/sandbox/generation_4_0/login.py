"""``api/account/login``: a token for a user name and a key."""

from connector.sandbox.generation_3_0 import texts
from connector.sandbox.generation_3_0.login import create_session_id
from connector.sandbox.generation_4_0.arguments import KEY, USERNAME
from connector.sandbox.generation_4_0.session import SESSION_LIFETIME_S
from connector.sandbox.php.value import PhpArray
from connector.sandbox.shop import column
from connector.sandbox.shop.argument import take_text
from connector.sandbox.shop.tables import ApiUserRow, TokenRow
from connector.sandbox.shop.visit import Visit


def index(visit: Visit) -> PhpArray:
    """Open a session of its own and return its token; it is not the session of the cookie that comes with it."""
    user = _find_user(visit)
    if user is None:
        return {"error": texts.LOGIN_KEY}
    if visit.request.ip not in {address.strip() for address in user.ips}:
        return {"error": texts.LOGIN_IP.format(visit.request.ip)}
    token = create_session_id()
    now = visit.shop.clock.now()
    visit.shop.tokens.add(TokenRow(user.api_id, token, token, token, now))
    data = column.json_text({"api_id": str(user.api_id)})
    visit.shop.sessions.write(token, data, now, SESSION_LIFETIME_S)
    return {"success": texts.LOGIN_SUCCESS, "api_token": token}


def _find_user(visit: Visit) -> ApiUserRow | None:
    if not visit.is_sent("username") or not visit.is_sent("key"):
        return None
    sent = take_text(visit, visit.form["username"], USERNAME), take_text(visit, visit.form["key"], KEY)
    fold = visit.charset.fold
    wanted = fold(sent[0]), fold(sent[1])
    enabled = (user for user in visit.shop.users if user.is_enabled)
    return next((user for user in enabled if (fold(user.username), fold(user.key)) == wanted), None)
