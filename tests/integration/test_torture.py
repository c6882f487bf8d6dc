"""Three hundred schedules of thirty steps, the same in every run: `make torture` goes on from here."""

import pytest

from tests.support.torture.campaign import STEPS, search
from tests.support.torture.machine import ERPS

SCHEDULES = 19


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("erp", ERPS)
def test_no_schedule_breaks_the_promise(erp, part):
    """Nothing is lost, doubled, stale, acknowledged early or stuck, whatever people, clocks, networks and processes do."""
    figures, story = search(erp, 100 * part + list(ERPS).index(erp), SCHEDULES)

    assert story is None, f"\n{story}"
    assert figures.schedules >= SCHEDULES
    assert figures.steps >= SCHEDULES * STEPS
    assert figures.faults.total() > SCHEDULES
