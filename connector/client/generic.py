"""Any API that takes POST requests: payload as form or JSON, one fixed credential, verdict from the HTTP status.

| Answer | Verdict |
| --- | --- |
| 2xx with JSON or text | `ok` |
| 2xx with an empty list, or without a body | `empty` |
| 2xx with JSON cut off, or not UTF-8 where JSON is announced | `unknown` |
| 2xx with a web page: a sign-in or error page under the wrong status | `fault`, `unknown` after a call that commits |
| 400, 404, 409, 422 and other 4xx | `rejected` |
| 401, 403, 407 | `denied` |
| redirects, 408, 425, 429 and 5xx | as `connector.client.status` says |
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urljoin

import orjson

from connector.client.address import describe_address, is_same_origin, split_address
from connector.client.form import CONTENT_TYPE, encode, flatten
from connector.client.reading import BodyKind, Reading, read_body
from connector.client.status import judge_status
from connector.errors import PayloadError
from connector.frozen import dataclass
from connector.interfaces import Credential, SessionState
from connector.request import Answer, FieldError, Operation, Request, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from connector.client.options import AuthOptions, GenericOptions
    from connector.request import PageInput, Response

_JSON_TYPE: Final = re.compile(r"^\s*(?:application|text)/(?:[\w.-]+\+)?json\b", re.IGNORECASE)
_PATH_KEY: Final = re.compile(
    r"""\.?(?P<name>[^\W\d][\w-]*|\d+(?=[.\[]|$))|\[\s*(?:(?P<index>\d+)|'(?P<single>[^']*)'|"(?P<double>[^"]*)")\s*\]"""
)
_ERROR_KEYS: Final = ("errors", "error", "detail", "message", "title", "error_description")
"""Where APIs put their reasons, most telling first; `detail` and `title` are those of RFC 9457."""

_PLAIN: Final = frozenset({str, int, bool, type(None)})
"""Types that are written as they are."""

_MAX_ERRORS: Final = 20
_MAX_DEPTH: Final = 250
"""orjson writes 254 levels."""


@dataclass(frozen=True, slots=True)
class StaticAuth:
    """A credential that goes with every request as it is. Never shows in `repr`.

    Attributes:
        query: Parameters of the address.
        headers: Request headers, names in lower case.
    """

    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_header(cls, name: str, value: str) -> StaticAuth:
        """Return a credential in a header of a given name."""
        return cls(headers={name.lower(): value})

    @classmethod
    def from_query(cls, name: str, value: str) -> StaticAuth:
        """Return a credential in a query parameter of a given name."""
        return cls(query={name: value})

    @classmethod
    def from_bearer(cls, token: str) -> StaticAuth:
        """Return a bearer token (RFC 6750)."""
        return cls.from_header("authorization", f"Bearer {token}")

    @classmethod
    def from_basic(cls, username: str, password: str) -> StaticAuth:
        """Return user and password (RFC 7617, UTF-8)."""
        both = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        return cls.from_header("authorization", f"Basic {both}")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that may stand in no log."""
        return (*self.query.values(), *self.headers.values())


class GenericHttp:
    """How an API without a catalog is spoken to. Implements `connector.interfaces.Dialect`."""

    def __init__(
        self,
        *,
        payload: Literal["json", "form"] = "json",
        auth: StaticAuth | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare.

        Args:
            payload: How payloads travel. A form nests as PHP and Rails read it (`a[b]=1`).
            auth: The credential, or None where the API asks for none.
            now: The clock, aware; only a `Retry-After` that names a date needs it.
        """
        self._payload = payload
        self._auth = auth or StaticAuth()
        self._now = now

    def __repr__(self) -> str:
        return f"GenericHttp(payload={self._payload!r})"

    @property
    def name(self) -> str:
        """What stands for it in messages."""
        return "http"

    @property
    def needs_login(self) -> bool:
        """The credential goes with every request; there is no session."""
        return False

    def build_login(self, base_url: str, credential: Credential) -> None:
        """Return None: there is no log-in, and no call is known that would change nothing."""
        del base_url, credential

    def read_login(self, response: Response) -> SessionState | Answer:
        """Return an empty state; never called, as there is no log-in."""
        del response
        return SessionState()

    def build_request(
        self,
        base_url: str,
        operation: Operation,
        payload: Mapping[str, Any],
        page: PageInput,
        state: SessionState,
        credential: Credential,
    ) -> Request:
        """Return the request for one call: POST to the route below the base address.

        Raises:
            PayloadError: The payload cannot be encoded, a page goes where this payload has no place, or a route or
                next link leads to another scheme, host or port, where the credential must not go.
        """
        del credential  # the options say how it travels; see StaticAuth
        url = _find_url(base_url, operation, page)
        in_query = {name: value for name, value in payload.items() if name in operation.query_fields}
        body = dict(operation.form)
        body |= {name: value for name, value in payload.items() if name not in operation.query_fields}
        query = dict(operation.query)
        query |= dict(flatten(in_query, entity=operation.entity, max_fields=None, php_names=False))
        query |= dict(page.query) | dict(self._auth.query) | dict(state.query)
        headers = {"accept": "application/json"}
        headers |= {name.lower(): value for name, value in page.headers.items()}
        headers |= dict(self._auth.headers) | {name.lower(): value for name, value in state.headers.items()}
        if self._payload == "json":
            return _build_json(url, query, headers, operation, body, page)
        return _build_form(url, query, headers, operation, body, page)

    def advance(
        self, operation: Operation, payload: Mapping[str, Any], answer: Answer, state: SessionState
    ) -> SessionState:
        """Return the same state: no call leaves anything on this side."""
        del operation, payload, answer
        return state

    def read(self, operation: Operation, response: Response) -> Answer:
        """Return what a response means; see the module for the rules. Never raises."""
        content_type = response.headers.get("content-type", "")
        reading = read_body(response.body, content_type)
        answer = judge_status(operation, response, self._now)
        if answer is None:
            is_json_announced = bool(_JSON_TYPE.match(content_type))
            answer = _judge_body(operation, response, reading, is_json_announced=is_json_announced)
        if not answer.verdict.is_success:
            answer = _add_errors(answer, reading)
        if not reading.notices and answer.status == response.status:
            return answer  # nothing to add: most of them
        return replace(answer, notices=reading.notices, status=response.status)


def build_generic(options: GenericOptions) -> tuple[GenericHttp, Credential]:
    """Return the dialect that a client's options describe, and an empty credential: the dialect holds its own."""
    return GenericHttp(payload=options.payload, auth=_build_auth(options.auth)), Credential("", "")


def _build_auth(options: AuthOptions | None) -> StaticAuth:
    if options is None:
        return StaticAuth()
    if options.header is not None:
        return StaticAuth.from_header(options.header.name, options.header.value.get_secret_value())
    if options.query is not None:
        return StaticAuth.from_query(options.query.name, options.query.value.get_secret_value())
    if options.bearer is not None:
        return StaticAuth.from_bearer(options.bearer.get_secret_value())
    assert options.basic is not None, "AuthOptions has exactly one kind"
    return StaticAuth.from_basic(options.basic.username, options.basic.password.get_secret_value())


def _find_url(base_url: str, operation: Operation, page: PageInput) -> str:
    url = _find_route(base_url, operation.route)
    if page.url is not None:
        url = _follow(base_url, url, page.url)
    if not url:
        what = "the route" if page.url is None else "the next link"
        to = describe_address(operation.route if page.url is None else page.url)
        raise PayloadError(
            operation.entity,
            [f"{what} leads to {to}, away from the client's base_url; the credential is sent nowhere else"],
        )
    return url


@lru_cache(maxsize=256)
def _find_route(base_url: str, route: str) -> str:
    """Return the address of a route, or nothing where it leads away; remembered, since every record asks for it."""
    base = base_url if base_url.endswith("/") else f"{base_url}/"
    # not urljoin, for which the route "orders:batch" names a scheme
    url = route if split_address(route) else base + route.lstrip("/")
    return url if is_same_origin(base, url) else ""


def _follow(base_url: str, url: str, link: str) -> str:
    """Return where a next link leads, or nothing where that is away."""
    try:
        target = urljoin(url, link)
    except ValueError:
        return ""
    return target if is_same_origin(base_url, target) else ""


def _build_form(
    url: str,
    query: dict[str, str],
    headers: dict[str, str],
    operation: Operation,
    payload: Mapping[str, Any],
    page: PageInput,
) -> Request:
    if page.json:
        raise PayloadError(
            operation.entity,
            [f"{', '.join(page.json)}: a page cannot go into JSON, the client's payload is a form; write in: form"],
        )
    form = flatten(payload, entity=operation.entity, max_fields=None, php_names=False)
    form = (*(pair for pair in form if pair[0] not in page.form), *page.form.items())
    return Request(
        method="POST",
        url=url,
        query=tuple(query.items()),
        headers=headers | {"content-type": CONTENT_TYPE},
        body=encode(form),
        form=form,
    )


def _build_json(
    url: str,
    query: dict[str, str],
    headers: dict[str, str],
    operation: Operation,
    payload: Mapping[str, Any],
    page: PageInput,
) -> Request:
    problems: list[str] = []
    if page.form:
        problems.append(f"{', '.join(page.form)}: a page cannot go into a form, the client's payload is JSON")
    shown: Any = payload
    if page.json:
        shown = _copy(payload)  # what pages put in is not the caller's
        for path, value in page.json.items():
            problem = _set(shown, path, value)
            if problem:
                problems.append(problem)
    body = b""
    if not problems:
        try:
            body = orjson.dumps(_writable(shown, "", problems, 0))
        except orjson.JSONEncodeError as error:
            problems.append(str(error))
    if problems:
        raise PayloadError(operation.entity, problems)
    return Request(
        method="POST",
        url=url,
        query=tuple(query.items()),
        headers=headers | {"content-type": "application/json"},
        body=body,
        json=shown,
    )


def _copy(value: Any) -> Any:
    """Return a payload whose objects and lists can be changed without touching the caller's."""
    match value:
        case dict():
            return {key: _copy(child) for key, child in value.items()}
        case list() | tuple():
            return [_copy(child) for child in value]
        case _:
            return value


def _writable(value: Any, where: str, problems: list[str], depth: int) -> Any:
    """Return a value as orjson writes it: Decimal as a JSON number with the digits it has, dates in ISO 8601."""
    match value:
        case dict() | list() | tuple() if depth >= _MAX_DEPTH:
            problems.append(f"{where[:80]}…: nested deeper than {_MAX_DEPTH} levels")
        case dict():
            written = {}
            for key, child in value.items():
                if type(key) is not str:
                    key = _read_key(key, where, problems)  # noqa: PLW2901 - the same key, as text
                if type(child) in _PLAIN:  # nine of ten; the place of the others is spelt out when it is needed
                    written[key] = child
                else:
                    written[key] = _writable(child, f"{where}.{key}" if where else key, problems, depth + 1)
            return written
        case list() | tuple():
            return [
                child if type(child) in _PLAIN else _writable(child, f"{where}[{index}]", problems, depth + 1)
                for index, child in enumerate(value)
            ]
        case float() if not math.isfinite(value):
            problems.append(f"{where}: {value} is no JSON value")
        case Decimal() if value.is_finite() and abs(value.adjusted()) < 300:
            return orjson.Fragment(format(value, "f").encode("ascii"))
        case None | str() | int() | float() | datetime() | date() | time():
            return value
        case _:
            problems.append(f"{where}: a value of type {type(value).__name__} is no JSON value")
    return None


def _read_key(key: Any, where: str, problems: list[str]) -> str:
    if not isinstance(key, str):
        problems.append(f"{where or 'the payload'}: the key {key!r} is no text")
    return str(key)


def _set(payload: Any, path: str, value: Any) -> str | None:
    """Put a value at a path such as `$.filter.page`, making objects on the way; return the problem, or None."""
    keys = list(_parse(path))
    if not keys or None in keys:
        return f"{path}: no path to one spot, such as $.filter.page"
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        if isinstance(key, str) and isinstance(payload, dict):
            if following is None:
                payload[key] = value
                return None
            payload = payload.setdefault(key, {})
        elif isinstance(key, int) and isinstance(payload, list) and key < len(payload):
            if following is None:
                payload[key] = value
                return None
            payload = payload[key]
        else:
            break
    return f"{path}: there is no place for it in the payload"


def _parse(path: str) -> Iterator[str | int | None]:
    """Yield the keys of a definite path; None where it is none."""
    position = 1 if path.startswith("$") else 0
    while position < len(path):
        match = _PATH_KEY.match(path, position)
        if match is None:
            yield None
            return
        position = match.end()
        if match["index"] is not None:
            yield int(match["index"])
        else:
            yield next(group for group in (match["name"], match["single"], match["double"]) if group is not None)


def _judge_body(operation: Operation, response: Response, reading: Reading, *, is_json_announced: bool) -> Answer:
    commits = operation.effect.commits
    if response.status >= 400:
        cure = "is base_url right, and the route?" if response.status in {404, 405, 410} else None
        return Answer(Verdict.REJECTED, reason=f"the remote system refuses it (HTTP {response.status})", cure=cure)
    if reading.has_json:
        value = reading.value
        if operation.success_keys and not (
            isinstance(value, dict) and any(key in value for key in operation.success_keys)
        ):
            return Answer(
                Verdict.UNKNOWN if commits else Verdict.FAULT,
                value=value,
                reason=f"the answer has none of the keys of a success: {', '.join(operation.success_keys)}",
            )
        return Answer(Verdict.EMPTY if value == [] else Verdict.OK, value=value, status=response.status)
    if reading.kind is BodyKind.EMPTY:
        return Answer(Verdict.EMPTY, status=response.status)
    if reading.is_cut or (is_json_announced and reading.kind is not BodyKind.HTML):
        return Answer(Verdict.UNKNOWN, reason="the answer is announced as JSON, and cannot be read as such")
    if reading.kind is BodyKind.TEXT:
        return Answer(Verdict.OK, value=response.body.decode("utf-8", "replace").strip())
    title = f', "{reading.title}"' if reading.title else ""
    what, cure = "a web page", "check base_url and the credential: a sign-in page often looks like this"
    if reading.kind is BodyKind.UNDECODABLE:
        what, cure = "not UTF-8", "have the remote system name the charset in its content type"
    return Answer(
        Verdict.UNKNOWN if commits else Verdict.FAULT,
        reason=f"the answer is {what}{title}; an API answers with JSON or text",
        cure=cure,
    )


def _add_errors(answer: Answer, reading: Reading) -> Answer:
    if not reading.has_json:
        said = reading.fatal or next(iter(reading.notices), None) or reading.title
        return replace(answer, reason=f"{answer.reason}: {said}") if said and said not in answer.reason else answer
    errors = tuple(error for error, _ in zip(_find_errors(reading.value), range(_MAX_ERRORS), strict=False))
    words = "; ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors[:5])
    reason = f"{answer.reason}: {words}" if words else answer.reason
    return replace(answer, value=reading.value, errors=errors, reason=reason)


def _find_errors(value: Any) -> Iterator[FieldError]:
    """Yield the reasons of an answer: texts, objects with `field` and `message`, or objects by field."""
    if not isinstance(value, dict):
        return
    for key in _ERROR_KEYS:
        if value.get(key) not in (None, "", False, [], {}):
            yield from _spread(None, value[key])
            return


def _spread(name: str | None, content: Any, depth: int = 0) -> Iterator[FieldError]:
    if depth > 10:
        return
    match content:
        case list():
            for child in content:
                yield from _spread(name, child, depth + 1)
        case dict():
            message = next(
                (content[key] for key in ("message", "detail", "title") if isinstance(content.get(key), str)), None
            )
            if message is not None:
                spot = next(
                    (content[key] for key in ("field", "path", "pointer") if isinstance(content.get(key), str)), None
                )
                yield FieldError(spot or name, message)
            else:
                for key, child in content.items():
                    yield from _spread(f"{name}.{key}" if name else str(key), child, depth + 1)
        case None | "" | True | False:
            pass
        case _:
            yield FieldError(name, str(content))
