"""What people did at the command line, written down beside what is done through the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.cli.stored import tell_who
from connector.store.rows import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.store.store import Store


async def note_change(store: Store, action: str, subject: str = "", detail: Mapping[str, Any] | None = None) -> None:
    """Write down that whoever is at the terminal has changed something.

    Who that is, the system says, by its own name of the user. Who may write to the database could write anything here:
    it says what was done in good faith, and proves nothing against the machine's own people.

    Args:
        store: Where it is kept.
        action: What, such as `tasks.retry`.
        subject: To what; empty for nothing in particular.
        detail: What else is worth knowing, without secrets.

    Raises:
        StoreError: The database cannot be used.
    """
    facts = {"outcome": "done", **(detail or {})}
    await store.audit.add(AuditEntry(store.now_ms(), tell_who(), "command", "", action, subject, facts))
