"""The pages of the doors: to log in and out, and what somebody sees and changes of their own account.

What a person asks for with a form is done by a POST, and answered by leading the browser on (303), so that loading a
page again repeats nothing.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import RedirectResponse, Response

from connector.errors import AccessError
from connector.server.doors.browser import (
    FORM,
    SAFE_METHODS,
    check_origin,
    drop_cookie,
    find_next,
    keep_cookie,
    read_cookie,
)
from connector.server.doors.doors import Caller, read_bearer
from connector.server.doors.passwords import SHORTEST
from connector.server.doors.refusal import answer_refusal, is_for_programs
from connector.server.doors.roles import Role
from connector.server.pages.render import Renderer

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.datastructures import FormData

    from connector.server.context import Context

_FORM_AGE_S: Final = 3_600
_ACCOUNT: Final = "/account"


def add_refusals(app: FastAPI, context: Context) -> None:
    """Have an application say to whom it does not let in that it does not, in whatever part of it that turned out."""

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, AccessError)
        if context.doors.is_page(request) and error.status == 401 and read_bearer(request) is None:
            return _lead_to_login(request)
        return answer_refusal(request.scope, error)

    app.add_exception_handler(AccessError, refuse)


def add_routes(app: FastAPI, context: Context) -> None:
    """Add the pages of the doors to an application."""
    pages = _Pages(context)
    reader = Depends(context.doors.page(Role.READ))

    async def show_login(request: Request) -> Response:
        return await pages.show_login(request)

    async def log_in(request: Request) -> Response:
        return await pages.log_in(request)

    async def log_out(request: Request, caller: Caller = reader) -> Response:
        return await pages.log_out(request, caller)

    async def show_account(request: Request, caller: Caller = reader) -> Response:
        return await pages.show_account(request, caller)

    async def change_password(request: Request, caller: Caller = reader) -> Response:
        return await pages.change_password(request, caller)

    async def log_out_elsewhere(request: Request, caller: Caller = reader) -> Response:
        return await pages.log_out_elsewhere(request, caller)

    for path, method, endpoint in (
        ("/login", "GET", show_login),
        ("/login", "POST", log_in),
        ("/logout", "POST", log_out),
        (_ACCOUNT, "GET", show_account),
        (f"{_ACCOUNT}/password", "POST", change_password),
        (f"{_ACCOUNT}/sessions", "POST", log_out_elsewhere),
    ):
        app.add_api_route(path, endpoint, methods=[method], include_in_schema=False, response_model=None)


class _Pages:
    """The endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._doors = context.doors
        self._renderer = Renderer(context)

    async def show_login(self, request: Request) -> Response:
        """Show the form; who is logged in, or need not, goes on at once."""
        following = find_next(request.query_params.get("next", "/"))
        try:
            caller = await self._doors.find(request)
        except AccessError:  # of two cookies of one name neither counts: the form says what to do
            caller = None
        if caller is not None:
            return RedirectResponse(following, 303)
        return await self._answer_login(request, following=following)

    async def log_in(self, request: Request) -> Response:
        """Log somebody in, or show the form again with what was wrong."""
        arrival = self._doors.arrival(request)
        is_secure = self._doors.arrivals.is_secure(arrival)
        check_origin(request, arrival, is_secure=is_secure)
        form = await _read_form(request)
        following = find_next(_field(form, "next"))
        name = _field(form, "name")
        shown = read_cookie(request, FORM, is_secure=is_secure)
        if not shown or not hmac.compare_digest(shown.encode(), _field(form, "csrf").encode("utf-8", "replace")):
            return await self._answer_login(
                request,
                following=following,
                name=name,
                problem="The form is too old, or the browser keeps no cookies. Try again.",
                status=403,
            )
        answer = RedirectResponse(following, 303)
        try:
            await self._doors.log_in(request, answer, name, _field(form, "password"))
        except AccessError as error:
            if error.status not in {401, 429}:
                raise
            problem = f"{_sentence(error.message)}{_sentence(error.cure or '', lead=' ')}"
            again = await self._answer_login(
                request, following=following, name=name, problem=problem, status=error.status
            )
            again.headers.update(error.headers)
            return again
        drop_cookie(answer, FORM, is_secure=is_secure)
        return answer

    async def log_out(self, request: Request, caller: Caller) -> Response:
        """Log somebody out."""
        answer = RedirectResponse("/login", 303)
        await self._doors.log_out(request, answer, caller)
        return answer

    async def show_account(self, request: Request, caller: Caller) -> Response:
        """Show somebody who they are here, and from where else they are logged in."""
        return await self._answer_account(request, caller)

    async def change_password(self, request: Request, caller: Caller) -> Response:
        """Give somebody another password, or show what was wrong."""
        _check_is_user(caller)
        form = await _read_form(request)
        wanted = _field(form, "wanted")
        answer = self._renderer.done(_ACCOUNT, "The password is changed. You are logged out everywhere else.")
        try:
            _check_same(wanted, _field(form, "again"))
            await self._doors.change_password(request, answer, caller, present=_field(form, "present"), wanted=wanted)
        except AccessError as error:
            if error.status not in {401, 422, 429}:
                raise
            problem = f"{_sentence(error.message)}{_sentence(error.cure or '', lead=' ')}"
            status = 422 if error.status == 401 else error.status  # they are known; it is the form that is wrong
            again = await self._answer_account(request, caller, problem=problem, status=status)
            again.headers.update({name: value for name, value in error.headers.items() if name == "Retry-After"})
            return again
        return answer

    async def log_out_elsewhere(self, request: Request, caller: Caller) -> Response:
        """Log somebody out of every other browser."""
        _check_is_user(caller)
        closed = await self._doors.log_out_elsewhere(request, caller)
        browsers = f"{closed} other {'browser' if closed == 1 else 'browsers'}"
        return self._renderer.done(_ACCOUNT, f"You are logged out of {browsers}.")

    async def _answer_login(
        self, request: Request, *, following: str, name: str = "", problem: str = "", status: int = 200
    ) -> Response:
        """Return the page with the form, and the cookie that goes with it."""
        arrival = self._doors.arrival(request)
        is_secure = self._doors.arrivals.is_secure(arrival)
        proof = secrets.token_urlsafe(32)
        values: dict[str, Any] = {
            "next": following,
            "name": name[:64],
            "problem": problem,
            "csrf_token": proof,
            "has_users": bool(await self._context.store.accounts.users()),
            "is_plain": not is_secure and not arrival.is_local,
        }
        answer = self._renderer.page(request, None, "login.html", values, status=status)
        keep_cookie(answer, FORM, proof, is_secure=is_secure, age_s=_FORM_AGE_S)
        return answer

    async def _answer_account(
        self, request: Request, caller: Caller, *, problem: str = "", status: int = 200
    ) -> Response:
        present = self._doors.session(request)
        rows = [] if present is None else await self._context.store.accounts.sessions_of(caller.name)
        values: dict[str, Any] = {
            "roles": sorted(caller.roles),
            "problem": problem,
            "shortest": SHORTEST,
            "sessions": [
                {
                    "is_this": present is not None and row.hash == present.hash,
                    "address": row.address,
                    "agent": row.agent,
                    "since_ms": row.created_at_ms,
                    "seen_ms": row.seen_at_ms,
                }
                for row in rows
            ],
        }
        return self._renderer.page(request, caller, "account.html", values, status=status)


def _lead_to_login(request: Request) -> Response:
    """Return what leads a browser to the log-in, and from there back to what it asked for.

    htmx follows a redirect by itself and would put the log-in into a part of the page; it is told to load the page.
    """
    if "hx-request" in request.headers:
        current = urlsplit(request.headers.get("hx-current-url", ""))
        back = find_next(current.path + (f"?{current.query}" if current.query else ""))
        return Response(status_code=401, headers={"HX-Redirect": _login_address(back)})
    if is_for_programs(request.scope) and request.method not in SAFE_METHODS:
        return answer_refusal(request.scope, AccessError("nobody is logged in", cure="log in", status=401))
    back = "/"
    if request.method in SAFE_METHODS:
        back = find_next(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return RedirectResponse(_login_address(back), 303)


def _login_address(back: str) -> str:
    return "/login" if back == "/" else f"/login?next={quote(back, safe='')}"


def _check_is_user(caller: Caller) -> None:
    """Refuse what concerns an account to whom has none.

    Raises:
        AccessError: It is no user.
    """
    if caller.kind != "user":
        raise AccessError(
            f"{caller.name} is no user and has no password here", cure="connector user create NAME makes one"
        )


def _check_same(wanted: str, again: str) -> None:
    """Refuse a password that was not typed the same way twice.

    Raises:
        AccessError: It was not.
    """
    if wanted != again:
        raise AccessError("the new password was not typed the same way twice", status=422)


async def _read_form(request: Request) -> FormData:
    return await request.form(max_fields=20, max_files=0)


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _sentence(text: str, *, lead: str = "") -> str:
    return f"{lead}{text[:1].upper()}{text[1:]}." if text else ""
