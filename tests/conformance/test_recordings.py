"""Every recorded scenario, played again on the practice shop."""

import pytest

from tests.conformance.conftest import Stage
from tests.conformance.recording import Scenario


async def test_shop_answers_as_recorded(scenario: Scenario, stage: Stage) -> None:
    """Each exchange of a scenario gets the answer a real shop gave."""
    outcome = await stage.play(scenario)

    differences = outcome.differences
    assert not differences, "\n".join([f"{scenario}: {len(differences)} differences", *differences])
    if outcome.stop is not None:
        pytest.skip(outcome.stop)
