"""Short windows are judged together, and not for long."""

from dataclasses import replace

from carelane.analysis.columns import Columns
from carelane.analysis.measurements import Counts, Gap, Window
from carelane.analysis.pooling import pooled
from tests.fakes.windows import window


def pools(*seen: Window) -> tuple[list[tuple[float, float, float]], int]:
    """(start, end, canary's requests) of each pool, and how many windows wait."""
    full, rest = pooled(Columns.of(seen))
    rows = zip(full.started_at.tolist(), full.ended_at.tolist(), full.canary_requests.tolist(), strict=True)
    return list(rows), len(rest)


def with_canary(*requests: int) -> list[Window]:
    return [window(at, (count, 0), (9, 0)) for at, count in enumerate(requests)]


def test_windows_with_enough_requests_stand_alone() -> None:
    assert pools(*with_canary(2, 5)) == ([(0, 1, 2), (1, 2, 5)], 0)


def test_those_with_fewer_wait_for_the_next() -> None:
    assert pools(*with_canary(0, 0, 1, 7, 1, 1, 0)) == ([(0, 4, 8), (4, 6, 2)], 1)


def test_but_not_for_long() -> None:
    assert pools(*with_canary(*[0] * 25)) == ([(0, 10, 0), (10, 20, 0)], 5)


def test_a_gap_ends_a_pool_and_stands_alone() -> None:
    first, second, third = with_canary(1, 0, 1)
    lost = replace(second, stable=Counts(), gap=Gap.RESET)
    assert pools(first, lost, third) == ([(0, 1, 1), (1, 2, 0)], 1)
