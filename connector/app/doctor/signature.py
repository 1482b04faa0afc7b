"""What 4.1 signs, tried out: the host with and without its port, the folder, the user's letters, the shop's own clock.

4.1 gives one answer to a wrong user, key, address, host, folder and time. What can be told apart is told apart by
signing the same harmless call in other ways: the way that is let through names what was wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connector.app.doctor.clock import TOLERANCE_S
from connector.app.doctor.finding import Finding, Severity
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK: Final = "signature"
_PORTS: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sign.

    Attributes:
        host: What is signed as the host.
        path: What is signed as the folder.
        username: The user's name, whose letters' case is signed too.
        shift_s: Seconds that are added to this machine's time.
    """

    host: str
    path: str
    username: str
    shift_s: int = 0


def list_ways(used: Way, *, scheme: str, sent_host: str, folder: str, skew_s: int | None) -> list[Way]:
    """Return other ways to sign than the one in use, the likeliest first.

    Args:
        used: How calls are signed now.
        scheme: Of `base_url`, for its usual port.
        sent_host: The host as it is sent, with a port where `base_url` has one.
        folder: The folder in `base_url`.
        skew_s: By how much the shop's clock is ahead; None where that is not known.
    """
    bare, colon, port = sent_host.rpartition(":")
    if not colon or not port.isdigit():  # a bare IPv6 address ends with its bracket
        bare = sent_host
    hosts = dict.fromkeys([used.host, sent_host, bare, f"{bare}:{_PORTS.get(scheme, '443')}"])
    folders = dict.fromkeys([used.path, folder, "/"])
    shift_s = skew_s if skew_s is not None and abs(skew_s) > TOLERANCE_S else 0
    ways = [Way(host, path, used.username, shift_s) for path in folders for host in hosts]
    names = (used.username.lower(), used.username.capitalize())
    ways += [replace(used, username=name, shift_s=shift_s) for name in names]
    return [way for way in dict.fromkeys(ways) if way != used]


def check_ways(used: Way, tried: Sequence[Way], accepted: Way | None) -> Finding:
    """Return what trying other ways to sign has shown, after a refusal.

    Args:
        used: How calls are signed now.
        tried: The other ways, as far as they were tried.
        accepted: The one that was let through, or None.
    """
    if accepted is None:
        hosts = ", ".join(dict.fromkeys(way.host for way in (used, *tried)))
        folders = ", ".join(dict.fromkeys(way.path for way in (used, *tried)))
        return Finding(
            CHECK,
            Severity.NOTE,
            f"{len(tried)} other ways to sign were tried, and none is let through",
            f"tried were the hosts {hosts}, the folders {folders} and small letters in the user's name, so more likely "
            "the address is not on the list, the key is wrong or the user is off",
            "look first at the IP addresses of the API user, then at user and key, letters' case too; then ask who "
            "runs the shop for HTTP_HOST and SCRIPT_NAME as its PHP sees them, and write them under signature",
        )
    wrong = []
    settings = []
    if accepted.host != used.host:
        wrong.append(f"the shop's PHP sees the host {accepted.host}, and {used.host} was signed")
        settings.append(f"host: {quote_yaml(accepted.host)}")
    if accepted.path != used.path:
        wrong.append(f"it sees the folder {accepted.path}, and {used.path} was signed")
        settings.append(f"path: {accepted.path}")
    if accepted.username != used.username:
        wrong.append(f"the user is called {accepted.username} there, and {used.username} was signed")
    if accepted.shift_s:
        wrong.append(f"this machine's clock is {abs(accepted.shift_s)} s off")
    cures = [f"write signature: {{{', '.join(settings)}}} in the client"] if settings else []
    cures += [f"write username: {accepted.username}"] if accepted.username != used.username else []
    cures += ["set this machine's clock"] if accepted.shift_s else []
    title = "calls are let through when they are signed in another way"
    return Finding(CHECK, Severity.PROBLEM, title, "; ".join(wrong), "; ".join(cures))


def quote_yaml(text: str) -> str:
    """Return a host as it is written in a flow mapping: a port's colon is fine there, brackets of IPv6 are not."""
    return f'"{text}"' if text.startswith("[") else text
