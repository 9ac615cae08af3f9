"""What must hold on a cluster does, whatever is asked and whatever fails: see `make simulate` for more."""

import pytest

from tests.simulation.clusters import ClusterSchedule

PART = 20


@pytest.mark.parametrize("first", range(0, 200, PART))
def test_users_are_with_who_is_ready_and_it_comes_to_rest(first: int) -> None:
    for seed in range(first, first + PART):
        ClusterSchedule(seed).run()
