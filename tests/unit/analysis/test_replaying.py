"""Recorded traffic is judged as it would have been live; acceptance vectors of issue 4."""

from dataclasses import replace

import numpy as np
import pytest

from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.comparing import compare
from carelane.analysis.judging import judge_all
from carelane.analysis.replaying import parted, replay
from carelane.analysis.verdicts import Evidence, Reason, Verdict
from tests.fakes.windows import POLICY, random_columns, window, windows


def recording(seed: int, rate: float, ratios: tuple[float, float], history: int = 1200) -> Columns:
    before = random_columns(seed + 1000, history, rate, (ratios[0], 0), weight=0.0)
    after = random_columns(seed, 1800, rate, ratios)
    first = max(1.0, float(after.canary_requests[0]))
    after = replace(after, canary_requests=np.concatenate([[first], after.canary_requests[1:]]))
    return before.joined(
        replace(after, started_at=after.started_at + history, ended_at=after.ended_at + history)
    )


def first(columns: Columns) -> Evidence:
    history, rest = parted(columns)
    judge = judge_all(POLICY, baselines(POLICY, history), rest)
    return judge.first or judge.now()


def test_leading_rows_without_a_canary_are_history() -> None:
    history, rest = parted(Columns.of([*windows(5, (0, 0), (9, 1)), *windows(3, (1, 0), (9, 1))]))
    assert (len(history), len(rest)) == (5, 3)


def test_a_recording_without_a_canary_is_no_history_of_anything() -> None:
    found = replay(POLICY, Columns.of(windows(5, (0, 0), (9, 1))))
    assert (found.history_windows, found.evidence.reasons) == (0, (Reason.NO_CANARY_REQUESTS,))


def test_a_replay_is_the_live_judging() -> None:
    seen = recording(1, 10, (0.005, 0.1))
    found = replay(POLICY, seen)
    _, rest = parted(seen)
    assert found.evidence == judge_all(POLICY, found.baselines, rest).failed
    assert found.evidence.at <= found.points[-1].at < found.last.at
    assert found.points[0].log_e_worse < np.log(100) <= max(p.log_e_worse for p in found.points)


def test_what_was_promoted_and_then_broke_is_told_as_both() -> None:
    seen = [*windows(90, (10, 0), (90, 0)), *[window(90 + at, (10, 8), (90, 0)) for at in range(9)]]
    found = replay(POLICY, Columns.of(seen))
    assert found.evidence.verdict is Verdict.PASS
    assert found.later is not None
    assert found.later.verdict is Verdict.FAIL


def test_case_20_healthy_canaries_go_on_and_bad_ones_are_stopped_within_two_minutes() -> None:
    healthy = [first(recording(seed, 10, (0.003, 0.003))) for seed in range(30)]
    assert sum(e.verdict is Verdict.FAIL for e in healthy) <= 2
    for seed in range(20):
        bad = first(recording(seed, 10, (0.003, 0.3)))
        assert bad.verdict is Verdict.FAIL
        assert bad.decided_at is not None
        assert bad.decided_at <= 1200 + 120


def test_case_20_with_two_requests_a_second_it_is_inconclusive_never_promoted() -> None:
    for seed in range(10):
        found = first(recording(seed, 2, (0.003, 0.003)))
        assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("bad", [(10, 10, 10, 10, 10, 10, 10, 1, 1, 1), (0, 0, 0, 0, 0, 1, 1, 1, 1, 1)])
def test_case_19_one_sick_metric_among_many_is_not_averaged_away(bad: tuple[int, ...]) -> None:
    seen = [window(at, (10, errors), (90, 0)) for at, errors in enumerate(bad * 2)]
    assert replay(POLICY, Columns.of(seen)).evidence.verdict is not Verdict.PASS


def test_case_14_a_canary_that_always_fails_needs_a_single_look() -> None:
    found = replay(POLICY, Columns.of(windows(5, (10, 10), (90, 0)))).evidence
    assert (found.verdict, found.decided_at) == (Verdict.FAIL, 1.0)


def test_the_rules_are_compared_on_the_same_traffic() -> None:
    outcomes = {o.name: o for o in compare(POLICY, recording(2, 10, (0.005, 0.3)))}
    assert next(iter(outcomes)) == "Carelane"
    assert {o.verdict for o in outcomes.values()} == {Verdict.FAIL}
    assert outcomes["Carelane"].canary_errors * 10 <= outcomes["Flagger, threshold 5"].canary_errors
    assert outcomes["Flagger, threshold 5"].at == 1200 + 360
