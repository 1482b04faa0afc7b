"""Whether the shop lets the credential in, which generation it is, and whether a session holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.app.doctor.finding import Finding, Severity, find_reason
from connector.request import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.request import Answer, Exchange

LOGIN: Final = "log-in"
AUTO: Final = "auto"

_PHP_COOKIE: Final = "PHPSESSID"

_IDLE: Final = (
    "a session ends after 24 idle minutes (PHP's default) and its token 1 hour after its last use; a line of the cart "
    "goes 1 hour after it was added"
)
_SESSIONS: Final = {
    "2.3": _IDLE,
    "3.0": _IDLE,
    "4.0": "a token ends 1 hour after its last use; a line of the cart goes 1 hour after it was added",
    "4.1": "there are no sessions: every call carries the whole order and is signed anew",
}
"""How long sessions last. It cannot be asked, and waiting for it takes as long; observed on 2.3.0.2, 3.0.5.1, 4.0.2.3
and 4.1.0.4 as installed."""


def check_dialect(configured: str, spoken: str) -> Finding:
    """Return which generation the shop was found to be, after a success."""
    how = "found out by asking" if configured == AUTO else "as configured"
    return Finding("dialect", Severity.OK, f"OpenCart {spoken}, {how}")


def check_other_dialect(configured: str, found: str) -> Finding:
    """Return that the shop is of another generation than the one that is written."""
    return Finding(
        "dialect",
        Severity.PROBLEM,
        f"the shop is an OpenCart {found}",
        f"the client's dialect is {configured}, whose routes and log-in differ",
        f"write dialect: {found}, or dialect: auto",
    )


def check_key(username: str, key: str) -> Finding | None:
    """Return what is wrong with a credential as it is written, or None."""
    spoilt = [name for name, text in (("username", username), ("key", key)) if text != text.strip()]
    if "\n" in key.strip() or "\r" in key.strip():
        spoilt = [*spoilt, "key"]
    if not spoilt:
        return None
    return Finding(
        "credential",
        Severity.PROBLEM,
        f"{' and '.join(dict.fromkeys(spoilt))} of the client has blanks or line breaks in it",
        "a line break came along when it was copied, or its file ends with two",
        "copy it again from System > Users > API, on one line",
    )


def check_log_in(answer: Answer | None, dialect: str, *, proxy: str | None = None) -> Finding:
    """Return what a log-in came to, with the false clues in the shop's words named as such.

    Args:
        answer: What refused it, or None for a success.
        dialect: The one that is spoken, or `auto`.
        proxy: The client's proxy, whose address the shop sees.
    """
    if answer is None:
        done = "the signature is accepted" if dialect == "4.1" else "user and key are accepted"
        return Finding(LOGIN, Severity.OK, done)
    reason = find_reason(answer)
    fields = {error.field for error in answer.errors}
    cure = answer.cure
    cause: str | None = None
    if {"ip", "key"} <= fields:
        cause = (
            "the shop says that the address may not use the API and that the key is wrong; the second is a false clue, "
            "since it looks at the address only once it has found user and key"
        )
    elif answer.value == [] and answer.verdict is Verdict.DENIED:
        cause = (
            "the shop answers [] to a wrong user, a wrong key and a user that is switched off alike, and looks at the "
            "address only after that"
        )
    elif answer.errors:
        cause = f"the shop's own words: {'; '.join(error.message for error in answer.errors)}"
    if proxy is not None and ("ip" in fields or "address" in reason):
        cure = f"{cure}; calls go by the proxy {proxy}, so it is the proxy's address that has to be on the list"
    is_of_the_shop = answer.verdict is Verdict.DENIED and answer.value is not None  # else something in front refuses
    check = LOGIN if is_of_the_shop else "answer"
    return Finding(check, Severity.PROBLEM, reason, cause, cure)


def check_session(answer: Answer, dialect: str, exchanges: Sequence[Exchange], entity: str) -> Finding:
    """Return whether the session that a log-in gave is known to the shop a moment later.

    Args:
        answer: What the first call in the new session came to.
        dialect: The one that is spoken.
        exchanges: Log-in and call, in order.
        entity: What was called.
    """
    if answer.verdict.is_success or answer.verdict is Verdict.REJECTED:
        return Finding("session", Severity.OK, f"a session holds; {_SESSIONS.get(dialect, 'its length is not known')}")
    if answer.verdict is not Verdict.LOST_SESSION:
        return Finding(
            "session", Severity.PROBLEM, f"the first call after the log-in fails ({entity})", answer.reason, answer.cure
        )
    sent = exchanges[-1].request
    causes = [
        "the calls reach the shop from changing addresses, and a session is tied to the one that logged in",
        "the shop runs on several machines that do not share their sessions",
    ]
    cures = ["have all calls leave by one address", "have the load balancer keep a client on one machine"]
    if dialect == "2.3" and _PHP_COOKIE not in sent.headers.get("cookie", ""):
        causes.insert(0, f"no cookie {_PHP_COOKIE} came with the log-in, and 2.3 knows a session by it")
        cures.insert(0, "see that nothing between this machine and the shop takes Set-Cookie out of its answers")
    if dialect == "3.0":
        causes.append("its table of sessions is broken or full")
        cures.append("look into the shop's error log")
    return Finding(
        "session",
        Severity.PROBLEM,
        "the shop does not know a session any more that it gave a moment ago",
        f"it words it as a missing permission, which is a false clue; more likely: {'; or '.join(causes)}",
        "; or ".join(cures),
    )


def tell_session(dialect: str) -> Finding:
    """Return how long sessions last, for a generation whose sessions are not tried out."""
    return Finding("session", Severity.OK, _SESSIONS.get(dialect, "its length is not known"))
