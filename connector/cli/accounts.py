"""Commands about who may come in: the store is made where there is none yet, since they come before everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.cli.stored import run_on_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connector.cli.interrupt import Stop
    from connector.cli.invocation import Invocation
    from connector.store.store import Store


def run_on_accounts(invocation: Invocation, work: Callable[[Store, Stop], Awaitable[int]]) -> int:
    """Run a command's work on the store, which is made where there is none, and return its exit code.

    Args:
        invocation: Of the command.
        work: What to do.

    Raises:
        StoreError: The store cannot be used.
        SettingsError: A setting cannot be used.
    """
    import asyncio

    from connector.store.store import read_schema_status, upgrade_store

    url = invocation.load_settings().store_url

    async def make() -> None:
        if (await read_schema_status(url)).found is None:
            await upgrade_store(url)

    asyncio.run(make())
    return run_on_store(invocation, "admin", work)
