"""Who calls, and what they may.

    doors = Doors(store, settings, redactor)
    await doors.open()

    @app.get("/api/v1/tasks")
    async def list_tasks(caller: Caller = Depends(doors.api(Role.READ))): ...

Three kinds of callers come in:

- A **token**, in the header `Authorization: Bearer cn_…`. Nothing sends it by itself, so no page of another site can
  have it sent, and what it asks for needs no further proof.
- A **user**, by the cookie of their session. Browsers send cookies whoever asks them to, so what changes something
  needs besides what only our own pages know: the token of the session, as header `X-CSRF-Token` or field `csrf`.
- A program or person of this machine, `local`, where the service listens on this machine alone and nobody is a user.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Security
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations

from connector import log
from connector.errors import AccessError
from connector.frozen import dataclass
from connector.server.doors.arrival import KEY, Arrival, Arrivals
from connector.server.doors.browser import (
    DEVICE,
    SAFE_METHODS,
    SESSION,
    check_origin,
    drop_cookie,
    keep_cookie,
    read_cookie,
)
from connector.server.doors.login import DEVICE_AGE_S, LogIn, make_device
from connector.server.doors.opening import make_administrator, refuse_to_start
from connector.server.doors.passwords import Passwords, check_password
from connector.server.doors.roles import PUSH, Role, allows, allows_push
from connector.server.doors.sessions import Sessions, hash_session
from connector.server.doors.throttle import Throttle
from connector.server.doors.tokens import hash_token, is_token
from connector.server.doors.usage import Usage
from connector.store.rows import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from argon2 import PasswordHasher
    from starlette.responses import Response

    from connector.config.settings import Settings
    from connector.redaction import Redactor
    from connector.store.rows import SessionRow, TokenRow, UserRow
    from connector.store.store import Store

LOCAL: Final = "local"
"""What a caller of this machine is called, where nobody has to say who they are."""

TOKEN_AGE_S: Final = 5.0
"""For how long it is remembered what a token may: as long may a revoked one go on."""

STRANGE_AGE_S: Final = 1.0
"""For how long it is remembered that nobody gave a token out."""

PEOPLE_AGE_S: Final = 2.0
"""For how long it is remembered who there is. What this process changes itself holds at once."""

_MOST_REMEMBERED: Final = 4_096
_SEEN_AFTER_MS: Final = 60_000
_CSRF: Final = "connector.csrf"
_SESSION: Final = "connector.session"
_PAGE: Final = "connector.page"
_CHALLENGE: Final = 'Bearer realm="connector"'
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_MOST_FIELDS: Final = 2_000

Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, description="A token that `connector token create` made.")),
]
"""Has the OpenAPI document say how a caller is known; what is in it is read here."""

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        name: Of the user or the token; `local` for a caller of this machine.
        kind: `user`, `token` or `local`.
        roles: What they may: `read`, `operate`, `push:<route>`, `push:*`.
        address: Where they are; empty where that is not known.
    """

    name: str
    kind: str
    roles: frozenset[str]
    address: str

    def may(self, role: Role) -> bool:
        """Whether they may do what a role allows."""
        return allows(self.roles, role)

    def may_push(self, route: str) -> bool:
        """Whether they may push records into a route."""
        return allows_push(self.roles, route)


class Doors:
    """Knows callers by what they show. One a process.

    Attributes:
        arrivals: Reads how requests came here.
        passwords: Hashes passwords and checks them.
    """

    def __init__(
        self, store: Store, settings: Settings, redactor: Redactor, *, hasher: PasswordHasher | None = None
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            store: Where accounts are kept.
            settings: How this process runs, the address it listens on as it really is.
            redactor: Masks what is written down of who did what.
            hasher: How passwords are hashed; left out, argon2id with 64 MiB.
        """
        self.arrivals = Arrivals(settings)
        self.passwords = Passwords(hasher)
        self._store = store
        self._settings = settings
        self._redactor = redactor
        self._sessions = Sessions(store, settings)
        self._log_in = LogIn(store, self.passwords)
        self._usage = Usage(store)
        self._tokens: dict[str, tuple[TokenRow | None, float]] = {}
        self._people: dict[str, UserRow] = {}
        self._people_until = 0.0
        self._told = Throttle(1, 60.0)

    async def open(self) -> None:
        """Make the administrator where the settings name a password and nobody is there, and see that someone is.

        Raises:
            SettingsError: The administrator's password is too easy to guess.
            AccessError: Callers of other machines are meant to come in, and there is nobody who could.
            StoreError: The database cannot be used.
        """
        await make_administrator(self._store, self._settings, self.passwords)
        await refuse_to_start(self._store, self._settings)
        self.forget_people()

    async def aclose(self) -> None:
        """Write down what was used last."""
        await self._usage.aclose()

    # --- who calls ----------------------------------------------------------------------------------------------------

    def api(self, role: Role) -> Callable[..., Awaitable[Caller]]:
        """Return the dependency of an endpoint for programs; it gives the caller, who may do what the role allows.

        Args:
            role: What a caller has to be allowed.
        """

        async def find_caller(request: Request, _bearer: Bearer = None) -> Caller:
            return _check_role(await self._require(request), role)

        return find_caller

    def page(self, role: Role) -> Callable[..., Awaitable[Caller]]:
        """Return the dependency of a page: as `api`, but whom nobody knows is led to the log-in.

        Args:
            role: What a caller has to be allowed.
        """

        async def find_caller(request: Request) -> Caller:
            request.scope[_PAGE] = True
            return _check_role(await self._require(request), role)

        return find_caller

    async def push(self, request: Request, route: str) -> Caller:
        """Return who pushes records into a route.

        Raises:
            AccessError: Nobody is known to call, or they may not push into that route.
            StoreError: The database cannot be used.
        """
        caller = await self._require(request)
        if not caller.may_push(route):
            raise AccessError(
                f"{caller.name} may not push into {route}",
                cure=f"make a token that may: connector token create NAME --role {PUSH}{route}",
                status=403,
            )
        return caller

    async def find(self, request: Request) -> Caller | None:
        """Return who calls, or None where nobody is known; what only our own pages may do is checked.

        Raises:
            AccessError: What was shown is not accepted, or the request was made by a page of another site.
            StoreError: The database cannot be used.
        """
        arrival = self.arrival(request)
        written = read_bearer(request)
        if written is not None:
            return await self._find_token(written, arrival)
        return await self._find_browser(request, arrival)

    def arrival(self, request: Request) -> Arrival:
        """Return how a request came here, as the middleware found out."""
        arrival: Arrival | None = request.scope.get(KEY)
        return arrival or self.arrivals.read(request.scope)

    def csrf(self, request: Request) -> str:
        """Return what the forms of a page have to bring along; empty where no session is open. Call it after `find`."""
        return str(request.scope.get(_CSRF, ""))

    def session(self, request: Request) -> SessionRow | None:
        """Return the session of a request; None where it has none. Call it after `find`."""
        row: SessionRow | None = request.scope.get(_SESSION)
        return row

    @staticmethod
    def is_page(request: Request) -> bool:
        """Whether a request was made to a page, so that whom nobody knows is led to the log-in."""
        return bool(request.scope.get(_PAGE))

    async def is_open(self) -> bool:
        """Whether callers of this machine need not say who they are: nobody else is let in, and there is no user."""
        return not self.arrivals.is_exposed and not await self._list_people()

    # --- what they do -------------------------------------------------------------------------------------------------

    async def note(
        self,
        caller: Caller,
        action: str,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        *,
        outcome: str = "done",
    ) -> None:
        """Write down who did what.

        Args:
            caller: Who.
            action: What, such as `tasks.retry`.
            subject: To what, such as the name of a route; empty for nothing in particular.
            detail: What else is worth knowing, as JSON values by name; secrets in it are masked.
            outcome: What came of it: `done`, `refused` or `failed`.

        Raises:
            StoreError: The database cannot be used.
        """
        facts = {name: self._mask(value) for name, value in (detail or {}).items()}
        await self._store.audit.add(
            AuditEntry(
                self._store.now_ms(),
                caller.name,
                caller.kind,
                caller.address,
                action,
                self._redactor.mask_text(subject),
                {"outcome": outcome, **facts},
            )
        )

    async def log_in(self, request: Request, response: Response, typed: str, password: str) -> None:
        """Log somebody in: a session that is new in any case, and the cookies for it.

        Args:
            request: Theirs.
            response: Gets the cookies.
            typed: The name, as it was typed.
            password: The password.

        Raises:
            AccessError: Name or password is wrong (401), or there were too many tries (429).
            StoreError: The database cannot be used.
        """
        arrival = self.arrival(request)
        is_secure = self.arrivals.is_secure(arrival)
        device = read_cookie(request, DEVICE, is_secure=is_secure)
        try:
            user = await self._log_in.check(typed, password, address=arrival.address, device=device)
        except AccessError as error:
            if error.status == 401:
                await self._note_failure(typed, arrival)
            raise
        before = await self._sessions.find(read_cookie(request, SESSION, is_secure=is_secure))
        if before is not None:
            await self._sessions.close(before)
        caller = Caller(user.name, "user", frozenset({user.role}), arrival.address)
        await self._keep_session(request, response, user)
        self.forget_people()
        await self.note(caller, "login")

    async def log_out(self, request: Request, response: Response, caller: Caller) -> None:
        """Log somebody out of the browser they ask from.

        Raises:
            StoreError: The database cannot be used.
        """
        row = self.session(request)
        if row is not None:
            await self._sessions.close(row)
            await self.note(caller, "logout")
        drop_cookie(response, SESSION, is_secure=self.arrivals.is_secure(self.arrival(request)))

    async def log_out_elsewhere(self, request: Request, caller: Caller) -> int:
        """Log somebody out of every other browser, and return out of how many.

        Raises:
            StoreError: The database cannot be used.
        """
        row = self.session(request)
        closed = await self._store.accounts.close_sessions_of(caller.name, but="" if row is None else row.hash)
        await self.note(caller, "logout.elsewhere", caller.name, {"sessions": closed})
        return closed

    async def change_password(
        self, request: Request, response: Response, caller: Caller, *, present: str, wanted: str
    ) -> None:
        """Give somebody another password. Every session of theirs is over, and this browser gets a new one.

        Args:
            request: Theirs.
            response: Gets the cookies.
            caller: Who.
            present: The password they have.
            wanted: The one they want.

        Raises:
            AccessError: The present one is wrong (401), there were too many tries (429), or the wanted one is too easy
                to guess (422).
            StoreError: The database cannot be used.
        """
        arrival = self.arrival(request)
        device = read_cookie(request, DEVICE, is_secure=self.arrivals.is_secure(arrival))
        check_password(caller.name, wanted)
        try:
            user = await self._log_in.check(caller.name, present, address=arrival.address, device=device)
        except AccessError as error:
            if error.status == 401:
                await self.note(caller, "users.password", caller.name, outcome="refused")
                raise AccessError("the present password is wrong", status=401) from error
            raise
        kept = await self.passwords.hash(wanted)
        await self._store.accounts.put_user(user.name, password_hash=kept, role=user.role)
        changed = await self._store.accounts.user(user.name) or user
        await self._keep_session(request, response, changed)
        self.forget_people()
        await self.note(caller, "users.password", caller.name)

    def forget_people(self) -> None:
        """Have it found out anew who there is."""
        self._people_until = 0.0

    # --- how they are known -------------------------------------------------------------------------------------------

    async def _require(self, request: Request) -> Caller:
        caller = await self.find(request)
        if caller is None:
            raise AccessError(
                "nobody is known to make this request",
                cure="log in, or send a token: Authorization: Bearer cn_… (connector token create makes one)",
                status=401,
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        return caller

    async def _find_token(self, written: str, arrival: Arrival) -> Caller:
        row = await self._look_up(written) if is_token(written) else None
        if row is None or not row.is_valid(self._store.now_ms()):
            self._tell_refused(arrival)
            raise AccessError(
                "the token is not valid: nobody gave it out, it has expired, or it was revoked",
                cure="connector token list shows those there are, and connector token create makes one",
                status=401,
                headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
            )
        self._usage.note_token(row.id)
        return Caller(row.name, "token", frozenset(row.roles), arrival.address)

    async def _look_up(self, written: str) -> TokenRow | None:
        digest, now = hash_token(written), time.monotonic()
        row, until = self._tokens.get(digest, (None, 0.0))
        if now < until:
            return row
        row = await self._store.accounts.token_by_hash(digest)
        if len(self._tokens) >= _MOST_REMEMBERED:
            self._tokens.clear()
        self._tokens[digest] = (row, now + (STRANGE_AGE_S if row is None else TOKEN_AGE_S))
        return row

    async def _find_browser(self, request: Request, arrival: Arrival) -> Caller | None:
        """Return who calls where no token is shown: by the cookie, or by calling from this machine."""
        is_secure = self.arrivals.is_secure(arrival)
        row = await self._sessions.find(read_cookie(request, SESSION, is_secure=is_secure))
        user = None if row is None else await self._find_user(row.user)
        if row is not None and user is not None:
            request.scope[_SESSION], request.scope[_CSRF] = row, row.csrf
            await self._check_made_here(request, arrival, csrf=row.csrf)
            if self._store.now_ms() - row.seen_at_ms > _SEEN_AFTER_MS:
                self._usage.note_session(row.hash)
            return Caller(user.name, "user", frozenset({user.role}), arrival.address)
        if arrival.is_local and await self.is_open():
            await self._check_made_here(request, arrival, csrf="")
            return Caller(LOCAL, LOCAL, frozenset({Role.OPERATE.value}), arrival.address)
        return None

    async def _check_made_here(self, request: Request, arrival: Arrival, *, csrf: str) -> None:
        """Refuse what was not made by a page of ours, where it would be carried out with the rights of who reads it.

        Raises:
            AccessError: It was made elsewhere, or does not bring along what only our pages know.
        """
        is_safe = request.method in SAFE_METHODS
        if is_safe and request.headers.get("sec-fetch-mode", "navigate") in {"navigate", "nested-navigate"}:
            return  # a link that was followed; what comes of it is shown to whoever followed it alone
        check_origin(request, arrival, is_secure=self.arrivals.is_secure(arrival))
        if is_safe or not csrf:
            return
        brought = request.headers.get("x-csrf-token") or await _read_field(request, "csrf")
        if not hmac.compare_digest(brought.encode("utf-8", "replace"), csrf.encode()):
            raise AccessError(
                "the form was not made by this log-in, or is too old", cure="load the page again, then repeat it"
            )

    async def _find_user(self, name: str) -> UserRow | None:
        user = (await self._list_people()).get(name) or await self._store.accounts.user(name)
        return None if user is None or user.is_disabled else user

    async def _list_people(self) -> dict[str, UserRow]:
        now = time.monotonic()
        if now >= self._people_until:
            self._people = {user.name: user for user in await self._store.accounts.users()}
            self._people_until = now + PEOPLE_AGE_S
        return self._people

    async def _keep_session(self, request: Request, response: Response, user: UserRow) -> None:
        arrival = self.arrival(request)
        is_secure = self.arrivals.is_secure(arrival)
        secret = await self._sessions.open(user, address=arrival.address, agent=request.headers.get("user-agent", ""))
        request.scope[_SESSION] = await self._store.accounts.session_by_hash(hash_session(secret))
        keep_cookie(response, SESSION, secret, is_secure=is_secure, age_s=self._sessions.age_s)
        keep_cookie(response, DEVICE, make_device(user), is_secure=is_secure, age_s=DEVICE_AGE_S)

    async def _note_failure(self, typed: str, arrival: Arrival) -> None:
        """Write down that a log-in failed. What was typed as the name is kept only where somebody is called so.

        People type their password into the wrong field, and it would stand in the log for whoever may look.
        """
        name = typed.strip().lower()
        known = name if name in await self._list_people() else ""
        nobody = Caller(known or "somebody", "user", frozenset(), arrival.address)
        await self.note(nobody, "login", known, outcome="refused")

    def _tell_refused(self, arrival: Arrival) -> None:
        """Log that a token was refused; once a minute for each address."""
        if not self._told.wait_s(arrival.address):
            self._told.count(arrival.address)
            logger.warning(log.TOKEN_REFUSED, address=arrival.address)

    def _mask(self, value: Any) -> Any:
        match value:
            case str():
                return self._redactor.mask_text(value)
            case dict():
                return {str(name): self._mask(child) for name, child in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._mask(child) for child in value]
            case _:
                return value


def read_bearer(request: Request) -> str | None:
    """Return the token of the `Authorization` header; None where the header is not there or says something else.

    Another scheme, such as the `Basic` of a proxy that asks for a password itself, is none of ours.
    """
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    return written.strip() if scheme.lower() == "bearer" else None


async def _read_field(request: Request, name: str) -> str:
    """Return a field of a form; empty where it has none, or nothing that is a form was sent."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FORMS:
        return ""
    form = await request.form(max_fields=_MOST_FIELDS, max_files=8)
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _check_role(caller: Caller, role: Role) -> Caller:
    """Return the caller where they may do what the role allows.

    Raises:
        AccessError: They may not.
    """
    if not caller.may(role):
        held = ", ".join(sorted(caller.roles)) or "nothing"
        raise AccessError(
            f"{caller.name} may not do this: it needs the role {role.value}, and theirs is {held}",
            cure="ask whoever looks after the accounts",
            status=403,
        )
    return caller
