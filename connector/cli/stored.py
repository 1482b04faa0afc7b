"""Commands about what is kept: the store, opened for the length of one."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any, Literal

from connector.cli.interrupt import run_stoppable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.store.store import Store


def run_on_store(
    invocation: Invocation, purpose: Literal["admin", "read"], work: Callable[[Store, Stop], Awaitable[int]]
) -> int:
    """Run a command's work on the store and return its exit code.

    Only the settings are read, not the configuration: what is kept can be seen and settled while the YAML has faults.

    Args:
        invocation: Of the command.
        purpose: `read` changes nothing; `admin` changes rows while a worker may be at work on others.
        work: What to do; told by its `Stop` when nothing more is wanted.

    Raises:
        StoreError: The store cannot be used.
        SettingsError: A setting cannot be used.
    """
    from connector.store.store import open_store

    url = invocation.load_settings().store_url
    invocation.start_logging(is_late=True)

    async def open_and_work(stop: Stop) -> int:
        async with open_store(url, purpose=purpose) as store:
            return await work(store, stop)

    return run_stoppable(open_and_work, invocation.screen, in_hand="what is under way")


async def find_cursor(invocation: Invocation, name: str) -> Any:
    """Return where an incoming goes on, or None for its start, and say that looking does not move it.

    Args:
        invocation: Of the command.
        name: Under which the incoming's state is kept.

    Raises:
        StoreError: The store cannot be used.
    """
    from connector.store.store import open_store, read_schema_status

    url = invocation.load_settings().store_url
    value: Any = None
    if (await read_schema_status(url)).found is not None:
        async with open_store(url, purpose="read") as store:
            cursor = await store.state.cursor(name)
        value = None if cursor is None else cursor.value
    begin = "its start" if value is None else str(value)
    invocation.screen.tell(f"{name}: read from {begin}, and the cursor stays there: a run of a route moves it")
    return value


def tell_who() -> str:
    """Return who is at the terminal, for what is kept of a person's decision: the login name as the system has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        import os

        return f"user {os.getuid()}"
