"""Whatever is asked and whatever fails, in any order: what must hold does, at every step."""

import pytest

from tests.simulation.schedules import Schedule

PART = 25


@pytest.mark.parametrize("first", range(0, 500, PART))
def test_what_must_hold_does_whatever_happens(first: int) -> None:
    for seed in range(first, first + PART):
        Schedule(seed).run()
