"""OpenCart 3.0: log in with username and key, `api_token` in the query, everything else as POST with form fields."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from connector.client.address import describe_address, is_same_origin
from connector.client.form import CONTENT_TYPE, MAX_FIELDS, encode, flatten
from connector.client.opencart.verdict import LOGIN_ROUTE, read_answer
from connector.errors import PayloadError
from connector.interfaces import SessionState
from connector.request import Answer, Effect, Operation, Repeat, Request, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.interfaces import Credential
    from connector.request import PageInput, Response

TOKEN: Final = "api_token"  # noqa: S105  the parameter's name

_LOGIN: Final = Operation(
    entity="session.login",
    title="Session - Log in",
    route=LOGIN_ROUTE,
    effect=Effect.SESSION,
    repeat=Repeat.SAFE,
    success_keys=(TOKEN,),
)


class OpenCart30:
    """How OpenCart 3.0 speaks. Implements `connector.interfaces.Dialect`."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Prepare.

        Args:
            now: The clock, aware; only a `Retry-After` that names a date needs it.
        """
        self._now = now

    def __repr__(self) -> str:
        return "OpenCart30()"

    @property
    def name(self) -> str:
        """What the user writes under `dialect`."""
        return "3.0"

    @property
    def needs_login(self) -> bool:
        """Every session starts with a log-in."""
        return True

    def build_login(self, base_url: str, credential: Credential) -> Request:
        """Return the request that opens a session."""
        form = (("username", credential.username), ("key", credential.key))
        return _build(_find_endpoint(base_url), {"route": LOGIN_ROUTE}, {}, form)

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return the token, or an answer whose reason says why there is none."""
        answer = self.read(_LOGIN, response)
        if answer.verdict is not Verdict.OK:
            return answer
        token = answer.value[TOKEN]
        if isinstance(token, str) and token:
            return SessionState(query={TOKEN: token})
        return replace(answer, verdict=Verdict.FAULT, reason=f"the log-in gave an empty {TOKEN}")

    def build_request(
        self,
        base_url: str,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        state: SessionState,
        credential: Credential,
    ) -> Request:
        """Return the request for one call: POST, payload as form, `route` and token in the query.

        Raises:
            PayloadError: The payload cannot be encoded, a page asks for a place that is not there (a JSON path), or
                a next link leads to another scheme, host or port, where the token must not go.
        """
        del credential  # the token is the whole credential from the log-in on
        form = _build_form(operation, payload, page)
        in_query = {name: value for name, value in payload.items() if name in operation.query_fields}
        url = _find_endpoint(base_url)
        query = {"route": operation.route} | dict(flatten(in_query, entity=operation.entity))
        if page.url is not None:
            url, linked = _follow(url, operation, page.url)
            query |= linked
        query |= dict(page.query) | dict(state.query)
        headers = {name.lower(): value for name, value in (*page.headers.items(), *state.headers.items())}
        if state.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in state.cookies.items())
        return _build(url, query, headers, form)

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means; `connector.client.opencart.verdict` has the rules. Never raises."""
        return read_answer(operation, response, self._now)


def _build_form(operation: Operation, payload: Mapping[str, Any], page: PageInput) -> tuple[tuple[str, str], ...]:
    if page.json:
        raise PayloadError(
            operation.entity,
            [f"{', '.join(page.json)}: a page cannot go into JSON, the shop reads forms; write in: form or in: query"],
        )
    in_form = {name: value for name, value in payload.items() if name not in operation.query_fields}
    form = flatten(in_form, entity=operation.entity)
    if not page.form:
        return form
    form = (*(pair for pair in form if pair[0] not in page.form), *page.form.items())
    if len(form) > MAX_FIELDS:
        raise PayloadError(
            operation.entity,
            [f"{len(form):,} form fields with those of the page, but PHP reads only the first {MAX_FIELDS:,}"],
        )
    return form


def _build(
    url: str, query: Mapping[str, str], headers: Mapping[str, str], form: tuple[tuple[str, str], ...]
) -> Request:
    return Request(
        method="POST",
        url=url,
        query=tuple(query.items()),
        headers={"accept": "application/json", **headers, "content-type": CONTENT_TYPE},
        body=encode(form),
        form=form,
    )


def _find_endpoint(base_url: str) -> str:
    """Return the address of index.php for `https://shop/sub`, with or without slash or index.php at its end."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    if not path.endswith("/index.php"):
        path += "/index.php"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _follow(endpoint: str, operation: Operation, link: str) -> tuple[str, dict[str, str]]:
    """Return address and query of a next link.

    Raises:
        PayloadError: It leads to another scheme, host or port.
    """
    try:
        target = urljoin(f"{endpoint}?{urlencode({'route': operation.route})}", link)
    except ValueError:
        target = ""
    if not is_same_origin(endpoint, target):
        raise PayloadError(
            operation.entity,
            [f"the next link leads to {describe_address(link)}, away from the shop; the token is sent nowhere else"],
        )
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), query
