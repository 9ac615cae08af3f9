"""The judge: what it decides, when, and that it decides the same again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from carelane.analysis.alternatives import Baseline, baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge, judge_all
from carelane.analysis.measurements import Counts, Gap, Window
from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.analysis.verdicts import Evidence, Reason, Verdict
from carelane.base.errors import InputError
from tests.fakes.windows import LONE, POLICY, judged, random_columns, window, windows

BOTH = AnalysisPolicy(objectives=(Objective(ceiling=0.05), Objective(Measure.SLOW, 800)), warm_up_seconds=5)
CEILING = AnalysisPolicy(objectives=(Objective(ceiling=0.01),))


def test_the_issues_own_words_come_out() -> None:
    evidence = judged([window(0, (126, 9), (1130, 6))], basis=(Baseline(),)).evidence()
    assert evidence.words == (
        "canary failed 9 of 126 requests (7.1 %), stable 6 of 1,130 (0.5 %): "
        "worse, with false-alarm probability under 1 %"
    )
    assert (evidence.verdict, evidence.reasons) == (Verdict.FAIL, (Reason.WORSE_THAN_STABLE,))


def test_without_any_error_a_canary_passes_after_some_550_requests() -> None:
    passed = judged(windows(700, (1, 0), (9, 0))).passed
    assert passed is not None
    assert 500 <= passed.canary_requests <= 560
    assert passed.words.endswith("shown to be no worse than is allowed, wrongly with probability under 1 %")


def test_errors_common_to_both_are_nobodys_fault() -> None:
    incident = windows(120, (10, 3), (90, 27))
    assert judged(incident).verdict is not Verdict.FAIL


windows_of_any_kind = st.lists(
    st.builds(
        lambda seconds, n, bad, m, stable_bad, slow, gap: (
            Window(0, seconds, Counts(slow=(0,)), Counts(slow=(0,)), gap)
            if gap
            else Window(
                0, seconds, Counts(m, min(m, stable_bad), (min(m, slow),)), Counts(n, min(n, bad), (0,))
            )
        ),
        st.floats(0.1, 12),
        st.integers(0, 40),
        st.integers(0, 6),
        st.integers(0, 400),
        st.integers(0, 6),
        st.integers(0, 9),
        st.sampled_from([None] * 9 + list(Gap)),
    ),
    min_size=1,
    max_size=40,
)


def in_order(seen: list[Window]) -> list[Window]:
    at, moved = 0.0, []
    for one in seen:
        moved.append(replace(one, started_at=at, ended_at=at + one.ended_at))
        at += one.ended_at
    return moved


@given(windows_of_any_kind, st.integers(0, 40))
@settings(max_examples=40)
def test_judged_window_by_window_or_all_at_once_the_bits_are_the_same(seen: list[Window], cut: int) -> None:
    seen = in_order(seen)
    basis = (Baseline(9000, 40, 1.3), Baseline(9000, 90, 1.0))
    live = judged(seen, BOTH, basis)
    columns = Columns.of(seen, 1)
    again = judge_all(BOTH, basis, columns)
    parts = Judge.begin(BOTH, basis).after_all(columns.rows(0, cut)).after_all(columns.rows(cut, len(seen)))
    for other in (again, parts):
        assert other.evidence() == live.evidence()
        assert other.now() == live.now()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(other.sums, live.sums, strict=True))


@pytest.mark.parametrize(
    ("ratios", "rate", "seconds"),
    [((0.005, 0.005), 40, 4200), ((0.01, 0.03), 5, 601), ((0.002, 0.3), 5, 602)],
)
def test_over_many_windows_too_across_chunks_and_pools(
    ratios: tuple[float, float], rate: float, seconds: int
) -> None:
    columns = random_columns(1, seconds, rate, ratios)
    live = Judge.begin(POLICY, (LONE,))
    for row in range(len(columns)):
        live = live.after_all(columns.rows(row, row + 1))
    again = judge_all(POLICY, (LONE,), columns)
    assert (again.passed, again.failed, again.now()) == (live.passed, live.failed, live.now())
    assert again.sums[0].tobytes() == live.sums[0].tobytes()


@pytest.mark.parametrize(("ratios", "seed"), [((0.005, 0.05), 4), ((0.01, 0.002), 5)])
def test_it_decides_at_the_first_window_whose_evidence_suffices(
    ratios: tuple[float, float], seed: int
) -> None:
    columns = random_columns(seed, 3000, 50, ratios)
    decided = judge_all(POLICY, (LONE,), columns).first
    judge = Judge.begin(POLICY, (LONE,))
    for row in range(len(columns)):
        judge = judge.after_all(columns.rows(row, row + 1))
        now = judge.now()
        if max(now.log_e_worse, now.log_e_safe) >= np.log(100):
            assert decided is not None
            assert (decided.at, decided.canary_requests) == (now.at, now.canary_requests)
            return
    pytest.fail("nothing was decided")


def test_what_has_passed_can_still_fail_and_fail_is_kept() -> None:
    good, bad = windows(80, (10, 0), (90, 0)), [window(80 + at, (10, 8), (90, 0)) for at in range(5)]
    recovered = [window(85 + at, (10, 0), (90, 0)) for at in range(600)]
    judge = judged([*good, *bad, *recovered])
    assert judge.passed is not None
    assert judge.failed is not None
    assert judge.passed.at < judge.failed.at
    assert judge.first is judge.passed
    assert (judge.verdict, judge.evidence()) == (Verdict.FAIL, judge.failed)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ([], Reason.NO_REQUESTS),
        (windows(900, (0, 0), (90, 0)), Reason.NO_CANARY_REQUESTS),
        (windows(900, (10, 0), (0, 0)), Reason.NO_STABLE_REQUESTS),
        (windows(9, (10, 0), (90, 0)), Reason.NOT_ENOUGH_REQUESTS),
        (windows(900, (0, 0), (0, 0)), Reason.NO_REQUESTS),
    ],
)
def test_too_little_is_inconclusive_with_its_reason_and_never_passes(
    seen: list[Window], reason: Reason
) -> None:
    evidence = judged(seen).evidence()
    assert (evidence.verdict, evidence.reasons, evidence.decided_at) == (
        Verdict.INCONCLUSIVE,
        (reason,),
        None,
    )
    assert "inconclusive" in evidence.words


@pytest.mark.parametrize(
    ("gap", "reason"),
    [
        (Gap.UNREACHABLE, Reason.STATISTICS_UNREACHABLE),
        (Gap.STABLE_MISSING, Reason.STABLE_MISSING),
        (Gap.CANARY_MISSING, Reason.CANARY_MISSING),
        (Gap.INCONSISTENT, Reason.STATISTICS_INCONSISTENT),
        (Gap.RESET, Reason.STATISTICS_RESET),
    ],
)
def test_broken_statistics_are_inconclusive_with_the_reason(gap: Gap, reason: Reason) -> None:
    hole = Window(50, 51, Counts(), Counts(), gap)
    evidence = judged([*windows(50, (10, 0), (90, 0)), hole]).evidence()
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert reason in evidence.reasons


def test_after_a_reset_safe_has_to_be_shown_by_what_came_since() -> None:
    hole = Window(50, 51, Counts(), Counts(), Gap.RESET)
    since = [window(51 + at, (10, 0), (90, 0)) for at in range(60)]
    early = judged([*windows(50, (10, 0), (90, 0)), hole, *since[:50]])
    assert early.verdict is Verdict.INCONCLUSIVE
    assert Reason.STATISTICS_RESET in early.evidence().reasons
    assert judged([*windows(50, (10, 0), (90, 0)), hole, *since]).verdict is Verdict.PASS
    assert judged([*windows(50, (10, 0), (90, 0)), *since[:10]]).verdict is Verdict.PASS


WARM = AnalysisPolicy(warm_up_seconds=30)


def test_the_warm_up_counts_for_nothing() -> None:
    slow_start = [*windows(30, (10, 1), (90, 0)), *[window(30 + at, (10, 0), (90, 0)) for at in range(70)]]
    assert judged(slow_start, WARM).verdict is Verdict.PASS
    assert judged(slow_start).verdict is Verdict.FAIL
    during = judged(windows(30, (90, 0), (90, 0)), WARM).evidence()
    assert during.reasons == (Reason.WARMING_UP,)


def test_but_a_catastrophe_is_not_waited_for() -> None:
    evidence = judged(windows(3, (10, 9), (90, 0)), WARM).evidence()
    assert (evidence.verdict, evidence.reasons) == (Verdict.FAIL, (Reason.CATASTROPHE,))
    assert judged(windows(29, (10, 3), (90, 30)), WARM).verdict is not Verdict.FAIL


def test_above_the_ceiling_is_a_fail_even_beside_a_stable_that_is_nearly() -> None:
    seen = windows(400, (10, 0), (90, 0))
    seen = [replace(w, canary=Counts(10, int(w.started_at % 3 == 0)), stable=Counts(10)) for w in seen]
    assert judged(seen, CEILING).verdict is Verdict.FAIL


def test_a_stable_above_the_ceiling_makes_it_a_question_for_a_person() -> None:
    seen = windows(150, (10, 0), (90, 3))
    assert judged(seen).verdict is Verdict.PASS
    both = windows(150, (30, 1), (90, 3))
    evidence = judged(both, CEILING).evidence()
    assert (evidence.verdict, evidence.reasons) == (Verdict.INCONCLUSIVE, (Reason.STABLE_ABOVE_CEILING,))
    assert judged(seen, CEILING).verdict is Verdict.INCONCLUSIVE


def test_passing_takes_being_shown_below_the_ceiling() -> None:
    strict = AnalysisPolicy(objectives=(Objective(ceiling=0.002),))
    seen = windows(90, (10, 0), (90, 0))
    assert judged(seen).verdict is Verdict.PASS
    assert judged(seen, strict).verdict is Verdict.INCONCLUSIVE
    assert judged(windows(400, (10, 0), (90, 0)), strict).verdict is Verdict.PASS


def test_slow_requests_are_judged_as_errors_are_and_named() -> None:
    policy = AnalysisPolicy(objectives=(Objective(), Objective(Measure.SLOW, 800)))
    seen = [window(at, (10, 0), (90, 0), slow=(4, 1)) for at in range(30)]
    evidence = judged(seen, policy, (LONE, LONE)).evidence()
    assert (evidence.verdict, evidence.objective) == (Verdict.FAIL, "slow>800ms")
    assert evidence.words.startswith("canary was slower than 800ms for ")
    assert judged(seen[:0], policy, (LONE, LONE)).verdict is Verdict.INCONCLUSIVE


def test_a_slow_canary_does_not_pass_on_its_errors_alone() -> None:
    policy = AnalysisPolicy(objectives=(Objective(), Objective(Measure.SLOW, 800)))
    seen = [window(at, (10, 0), (90, 0), slow=(at % 7 == 0, 9 * (at % 7 == 0))) for at in range(70)]
    judge = judged(seen, policy, (LONE, LONE))
    assert judge.now().objectives[0].log_e_safe > np.log(100) > judge.now().log_e_safe
    assert judge.verdict is Verdict.INCONCLUSIVE


def test_dispersion_makes_it_slower_to_judge() -> None:
    seen = windows(5, (10, 1), (90, 0))
    lone, clustered = judged(seen), judged(seen, basis=(replace(LONE, dispersion=3.0),))
    assert lone.verdict is Verdict.FAIL
    assert clustered.verdict is Verdict.INCONCLUSIVE


def test_weights_that_change_do_not_confound() -> None:
    calm = [window(at, (500, 0), (500, 0)) for at in range(20)]
    busy = [window(20 + at, (50, 5), (950, 95)) for at in range(20)]
    judge = judged([*calm, *busy])
    assert judge.now().log_e_worse < 0
    assert judge.now().leading.rate_ratio == pytest.approx(1.0)


def test_a_verdict_is_stored_and_read_back_as_it_was() -> None:
    columns = random_columns(7, 900, 20, (0.01, 0.08))
    evidence = judge_all(POLICY, baselines(POLICY, columns.rows(0, 0)), columns).evidence()
    for value, kind in ((evidence, Evidence), (BOTH, AnalysisPolicy), (LONE, Baseline)):
        adapter = TypeAdapter(kind)
        assert adapter.validate_json(adapter.dump_json(value)) == value
    seen = TypeAdapter(Window).validate_json(TypeAdapter(Window).dump_json(window(0, (1, 0), (2, 1), (0, 1))))
    assert seen == window(0, (1, 0), (2, 1), (0, 1))


def test_what_does_not_fit_the_policy_is_refused() -> None:
    with pytest.raises(InputError, match="2 baselines for 1"):
        Judge.begin(POLICY, (LONE, LONE))
    with pytest.raises(InputError, match="thresholds"):
        judged([window(0, (1, 0), (1, 0), slow=(0, 0))])
