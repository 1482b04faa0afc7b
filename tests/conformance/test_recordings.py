"""Every recorded scenario, played again on the practice shop."""

import pytest

from tests.conformance.recording import Scenario
from tests.conformance.replay import CannotReplayError, Replay


async def test_shop_answers_as_recorded(scenario: Scenario, replay: Replay) -> None:
    """Each exchange of a scenario gets the answer a real shop gave."""
    differences: list[str] = []
    stop = None

    for exchange in scenario.exchanges:
        try:
            found = await replay.perform(exchange)
        except CannotReplayError as error:
            stop = error
            break
        differences += [f"{exchange.label}: {one}" for one in found]

    assert not differences, "\n".join([f"{scenario}: {len(differences)} differences", *differences])
    if stop is not None:
        pytest.skip(str(stop))
