"""The option that names the recordings to replay, and one test for each scenario in them."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from connector.sandbox.generations import GENERATIONS
from connector.sandbox.server import SandboxServer
from tests.conformance.recording import Scenario, load_scenarios
from tests.conformance.replay import Replay

OURS = Path(__file__).parent / "recordings"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--recordings DIR``."""
    parser.addoption(
        "--recordings",
        type=Path,
        default=OURS,
        help="folder of transcripts to replay against the practice shop (default: the recordings of this repository)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each scenario; scenarios of generations the practice shop does not play are skipped."""
    if "scenario" not in metafunc.fixturenames:
        return
    folder = metafunc.config.getoption("--recordings", default=OURS)
    scenarios = load_scenarios(folder)
    if not scenarios:
        raise pytest.UsageError(f"--recordings {folder}: no transcripts there")
    metafunc.parametrize("scenario", [_mark(scenario) for scenario in scenarios], ids=str)


def _mark(scenario: Scenario) -> object:
    if scenario.generation in GENERATIONS:
        return scenario
    reason = f"the practice shop does not play generation {scenario.generation} yet"
    return pytest.param(scenario, marks=pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture
async def replay(scenario: Scenario) -> AsyncIterator[Replay]:
    """A replay on a practice shop fresh from its seed."""
    async with (
        SandboxServer(scenario.generation) as shop,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield Replay(shop, http)
