"""The option that names the recordings to replay, and one test for each scenario in them."""

from functools import cache
from pathlib import Path

import pytest

from connector.sandbox.generations import GENERATIONS
from tests.conformance.recording import Scenario, load_scenarios
from tests.conformance.replay import Outcome, play

OURS = Path(__file__).parent / "recordings"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--recordings DIR``."""
    parser.addoption(
        "--recordings",
        type=Path,
        default=OURS,
        help="folder of transcripts to replay against the practice shop (default: the recordings of this repository)",
    )


@cache
def load(folder: Path) -> list[Scenario]:
    """Return the scenarios of a folder; each file is read once."""
    return load_scenarios(folder)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each scenario; scenarios of generations the practice shop does not play are skipped."""
    if "scenario" not in metafunc.fixturenames:
        return
    folder = metafunc.config.getoption("--recordings", default=OURS)
    scenarios = load(folder)
    if not scenarios:
        raise pytest.UsageError(f"--recordings {folder}: no transcripts there")
    metafunc.parametrize("scenario", [_mark(scenario) for scenario in scenarios], ids=str)


def _mark(scenario: Scenario) -> object:
    if scenario.generation in GENERATIONS:
        return scenario
    reason = f"the practice shop does not play generation {scenario.generation} yet"
    return pytest.param(scenario, marks=pytest.mark.skip(reason=reason))


class Stage:
    """Plays scenarios, a recording that runs on as a whole and once.

    Args:
        scenarios: All there are.
    """

    def __init__(self, scenarios: list[Scenario]) -> None:
        self._scenarios = scenarios
        self._outcomes: dict[str, Outcome] = {}

    async def play(self, scenario: Scenario) -> Outcome:
        """Return how a scenario went."""
        if str(scenario) not in self._outcomes:
            one = [scenario]
            if scenario.runs_on:
                one = [other for other in self._scenarios if other.file == scenario.file]
            self._outcomes |= await play(one)
        return self._outcomes[str(scenario)]


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Stage:
    """The one place where the scenarios of a test run are played."""
    return Stage(load(request.config.getoption("--recordings", default=OURS)))
