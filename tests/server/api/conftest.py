"""Services for the tests of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.kept import fill
from tests.server.api.stage import Stage, configure, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A service with nothing in its store."""
    async with open_stage(tmp_path / "connector.db", configure()) as opened:
        yield opened


@pytest.fixture
async def filled(stage: Stage) -> Stage:
    """A service with a task in every status; see `tests.acceptance.kept`."""
    await fill(stage.store)
    return stage
