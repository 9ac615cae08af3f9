"""A canary's weights: each earns its own pass, and what begins with load is found in spite of clean time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carelane.analysis.alternatives import Baseline
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge, judge_all
from carelane.analysis.measurements import Counts, Gap, Window
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.trials import Trial
from carelane.analysis.verdicts import Evidence, Reason, Verdict
from carelane.base.errors import InputError
from tests.fakes.windows import LONE, POLICY, random_columns, window
from tests.unit.analysis.test_judging import BOTH, in_order, windows_of_any_kind

STEPS = Trial((10, 25, 50))


def at(weight: int, seconds: int, canary: tuple[int, int], start: int) -> list[Window]:
    """So many seconds at one of the weights, with one of stable's 200 requests failing."""
    return [replace(window(start + n, canary, (200, 1)), weight=weight) for n in range(seconds)]


def judged(seen: list[Window], trial: Trial = STEPS, policy: AnalysisPolicy = POLICY) -> Judge:
    judge = Judge.begin(policy, (LONE,), trial)
    for one in seen:
        judge = judge.after(one)
    return judge


def passed_at(weight: int, trial: Trial = STEPS, policy: AnalysisPolicy = POLICY) -> Evidence | None:
    """The pass at a weight, after as many clean seconds at each before as a first pass takes."""
    seen = [w for n in range(weight) for w in at(n, 60, (10, 0), 60 * n)]
    return judged([*seen, *at(weight, 60, (10, 0), 60 * weight)], trial, policy).passed


def test_a_pass_at_one_weight_is_none_at_the_next() -> None:
    first = judged(at(0, 60, (10, 0), 0))
    assert first.verdict is Verdict.PASS
    risen = first.after(at(1, 1, (10, 0), 60)[0])
    assert risen.verdict is Verdict.INCONCLUSIVE
    assert risen.earlier == (first.passed,)
    assert risen.first is first.passed


def test_a_later_weight_passes_by_what_came_since_and_on_less() -> None:
    first, later = passed_at(0), passed_at(1)
    assert first is not None
    assert later is not None
    assert (first.alpha, later.alpha) == (0.01, 0.1)
    assert (first.since_percent, later.since_percent) == (None, 25)
    assert later.canary_requests < 0.7 * first.canary_requests
    assert (
        "since 25 %: shown to be no worse than is allowed, wrongly with probability under 10 %" in later.words
    )


@pytest.mark.parametrize(
    ("alpha", "later_alpha", "wanted"),
    [(0.01, None, 0.1), (0.001, None, 0.01), (0.05, None, 0.1), (0.3, None, 0.3), (0.01, 0.01, 0.01)],
)
def test_how_sure_a_later_pass_is_follows_alpha_or_is_said(
    alpha: float, later_alpha: float | None, wanted: float
) -> None:
    policy = AnalysisPolicy(alpha, later_alpha=later_alpha)
    assert (policy.passing_alpha(0), policy.passing_alpha(1), policy.passing_alpha(2)) == (
        alpha,
        wanted,
        wanted,
    )


@pytest.mark.parametrize("wrong", [0.0, 0.5, -1.0, float("nan")])
def test_a_later_alpha_that_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="later_alpha"):
        AnalysisPolicy(later_alpha=wrong)


def test_a_fault_that_begins_with_load_fails_in_spite_of_an_hour_of_clean_time() -> None:
    clean, bad = at(0, 3600, (10, 0), 0), at(1, 4, (20, 2), 3600)
    one_e = judged([*clean, *bad], Trial())
    anew = judged([*clean, *bad])
    assert (one_e.verdict, anew.verdict) == (Verdict.INCONCLUSIVE, Verdict.FAIL)
    evidence = anew.evidence()
    assert (evidence.canary_requests, evidence.since_percent) == (60, 25), "what it rests on"
    assert (
        "canary failed 6 of 60 requests (10 %), stable 3 of 600 (0.5 %) since 25 %: worse" in evidence.words
    )


def test_what_speaks_against_it_from_the_first_request_is_not_forgotten_at_a_rise() -> None:
    """Neither weight alone would do: what was shown before the rise and after it adds up."""
    before, after = (
        [*at(0, 3, (10, 1), 0), *at(0, 3, (10, 0), 3)],
        [*at(1, 3, (25, 1), 6), *at(1, 3, (25, 0), 9)],
    )
    evidence = judged([*before, *after]).evidence()
    assert (evidence.verdict, evidence.since_percent) == (Verdict.FAIL, None)
    assert judged(before).verdict is Verdict.INCONCLUSIVE
    assert judged(after).verdict is Verdict.INCONCLUSIVE


def test_e_begins_at_one_and_weights_to_come_wager_nothing() -> None:
    assert judged([]).now().log_e_worse == pytest.approx(0.0)
    clean = judged(at(0, 3600, (10, 0), 0)).now().log_e_worse
    assert clean == pytest.approx(np.log(0.2), abs=0.01), "two tenths are kept for the weights to come"


def test_where_weights_were_not_recorded_all_counts_from_the_first_request_but_passes_are_earned() -> None:
    """A canary that an earlier version of Carelane began."""
    clean, rise = at(0, 60, (10, 0), 0), at(1, 4, (25, 0), 60)
    judge = judged([*clean, *rise], Trial())
    assert judge.verdict is Verdict.INCONCLUSIVE
    assert judge.evidence().since_percent == 0
    assert "since its weight rose" in judge.evidence().words
    plain = judged([*clean, *[replace(w, weight=0) for w in rise]], Trial())
    assert judge.now().log_e_worse == plain.now().log_e_worse


def test_after_a_reset_at_an_earlier_weight_a_later_one_passes_by_its_own() -> None:
    hole = Window(30, 31, Counts(), Counts(), Gap.RESET)
    judge = judged([*at(0, 30, (10, 0), 0), hole, *at(1, 40, (10, 0), 31)])
    assert judge.verdict is Verdict.PASS
    assert Reason.STATISTICS_RESET not in judge.now().reasons


def test_an_open_pool_is_closed_by_a_rise() -> None:
    """The canary's only request before the rise is the old weight's."""
    quiet = [replace(w, weight=int(w.started_at >= 3)) for w in at(0, 6, (0, 0), 0)]
    quiet[2] = replace(quiet[2], canary=Counts(1, 1))
    now = judged(quiet).now()
    assert (now.canary_requests, now.stable_requests) == (0, 600)


def test_what_a_reset_loses_later_says_nothing_of_what_was_decided_before_it() -> None:
    """At once or one by one: until the reset everything since the weight began counts, and nothing else."""
    before = [*at(0, 2, (2, 0), 0), *at(0, 1, (1, 1), 2)]
    rise = Window(3, 4, Counts(44), Counts(3, 3), weight=1)
    reset = Window(4, 5, Counts(), Counts(), Gap.RESET, weight=1)
    seen = [*before, rise, reset]
    live = judged(seen[:-1]).after(reset)
    assert live.failed is not None
    assert judge_all(live.policy, (LONE,), Columns.of(seen), live.trial).failed == live.failed


@given(windows_of_any_kind, st.lists(st.integers(0, 3), max_size=40), st.integers(0, 40))
@settings(max_examples=40)
def test_judged_window_by_window_or_all_at_once_the_bits_are_the_same_across_weights(
    seen: list[Window], rises: list[int], cut: int
) -> None:
    weights = sorted(rises)[: len(seen)]
    weights = [0] * (len(seen) - len(weights)) + weights
    seen = [replace(w, weight=weight) for w, weight in zip(in_order(seen), weights, strict=True)]
    basis = (Baseline(9000, 40, 1.3), Baseline(9000, 90, 1.0))
    trial = Trial((10, 25, 50), (2.5, 0.0))
    live = Judge.begin(BOTH, basis, trial)
    for one in seen:
        live = live.after(one)
    columns = Columns.of(seen, 1)
    again = judge_all(BOTH, basis, columns, trial)
    first = Judge.begin(BOTH, basis, trial).after_all(columns.rows(0, cut))
    for other in (again, first.after_all(columns.rows(cut, len(seen)))):
        assert (other.passed, other.earlier, other.failed) == (live.passed, live.earlier, live.failed)
        assert other.now() == live.now()
        assert other.weight == live.weight == max(weights)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(other.sums, live.sums, strict=True))


@pytest.mark.parametrize(("ratios", "seed"), [((0.005, 0.05), 4), ((0.01, 0.002), 5)])
def test_at_a_later_weight_too_it_decides_at_the_first_window_whose_evidence_suffices(
    ratios: tuple[float, float], seed: int
) -> None:
    columns = random_columns(seed, 3000, 50, ratios)
    columns = replace(columns, weights=(np.arange(3000) >= 5).astype(np.int8))
    decided = judge_all(POLICY, (LONE,), columns, STEPS).first
    judge = Judge.begin(POLICY, (LONE,), STEPS)
    for row in range(len(columns)):
        judge = judge.after_all(columns.rows(row, row + 1))
        now = judge.now()
        if now.log_e_worse >= np.log(100) or now.log_e_safe >= np.log(10):
            assert decided is not None
            assert decided.at == now.at
            return
    pytest.fail("nothing was decided")


# -- alpha is shared by the services of a deployment

RATHER_BAD = [*at(0, 16, (10, 0), 0), *at(0, 7, (10, 1), 16)]


def test_with_other_services_on_trial_it_takes_their_share_of_evidence_to_fail() -> None:
    """The mean of their E reaches 1/alpha: alone log E suffices at 4.61, as one of three at about 5.69."""
    alone, shared = judged(RATHER_BAD, Trial()), judged(RATHER_BAD, Trial((), (0.0, 0.0)))
    now = shared.now()
    assert 4.61 < now.log_e_worse < 5.69
    assert (alone.verdict, shared.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)
    assert now.services == 3
    assert now.log_e_deployment == pytest.approx(np.log((np.exp(now.log_e_worse) + 2) / 3))


def test_what_another_service_ended_with_counts_with_it() -> None:
    evidence = judged(RATHER_BAD, Trial((), (5.4, 0.0))).evidence()
    assert evidence.verdict is Verdict.FAIL
    assert evidence.words.endswith("with false-alarm probability under 1 % for the 3 services together")
    assert (evidence.log_e_deployment or 0.0) >= np.log(100)
