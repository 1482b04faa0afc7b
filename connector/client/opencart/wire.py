"""How a call becomes a POST to the shop's index.php, the same in every generation: address, query, form, next links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from connector.client.address import describe_address, is_same_origin
from connector.client.form import CONTENT_TYPE, MAX_FIELDS, encode, flatten
from connector.errors import PayloadError
from connector.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.interfaces import SessionState
    from connector.request import Operation, PageInput

Form = tuple[tuple[str, str], ...]
"""Flat fields under PHP's keys, in order."""

STORE: Final = "store_id"
"""The parameter that chooses a store, in every generation."""


def find_endpoint(base_url: str) -> str:
    """Return the address of index.php for `https://shop/sub`, with or without slash or index.php at its end."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    if not path.endswith("/index.php"):
        path += "/index.php"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def build_post(
    url: str,
    query: Mapping[str, str],
    form: Form,
    *,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
) -> Request:
    """Return a POST of a form.

    Args:
        url: Where to.
        query: Parameters, in order.
        form: The payload.
        headers: Further ones; they replace those of the same name, but for the content type.
        cookies: Sent as one header, where there are any.
    """
    all_headers = {"accept": "application/json"}
    all_headers |= {name.lower(): value for name, value in (headers or {}).items()}
    if cookies:
        all_headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return Request(
        method="POST",
        url=url,
        query=tuple(query.items()),
        headers=all_headers | {"content-type": CONTENT_TYPE},
        body=encode(form),
        form=form,
    )


def build_call(
    base_url: str,
    operation: Operation,
    payload: Mapping[str, Any],
    page: PageInput,
    state: SessionState,
    *,
    scope: Mapping[str, str] | None = None,
) -> Request:
    """Return the request for one call in a session: payload as form, route and token in the query.

    Args:
        base_url: As in the client's options.
        operation: What to call.
        payload: Its fields, by their names on the wire.
        page: What a page adds.
        state: Token and cookies of the session.
        scope: Parameters that every call of the client has, such as `store_id`.

    Raises:
        PayloadError: The payload cannot be encoded, a page asks for a place that is not there (a JSON path), or a next
            link leads to another scheme, host or port, where the token must not go.
    """
    form = build_form(operation, payload, page)
    url, query = build_query(base_url, operation, payload, page)
    query |= dict(scope or {}) | dict(page.query) | dict(state.query)
    return build_post(url, query, form, headers={**page.headers, **state.headers}, cookies=state.cookies)


def build_query(
    base_url: str, operation: Operation, payload: Mapping[str, Any], page: PageInput
) -> tuple[str, dict[str, str]]:
    """Return address and query of a call: route, fixed parameters, fields that travel there, those of a next link.

    Raises:
        PayloadError: As `build_call`.
    """
    url = find_endpoint(base_url)
    in_query = {name: value for name, value in payload.items() if name in operation.query_fields}
    query = {"route": operation.route} | dict(operation.query) | dict(flatten(in_query, entity=operation.entity))
    if page.url is not None:
        url, linked = _follow(url, operation, page.url)
        query |= linked
    return url, query


def build_form(
    operation: Operation, payload: Mapping[str, Any], page: PageInput, *, too_many: str | None = None
) -> Form:
    """Return the fields of a call: fixed ones, the payload, those of the page; a later one replaces an earlier.

    Args:
        operation: What is called.
        payload: Its fields; those that travel in the query are left out.
        page: What a page adds.
        too_many: What to do about more fields than PHP reads, where the usual advice does not help.

    Raises:
        PayloadError: As `build_call`.
    """
    if page.json:
        names = ", ".join(page.json)
        raise PayloadError(
            operation.entity,
            [f"{names}: a page cannot go into JSON, the shop reads forms; write in: form or in: query"],
        )
    fixed = {name: value for name, value in operation.form if name not in payload}
    in_form = {name: value for name, value in payload.items() if name not in operation.query_fields}
    form = flatten(fixed | in_form, entity=operation.entity, max_fields=None if too_many else MAX_FIELDS)
    if page.form:
        form = (*(pair for pair in form if pair[0] not in page.form), *page.form.items())
    if len(form) > MAX_FIELDS:
        with_page = " with those of the page" if page.form else ""
        problem = f"{len(form):,} form fields{with_page}, but PHP reads only the first {MAX_FIELDS:,}"
        raise PayloadError(operation.entity, [f"{problem}: {too_many}" if too_many else problem])
    return form


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
