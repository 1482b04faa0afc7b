"""What an examination comes to: findings, each with cause and cure."""

from __future__ import annotations

import enum
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.errors import Fault
    from connector.request import Answer


_AHEAD: Final = frozenset({"the log-in failed", "the dialect could not be found out"})
"""What a session puts in front of the reason of a failure ahead of a call."""


class Severity(enum.StrEnum):
    """How much a finding matters."""

    OK = "ok"  # as it should be
    NOTE = "note"  # works, and may surprise
    PROBLEM = "problem"  # keeps calls from working, or will


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What was looked at, one word or two, the same in every release: `address`, `log-in`, `clock`.
        severity: How much it matters.
        title: What was found, one sentence without a full stop.
        cause: Where it comes from, or None where the title says it.
        cure: What to do about it, or None where nothing is to be done.
        where: Its place in the configuration (`configs/shop.yaml:4:13: clients.shop`), or None.
    """

    check: str
    severity: Severity
    title: str
    cause: str | None = None
    cure: str | None = None
    where: str | None = None

    def mask(self, mask_text: Callable[[str], str]) -> Finding:
        """Return the finding with every text masked."""

        def mask(text: str | None) -> str | None:
            return None if text is None else mask_text(text)

        return replace(
            self, title=mask_text(self.title), cause=mask(self.cause), cure=mask(self.cure), where=mask(self.where)
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What was found about one client.

    Attributes:
        client: Its name.
        connector: Its connector package.
        base_url: As configured.
        dialect: The one that is spoken, as far as that is known; `auto` where it could not be found out.
        findings: In the order in which a person should read them.
        calls: How many requests were sent for them.
    """

    client: str
    connector: str
    base_url: str
    dialect: str
    findings: tuple[Finding, ...]
    calls: int

    @property
    def has_problem(self) -> bool:
        """Whether something keeps calls from working, or will."""
        return any(finding.severity is Severity.PROBLEM for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}


def find_reason(answer: Answer) -> str:
    """Return why a call failed, without the words about what it was ahead of."""
    head, colon, rest = answer.reason.partition(": ")
    return rest if colon and head in _AHEAD else answer.reason or answer.verdict.value


def from_fault(check: str, severity: Severity, fault: Fault) -> Finding:
    """Return a fault of the configuration as a finding at its place."""
    place = f"{fault.file}:{fault.line}:{fault.column}" if fault.line else fault.file
    return Finding(check, severity, fault.message, cure=fault.hint, where=f"{place}: {fault.where}")
