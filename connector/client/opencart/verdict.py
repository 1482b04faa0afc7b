"""What an answer of OpenCart comes to: status and body, read together.

The shop says HTTP 200 to nearly everything and puts the outcome into the body:

| Answer | Verdict |
| --- | --- |
| a success key (`success`, `order_id`, `products`, …) and no `error` | `ok` |
| nothing but empty lists, or `[]` where that is an answer | `empty` |
| what was asked for, and an `error` (`cart/products`, a line out of stock) | `ok` with errors and a reason |
| `error` alone, or next to an empty list (no shipping method fits) | `rejected` |
| 2.3, 3.0: `error` that speaks of the API: the token is not known any more | `lost_session` |
| 4.0: PHP's text about `session_id`, or the shop's 404 page for a route that exists | `lost_session` |
| `[]` at log-in, a refused IP, HTTP 401 and 403 | `denied` |
| `[]` elsewhere: nothing was done | `rejected` |
| no whole JSON after a call that commits | `unknown` |
| no JSON otherwise: HTML, a PHP error, an empty body | `fault` (`unknown` where JSON was cut off) |
| 404: no such route, so nothing was done | `fault` |
| 4.0, 4.1: a redirect to `error.html`: PHP broke off, and the shop hides it | `fault`, or `unknown` after a commit |
| database not reached | `busy` |
| database locked or lost half-way | `busy`, or `unknown` after a call that commits |
| redirects, 429 and 5xx | as `connector.client.status` says |

A cart with problems is `ok`, because the question was answered and a subscriber wants the lines; its `errors` are for
whoever goes on to order. The shop itself refuses the order as well.

What differs between the generations is in their `Signs`.

Source: observed on 2.3.0.2, 3.0.5.1, 4.0.2.3 and 4.1.0.4, exchange by exchange; `tests/conformance/verdicts-*.tsv`
list all of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from connector.client.opencart.advice import (
    CHECK_LOGS,
    CHECK_USER,
    LOOK_FIRST,
    TRY_LATER,
    check_generation,
    explain_nothing,
    find_cure,
)
from connector.client.reading import BodyKind, Reading, read_body, unescape
from connector.client.status import judge_status
from connector.frozen import dataclass
from connector.request import Answer, FieldError, Operation, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from connector.request import Response


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells the answers of one generation from those of another.

    Attributes:
        generation: Name of its dialect, such as `3.0`.
        login_route: The route of its log-in; empty where there is none.
        has_api_words: Whether a lost session is told by an `error` that speaks of the API.
        has_lost_page: Whether a lost session can be answered with the shop's 404 page, which otherwise means that there
            is no such route.
        hides_errors: Whether PHP's warnings and errors can be answered with a redirect to `error.html`.
    """

    generation: str
    login_route: str = ""
    has_api_words: bool = False
    has_lost_page: bool = False
    hides_errors: bool = False


_SPEAKS_OF_API: Final = re.compile(r"\bAPIs?\b|permission to access", re.IGNORECASE)
"""Every translation of "You do not have permission to access the API!" names the API; no other error does."""

_REFUSES_SESSION: Final = re.compile(r"^(?:Warning: )?You do not have permission to access the API!?$", re.IGNORECASE)
"""The same in English, whole."""

_LOST_COOKIE: Final = re.compile(r"Invalid session ID", re.IGNORECASE)

_LOST_TOKEN: Final = re.compile(r"Session::\$?session_id must not be accessed before initiali[sz]ation", re.IGNORECASE)
"""4.0 to a token it does not know: thrown before any route runs, under 500 or, where PHP shows its errors, 200."""

_NO_DATABASE: Final = re.compile(
    r"could not make a database link"
    r"|(?:mysqli_sql_exception: |^Error: )(?:Connection refused|Too many connections|No such file or directory)"
    r"(?! \(\d)"
    r"|SQLSTATE\[HY000\] \[(?:1040|1203|2002)\]",
    re.IGNORECASE,
)
"""Said while connecting, before any route runs. Kept narrow: a mail server says the same (`Connection refused (111)`),
and mail goes out after the order is stored."""

_SPEAKS_OF_MAIL: Final = re.compile(r"fsockopen|smtp|\bmail\b", re.IGNORECASE)

_BROKEN_DATABASE: Final = re.compile(
    r"deadlock found|lock wait timeout|server has gone away|lost connection to .{0,20}server"
    r"|error no: (?:1205|1213|2006|2013)\b",
    re.IGNORECASE,
)
_WARNING: Final = re.compile(r"^\s*(?:Warning|Error|Notice)\s*:\s*", re.IGNORECASE)
_LINE: Final = re.compile(r"product_(\d+)_(\w+)")
"""A field of 4.1 that speaks of a line: `product_0_option_226`; `product_0_product` is the line itself."""

_NUMBERED: Final = re.compile(r"(\w*?(?:option|custom_field))_?(\d+)")
"""A field with a number: `option_226`, `payment_custom_field_3`; 3.0 writes `custom_field1`."""

_IP: Final = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w:])")
_MAX_REASONS: Final = 5

_KEEP_ADDRESS: Final = (
    "if it happens right after a log-in: see that the API user is still enabled, and that every call reaches the shop "
    "from one and the same address"
)


def read_answer(operation: Operation, response: Response, now: Callable[[], datetime], signs: Signs) -> Answer:
    """Return what a response means. Never raises.

    Args:
        operation: What was called; effect, success keys and the meaning of `[]` decide with the body.
        response: What came back.
        now: The clock, aware; for `Retry-After` with a date.
        signs: Those of the generation.
    """
    reading = read_body(response.body, response.headers.get("content-type", ""))
    answer = _judge_lost_token(response, reading) or _judge_hidden(operation, response, signs)
    if answer is None:
        answer = _judge(operation, response, reading, now, signs)
    if operation.route == signs.login_route:
        answer = _explain_login(answer, signs)
    is_over = reading.has_json or bool(reading.fatal)
    return replace(answer, notices=reading.notices, status=response.status, is_over=is_over)


def _judge(
    operation: Operation, response: Response, reading: Reading, now: Callable[[], datetime], signs: Signs
) -> Answer:
    answer = judge_status(operation, response, now)
    if answer is not None:
        return _add_body(operation, answer, reading)
    if not reading.has_json:
        return _judge_unreadable(operation, response, reading, signs)
    answer = _judge_json(operation, unescape(reading.value), signs)
    if response.status >= 400 and answer.verdict.is_success:
        reason = f"HTTP {response.status} with a success"
        return replace(_contradiction(operation, answer.value, signs), reason=reason)
    return answer


def find_errors(value: Any) -> Iterator[FieldError]:
    """Yield the reasons in an answer: `error` as text, by field, nested (`option.226`) or with lists of texts.

    `warning` speaks of the whole call, so its field is None; `custom_field1` is the payload's `custom_field.1`, and
    `product_0_option_226` its `product.0.option.226`.
    """
    if not isinstance(value, dict) or not value.get("error"):
        return
    waiting: list[tuple[str | None, Any]] = [(None, value["error"])]
    while waiting:
        field, content = waiting.pop()
        match content:
            case dict():
                waiting.extend((_name(field, key), child) for key, child in reversed(content.items()))
            case list():
                waiting.extend((field, child) for child in reversed(content))
            case None | "" | False:
                pass
            case True:
                yield FieldError(field, "refused without a reason")
            case _:
                yield FieldError(field, str(content))


def join_errors(errors: tuple[FieldError, ...]) -> str:
    """Return the shop's reasons as one sentence, its `Warning:` left out."""
    said = [
        f"{error.field}: {words}" if error.field else words
        for error in errors
        if (words := _WARNING.sub("", error.message).strip() or error.message)
    ]
    if len(said) > _MAX_REASONS:
        said[_MAX_REASONS:] = [f"and {len(said) - _MAX_REASONS} more"]
    return "; ".join(said)


def _name(parent: str | None, key: str) -> str | None:
    if parent is not None:
        return f"{parent}.{key}"
    if key == "warning":
        return None
    if line := _LINE.fullmatch(key):
        rest = "" if line[2] == "product" else f".{_name(None, line[2])}"
        return f"product.{line[1]}{rest}"
    if numbered := _NUMBERED.fullmatch(key):
        return f"{numbered[1]}.{numbered[2]}"
    return key


def _judge_json(operation: Operation, value: Any, signs: Signs) -> Answer:
    if value in ([], {}):
        return _judge_nothing(operation, value, signs)
    if not isinstance(value, dict):
        kind = "null" if value is None else type(value).__name__
        return replace(_contradiction(operation, value, signs), reason=f"the answer is JSON, but no object: {kind}")
    errors = tuple(find_errors(value))
    return _judge_errors(operation, value, errors, signs) if errors else _judge_success(operation, value, signs)


def _judge_errors(operation: Operation, value: dict[str, Any], errors: tuple[FieldError, ...], signs: Signs) -> Answer:
    if signs.has_api_words and operation.route != signs.login_route and _is_lost(operation, value, errors):
        return Answer(
            Verdict.LOST_SESSION,
            value=value,
            errors=errors,
            reason="the shop does not know the session any more, or refuses this machine's address",
            cure=_KEEP_ADDRESS,
        )
    words = join_errors(errors)
    filled = [key for key in operation.success_keys if value.get(key) not in (None, [], {}, "", False)]
    if filled and operation.effect.commits:
        contradiction = _contradiction(operation, value, signs)
        reason = f"the shop says success ({', '.join(filled)}) and error in one answer: {words}"
        return replace(contradiction, errors=errors, reason=reason)
    if filled and filled != ["success"]:
        return Answer(Verdict.OK, value=value, errors=errors, reason=f"the shop answers with a reservation: {words}")
    return Answer(
        Verdict.REJECTED,
        value=value,
        errors=errors,
        reason=f"the shop refuses it: {words}",
        cure=find_cure(signs.generation, operation, errors),
    )


def _is_lost(operation: Operation, value: dict[str, Any], errors: tuple[FieldError, ...]) -> bool:
    """Whether an answer refuses the session, and has nothing else to say.

    A commit may be sent again after that, so there the whole sentence must stand: an extension can complain of some
    other API after the order is stored.
    """
    pattern = _REFUSES_SESSION if operation.effect.commits else _SPEAKS_OF_API
    return set(value) == {"error"} and any(error.field is None and pattern.search(error.message) for error in errors)


def _judge_success(operation: Operation, value: dict[str, Any], signs: Signs) -> Answer:
    keys = [key for key in operation.success_keys if key in value]
    if operation.success_keys and not keys:
        wanted, found = ", ".join(operation.success_keys), ", ".join(map(str, value))[:200]
        reason = f"the answer says neither success ({wanted}) nor error; it has {found}"
        return replace(_contradiction(operation, value, signs), reason=reason)
    if keys and all(content in ([], {}) for content in value.values()):
        return Answer(Verdict.EMPTY, value=value)
    return Answer(Verdict.OK, value=value)


def _judge_nothing(operation: Operation, value: Any, signs: Signs) -> Answer:
    if operation.route == signs.login_route:
        reason = "wrong username or key, or the API user is off"
        return Answer(Verdict.DENIED, value=value, reason=reason, cure=CHECK_USER)
    if operation.is_empty_success:
        return Answer(Verdict.EMPTY, value=value)
    reason = f"the shop did nothing: {explain_nothing(operation)}"
    return Answer(Verdict.REJECTED, value=value, reason=reason, cure="check the payload and the steps before")


def _contradiction(operation: Operation, value: Any, signs: Signs) -> Answer:
    """Return the answer for JSON that nothing can be concluded from; the caller says why."""
    if operation.effect.commits:
        return Answer(Verdict.UNKNOWN, value=value, cure=LOOK_FIRST)
    return Answer(Verdict.FAULT, value=value, cure=check_generation(signs.generation))


def _add_body(operation: Operation, answer: Answer, reading: Reading) -> Answer:
    """Return what the status decided, with what the body adds to it."""
    if reading.has_json:
        value = unescape(reading.value)
        errors = tuple(find_errors(value))
        words = join_errors(errors)
        return replace(
            answer, value=value, errors=errors, reason=f"{answer.reason}: {words}" if words else answer.reason
        )
    if answer.status is not None and answer.status >= 500:
        trouble = _judge_database(operation, reading)
        if trouble is not None:
            return trouble
    words = reading.fatal or next(iter(reading.notices), None) or reading.title or ""
    return replace(answer, reason=f"{answer.reason}: {words}") if words else answer


def _judge_lost_token(response: Response, reading: Reading) -> Answer | None:
    """Return that the session is lost, where PHP's text says so and nothing was answered in front of it."""
    if not any(_LOST_TOKEN.search(text) for text in (reading.text, *reading.notices)) or b'{"' in response.body:
        return None
    return Answer(
        Verdict.LOST_SESSION,
        reason="the shop does not know the session any more, or refuses this machine's address; it says so with a PHP "
        "error about session_id",
        cure=_KEEP_ADDRESS,
    )


def _judge_hidden(operation: Operation, response: Response, signs: Signs) -> Answer | None:
    """Return what a redirect to the shop's own error page means: half of the work may be done."""
    if not signs.hides_errors or not 300 <= response.status < 400:
        return None
    try:
        path = urlsplit(response.headers.get("location", "").strip()).path
    except ValueError:
        return None
    if path.rpartition("/")[2] != "error.html":
        return None
    reason = "PHP broke off with a warning or error, which the shop hides behind error.html"
    if operation.effect.commits:
        return Answer(Verdict.UNKNOWN, reason=f"{reason}; the call may have been carried out", cure=LOOK_FIRST)
    return Answer(Verdict.FAULT, reason=reason, cure=f"{CHECK_LOGS}; Display Errors in the shop's settings shows it")


def _judge_unreadable(operation: Operation, response: Response, reading: Reading, signs: Signs) -> Answer:
    """Return what a body without JSON means, under a status that leaves it open."""
    if response.status == 404:
        return _judge_missing(operation, reading, signs)
    if response.status >= 400:
        return Answer(
            Verdict.REJECTED,
            reason=f"the web server refuses the call (HTTP {response.status}{_quote_title(reading)})",
            cure="the web server's error log says why",
        )
    if _LOST_COOKIE.search(reading.text):
        return Answer(Verdict.LOST_SESSION, reason="the shop does not accept the session's cookie")
    trouble = _judge_database(operation, reading)
    if trouble is not None:
        return trouble
    if operation.effect.commits:
        reason = f"{_describe_body(reading)}; the call may have been carried out"
        return Answer(Verdict.UNKNOWN, reason=reason, cure=LOOK_FIRST)
    verdict = Verdict.UNKNOWN if reading.is_cut else Verdict.FAULT
    return Answer(verdict, reason=_describe_body(reading), cure=_find_body_cure(reading))


def _judge_missing(operation: Operation, reading: Reading, signs: Signs) -> Answer:
    is_listed = operation.entity != operation.route  # the shop has it, unless it is another generation
    if signs.has_lost_page and is_listed and operation.route != signs.login_route:
        return Answer(
            Verdict.LOST_SESSION,
            reason=f"the shop has lost what the session held, or has no {operation.route} (HTTP 404"
            f"{_quote_title(reading)}); it says the same to both",
            cure="if it comes back at the same step: see that this release of the shop has the route, and that no text "
            "of the payload is too long for a session (64 KiB)",
        )
    or_lost = ", or the session is gone" if signs.has_lost_page else ""
    return Answer(
        Verdict.FAULT,
        reason=f"there is no {operation.route} at this address (HTTP 404{_quote_title(reading)}){or_lost}",
        cure="is base_url right (the folder of the shop's index.php), and the route spelt as "
        f"OpenCart {signs.generation} does?",
    )


def _judge_database(operation: Operation, reading: Reading) -> Answer | None:
    said = (reading.text, *reading.notices)
    if any(_SPEAKS_OF_MAIL.search(text) for text in said):
        return None
    if any(_NO_DATABASE.search(text) for text in said):
        if operation.effect.commits:
            reason = "the shop, or an extension of it, cannot reach a database; the call may have been carried out"
            return Answer(Verdict.UNKNOWN, reason=reason, cure=LOOK_FIRST)
        return Answer(Verdict.BUSY, reason="the shop cannot reach its database", cure=TRY_LATER)
    if any(_BROKEN_DATABASE.search(text) for text in said):
        if operation.effect.commits:
            reason = "the shop's database broke off; the call may have been carried out in part"
            return Answer(Verdict.UNKNOWN, reason=reason, cure=LOOK_FIRST)
        return Answer(Verdict.BUSY, reason="the shop's database broke off", cure=TRY_LATER)
    return None


def _describe_body(reading: Reading) -> str:
    if reading.fatal:
        return f"PHP broke off: {reading.fatal}"
    if reading.is_cut:
        return "the answer's JSON is cut off"
    said = f": {reading.text[:100]}" if reading.text and not reading.title else ""
    match reading.kind:
        case BodyKind.EMPTY:
            return "the answer is empty"
        case BodyKind.UNDECODABLE:
            return "the answer is not UTF-8"
        case BodyKind.HTML:
            return f"the answer is a web page instead of JSON{_quote_title(reading)}{said}"
        case _:
            return f"the answer is text instead of JSON{said}"


def _find_body_cure(reading: Reading) -> str:
    if reading.fatal or reading.kind is BodyKind.EMPTY:
        return CHECK_LOGS
    if reading.is_cut:
        return "try again; if it stays, the web server's error log says why"
    if reading.kind is BodyKind.UNDECODABLE:
        return "have the shop, or what stands in front of it, answer in UTF-8 or name the charset in the content type"
    return (
        "is base_url right (the folder of the shop's index.php), and is no page for visitors put in front of the API?"
    )


def _quote_title(reading: Reading) -> str:
    return f', "{reading.title}"' if reading.title else ""


def _explain_login(answer: Answer, signs: Signs) -> Answer:
    """Return a failed log-in with its likely cause, which the shop's own words often hide."""
    if answer.verdict is Verdict.REJECTED and answer.errors:
        found = next((match for error in answer.errors if (match := _IP.search(error.message))), None)
        if found is not None or any(error.field == "ip" for error in answer.errors):
            address = f"the address {found[0]}" if found else "this machine's address"
            return replace(
                answer,
                verdict=Verdict.DENIED,
                reason=f"the shop does not let {address} use the API, whatever else it says of the key",
                cure=f"add {found[0] if found else 'it'} to the IP addresses of the API user (System > Users > API); "
                "they are compared as exact text, and behind a proxy the shop sees the proxy's",
            )
        reason = f"the shop refuses the log-in: {join_errors(answer.errors)}"
        return replace(answer, verdict=Verdict.DENIED, reason=reason, cure=CHECK_USER)
    if answer.verdict is Verdict.FAULT and answer.cure == CHECK_LOGS and signs.generation == "3.0":
        cure = f"{CHECK_LOGS}; OpenCart 3.0.0.0 to 3.0.2.0 break off at every right key, 3.0.3.0 mends it"
        return replace(answer, cure=cure)
    return answer
