"""Pages out of templates: the environment, its filters, and what every page has around its own content.

A page's template extends `base.html`. Where htmx asks for a part of it, the block that is named like the part's id
is rendered alone, so that no page says twice how a part of it looks.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from markupsafe import Markup
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import HTMLResponse, RedirectResponse

import connector
from connector.desk.shown import show_value
from connector.frozen import dataclass
from connector.server.doors.roles import Role
from connector.server.pages.chart import HEIGHT, tell, to_stamp
from connector.server.pages.words import drop_name, lower_first, raise_first, show_ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2.runtime import Context as Values
    from starlette.requests import Request
    from starlette.responses import Response

    from connector.redaction import Redactor
    from connector.server.context import Context
    from connector.server.doors.doors import Caller

FLASH: Final = "connector-flash"
"""Cookie that carries what came of an action to the page that is shown next."""

_LONGEST_FLASH: Final = 2_400
"""Of its JSON; as base64 and with its attributes it is still within the 4,096 bytes that browsers take."""

_MOST_HIGHLIGHTED: Final = 200_000
"""Characters of JSON that are coloured; longer texts are shown as they are."""

_TOKENS: Final = re.compile(
    r'(?P<js>"(?:[^"\\]|\\.)*")|(?P<jn>-?\d[\d.eE+-]*)|(?P<jw>true|false|null|NaN|-?Infinity)'
    r"|(?P<opening>[{\[])|(?P<closing>[}\]])|(?P<mark>[,:])"
)
"""The tokens of JSON. The names of the first three are classes of the style sheet."""

NAVIGATION: Final = (
    ("/", "Overview", "overview"),
    ("/tasks", "Tasks", "tasks"),
    ("/unknown", "Unknown outcomes", "unknown"),
    ("/schedules", "Schedules", "schedules"),
    ("/clients", "Clients", "clients"),
    ("/catalog", "Catalog", "catalog"),
    ("/try", "Try-out", "try"),
    ("/log", "Log", "log"),
    ("/audit", "Audit", "audit"),
)
"""Every page of the menu: its path, its name, and the name of its icon."""


class Renderer:
    """Makes answers of templates."""

    def __init__(self, context: Context) -> None:
        """Prepare.

        Args:
            context: The parts of the service; its redactor masks what is shown as JSON or text with `mask`.
        """
        self._context = context

    def page(
        self,
        request: Request,
        caller: Caller | None,
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
    ) -> HTMLResponse:
        """Return a page, or the part of it that htmx asks for.

        Args:
            request: What asks. With `HX-Request` and an `HX-Target` that a block of the template is named like
                (`task-list` asks for the block `task_list`), that block alone is the answer, with the flash message.
            caller: Who asks; None where nobody is logged in.
            template: Name of the template.
            values: What it shows.
            status: HTTP status.
        """
        flash = read_flash(request)
        made = environment().get_template(template)
        known = {
            "request": request,
            "who": caller,
            "csrf_token": self._context.doors.csrf(request),
            "may_operate": caller is not None and caller.may(Role.OPERATE),
            "flash": flash,
            "path": request.url.path,
            "now_ms": self._context.store.now_ms(),
            "redactor": self._context.redactor,
            "mask": self._context.redactor.mask_text,
            **(values or {}),
        }
        part = _find_part(request)
        if part in made.blocks and part not in environment().get_template("base.html").blocks:
            shown = made.new_context(known)
            body = "".join(made.blocks[part](shown))
            if flash is not None:
                body += environment().get_template("parts/flash.html").render(known, is_apart=True)
        else:
            body = made.render(known)
        answer = HTMLResponse(body, status_code=status, headers={"Cache-Control": "no-store", "Vary": "HX-Request"})
        if flash is not None:
            answer.delete_cookie(FLASH, path="/")
        return answer

    def done(self, to: str, text: str, *, is_bad: bool = False) -> Response:
        """Return what follows an action: another page, which will say what came of it.

        Args:
            to: Path, with its query, of the page to show.
            text: What came of it, in one sentence.
            is_bad: Whether it was refused, or went wrong.
        """
        answer = RedirectResponse(to, status_code=303)
        said = base64.urlsafe_b64encode(json.dumps([_shorten(self._context.redactor.mask_text(text)), is_bad]).encode())
        answer.set_cookie(FLASH, said.decode(), max_age=60, path="/", httponly=True, samesite="strict")
        return answer


async def read_form(request: Request) -> ImmutableMultiDict[str, str]:
    """Return the fields of a form that was sent; files among them are left out."""
    form = await request.form()
    return ImmutableMultiDict([(name, value) for name, value in form.multi_items() if isinstance(value, str)])


def is_htmx(request: Request) -> bool:
    """Return whether htmx asks for a part of a page, and not a browser for the whole."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def read_flash(request: Request) -> tuple[str, bool] | None:
    """Return what came of the action before, and whether it went wrong; None where there was none."""
    said = request.cookies.get(FLASH)
    if said is None:
        return None
    try:
        text, is_bad = json.loads(base64.urlsafe_b64decode(said))
    except (TypeError, ValueError):  # somebody else has written it
        return None
    return (text, bool(is_bad)) if isinstance(text, str) else None


def _shorten(text: str) -> str:
    """Return as much of a text as a cookie holds: a browser drops one that is larger, and nothing would be said."""
    while len(json.dumps(text)) > _LONGEST_FLASH:
        text = text[: len(text) * _LONGEST_FLASH // len(json.dumps(text))]
    return text


class _PageLoader(PackageLoader):
    """Loads templates without the indentation that is there for their reader alone; what they show is not touched."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool] | None]:
        """Return the text of a template, its name, and whether that is still so."""
        source, name, is_current = super().get_source(environment, template)
        return "\n".join(line.lstrip() for line in source.splitlines()) + "\n", name, is_current


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the Jinja environment of all pages: it escapes everything, and refuses names that are not there."""
    made = Environment(
        loader=_PageLoader("connector.server.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    made.filters.update(
        number=show_number,
        moment=show_moment,
        duration=show_duration,
        json=show_json,
        plural=show_count,
        bytes=show_bytes,
        tell=tell,
        stamp=to_stamp,
        ucfirst=lambda text: text[:1].upper() + text[1:],
        pair=lambda value: (value, value),
        ticks=show_ticks,
        drop_name=drop_name,
        raise_first=raise_first,
        lower_first=lower_first,
    )
    made.globals.update(
        static=static_url,
        query=change_query,
        navigation=NAVIGATION,
        version=connector.__version__,
        chart_height=HEIGHT,
    )
    return made


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages load.

    Attributes:
        content: What it holds.
        packed: The same, by gzip.
        version: Stands in its address; one for all files, since one names another.
    """

    content: bytes
    packed: bytes
    version: str


@lru_cache(maxsize=1)
def static_files() -> dict[str, StaticFile]:
    """Return the files that pages load, by name."""
    folder = files("connector.server.pages") / "static"
    found = {
        file.name: _shrink(file.name, file.read_text(encoding="utf-8")).encode()
        for file in folder.iterdir()
        if file.name.endswith((".css", ".js", ".svg"))
    }
    version = hashlib.sha256(b"".join(found[name] for name in sorted(found))).hexdigest()[:12]
    return {name: StaticFile(content, gzip.compress(content, mtime=0), version) for name, content in found.items()}


def _shrink(name: str, text: str) -> str:
    """Return a file without what is there for its reader alone: indentation, empty lines and lines of comment.

    What is vendored stays as it is.
    """
    if name.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"\s*([{};])\s*|(?<=[:,])\s+", lambda found: found[1] or "", text)
    elif not name.endswith(".js") or ".min." in name:
        return text
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def static_url(name: str) -> str:
    """Return the address of a file that pages load; it changes with the content, so it may be kept for good."""
    return f"/static/{static_files()[name].version}/{name}"


@pass_context
def change_query(values: Values, **changes: Any) -> str:
    """Return the query of the present page with some of its fields changed, with the question mark; `""` for none.

    Args:
        values: Of the template.
        changes: New values by name; None takes a field away, a list puts several.
    """
    request: Request = values["request"]
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changes and value]
    for name, value in changes.items():
        if value is not None:
            kept += [(name, str(one)) for one in (value if isinstance(value, list | tuple) else [value])]
    return f"?{urlencode(kept)}" if kept else "?"


def show_number(value: float) -> str:
    """Return a number with its thousands apart, as the command line shows it: `1,234,567`."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def show_count(value: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 task`, `1,200 tasks`."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def show_bytes(value: int) -> str:
    """Return a size: `812 B`, `4.2 kB`, `1.5 MB`."""
    if value < 1000:
        return f"{value} B"
    return f"{value / 1000:.1f} kB" if value < 1_000_000 else f"{value / 1_000_000:.1f} MB"


def show_moment(at_ms: int | None, form: str = "short") -> Markup:
    """Return a time element: UTC in the page, which the script turns into the viewer's zone.

    Args:
        at_ms: Milliseconds since the epoch; None gives a dash.
        form: `short` (day and time, the day left out for today), `full` (with seconds), `fine` (time with
            milliseconds), `clock` (time alone), `ago` (how far off it is).
    """
    if at_ms is None:
        return Markup('<span class="none">-</span>')
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pattern = {"fine": "%H:%M:%S", "clock": "%H:%M"}.get(form, "%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}" data-form="{}">{} UTC</time>').format(stamp, form, at.strftime(pattern))


def show_duration(duration_ms: int | None) -> str:
    """Return a length of time in one or two units: `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`."""
    if duration_ms is None:
        return "-"
    if duration_ms < 1000:
        return f"{max(duration_ms, 0)} ms"
    if duration_ms < 10_000:
        return f"{duration_ms / 1000:.1f} s"
    seconds = duration_ms // 1000
    for size, unit, below, lesser in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit} {rest // below} {lesser}" if rest // below else f"{whole} {unit}"
    return f"{seconds} s"


@pass_context
def show_json(values: Values, value: Any) -> Markup:
    """Return JSON, masked, spread over lines, its parts marked for colour; numbers keep every digit they came with.

    Args:
        values: Of the template; its redactor masks what is secret.
        value: JSON as text or bytes, or a value that JSON can say. A text that is no JSON is shown as it is.
    """
    return Markup(spread_json(value, values["redactor"]))  # noqa: S704  # escaped


def spread_json(value: Any, redactor: Redactor) -> str:
    """Return what `show_json` does as HTML; no element reaches over the end of a line."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        text = redactor.mask_text(value)
    else:
        text = json.dumps(show_value(value, redactor), ensure_ascii=False)
    return _spread(text) if len(text) <= _MOST_HIGHLIGHTED and _is_json(text) else html.escape(text)


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[", '"')):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _spread(text: str) -> str:
    """Return JSON as HTML, two blanks deeper with every level. Its tokens are copied, not read and written anew."""
    tokens = [(found.lastgroup or "", found[0]) for found in _TOKENS.finditer(text)]
    parts: list[str] = []
    depth = 0
    for place, (kind, token) in enumerate(tokens):
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        if kind == "opening":
            is_empty = following in {"}", "]"}
            depth += 1
            parts.append(token if is_empty else f"{token}\n{'  ' * depth}")
        elif kind == "closing":
            depth -= 1
            is_empty = place > 0 and tokens[place - 1][0] == "opening"
            parts.append(token if is_empty else f"\n{'  ' * depth}{token}")
        elif token == ":":  # noqa: S105 - of JSON
            parts.append(": ")
        elif kind == "mark":
            parts.append(f",\n{'  ' * depth}")
        else:
            name = "jk" if kind == "js" and following == ":" else kind
            parts.append(f'<span class="{name}">{html.escape(token, quote=False)}</span>')
    return "".join(parts)


def _find_part(request: Request) -> str:
    return request.headers.get("hx-target", "").replace("-", "_") if is_htmx(request) else ""
