"""What must hold on a cluster does, whatever is asked and whatever fails: see `make simulate` for more."""

import pytest

from tests.simulation.clusters import ClusterSchedule

PART = 20
ONCE_FAILED = (141, 226, 639, 2044)
"""Seeds that found something: a version that was to be kept warm in the way of another, and a hold that was
remembered after all had arrived. They mean this for as long as a schedule draws as it did then.
"""


@pytest.mark.parametrize("first", range(0, 200, PART))
def test_users_are_with_who_is_ready_and_it_comes_to_rest(first: int) -> None:
    for seed in range(first, first + PART):
        ClusterSchedule(seed).run()


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_what_once_did_not_hold_does(seed: int) -> None:
    ClusterSchedule(seed).run()
