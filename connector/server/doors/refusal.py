"""What somebody is told who is not let in: a problem (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import html
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from connector.server.observe.request_id import read_request_id
from connector.server.pages.render import static_url
from connector.server.pages.words import raise_first

if TYPE_CHECKING:
    from starlette.types import Scope

    from connector.errors import AccessError

PROBLEM: Final = "application/problem+json"

_PROGRAMS: Final = ("/api/", "/hooks/", "/metrics", "/livez", "/readyz")
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Connector</title>
{styles}
</head>
<body>
<main id="main" class="door">
<div class="card stack">
<p class="brand door-brand"><span class="brand-mark" aria-hidden="true"></span>Connector</p>
<h1>{title}</h1>
<p>{message}</p>
{cure}<p><a href="/">Overview</a></p>
</div>
</main>
</body>
</html>
"""
_STYLES: Final = ("app.css", "pages.css")


def answer_refusal(scope: Scope, error: AccessError) -> Response:
    """Return the answer to a request that is refused, as whoever asks can read it.

    Args:
        scope: Of the request.
        error: Why it is refused.
    """
    if is_for_programs(scope):
        body, kind = orjson.dumps(describe_refusal(scope, error)), PROBLEM
    else:
        body, kind = _render(error).encode(), "text/html; charset=utf-8"
    return Response(body, error.status, {**error.headers, "Content-Type": kind})


def describe_refusal(scope: Scope, error: AccessError) -> dict[str, Any]:
    """Return a refusal as a problem of RFC 9457."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(error.status),
        "status": error.status,
        "detail": error.message,
    }
    if error.cure:
        told["cure"] = error.cure
    if request_id := read_request_id(scope):
        told["request_id"] = request_id
    return told


def is_for_programs(scope: Scope) -> bool:
    """Whether a program asks, which wants JSON, and not a person with a browser."""
    path: str = scope["path"]
    if path.startswith(_PROGRAMS):
        return True
    accepted = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept")
    return b"text/html" not in accepted


def _render(error: AccessError) -> str:
    """Return a page that holds nothing but the refusal: who is refused is shown nothing of the installation."""
    return _PAGE.format(
        title=html.escape(_title(error.status)),
        styles="\n".join(f'<link rel="stylesheet" href="{static_url(name)}">' for name in _STYLES),
        message=html.escape(raise_first(error.message)),
        cure=f"<p>What to do: {html.escape(error.cure)}</p>\n" if error.cure else "",
    )


def _title(status: int) -> str:
    return HTTPStatus(status).phrase
