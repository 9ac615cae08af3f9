"""Counters become windows: what they lost, repeat or contradict is never guessed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carelane.analysis.judging import Judge
from carelane.analysis.measurements import Counts, Gap, Reading, Readings, Window, gone_on, merged
from carelane.analysis.verdicts import Reason
from carelane.base.errors import InputError
from tests.fakes.windows import LONE, POLICY


def read(*readings: Reading) -> list[Window | None]:
    state, windows = Readings(), []
    for reading in readings:
        state, window = state.then(reading)
        windows.append(window)
    return windows


def at(seconds: float, stable: int = 0, canary: int = 0, errors: int = 0) -> Reading:
    return Reading(seconds, Counts(100 + stable, 0), Counts(50 + canary, 5 + errors))


def test_the_first_reading_is_where_counting_begins() -> None:
    assert read(at(0)) == [None]


def test_sources_come_and_go_by_their_names() -> None:
    known, windows = gone_on({}, {"a": at(0), "b": at(0)})
    assert windows == []
    known, windows = gone_on(known, {"c": at(1, 5, 5), "b": at(1, 9, 2), "a": at(1)})
    assert {w.stable.requests for w in windows} == {0, 9}, "what came counts from its first reading on"
    known, windows = gone_on(known, {"c": at(2, 8, 5), "b": at(2, 9, 2)})
    assert [(w.gap, w.stable.requests) for w in windows] == [(None, 3), (None, 0), (Gap.RESET, 0)]
    assert known.keys() == {"b", "c"}, "what is gone took with it what it had counted since"
    assert gone_on(known, {}) == (known, []), "no source at all says nothing"


def test_a_window_is_what_came_between_two_readings() -> None:
    assert read(at(0), at(1, 9, 2, 1))[1] == Window(0, 1, Counts(9), Counts(2, 1))


@pytest.mark.parametrize("again", [at(1, 9, 2), at(0.5, 4, 1), at(1, 99, 99)])
def test_a_repeated_or_late_reading_adds_nothing(again: Reading) -> None:
    windows = read(at(0), at(1, 9, 2), again, at(2, 12, 3))
    assert windows[2] is None
    assert windows[3] == Window(1, 2, Counts(3), Counts(1))


@pytest.mark.parametrize("counted", [Reading(2, Counts(3), Counts(1)), Reading(2, Counts(900), Counts(300))])
def test_in_another_life_of_the_machine_clock_and_counters_begin_anew(counted: Reading) -> None:
    """A reboot in mid-canary: uptime is small again, and what the counters show may be more than before."""
    before = [replace(at(5000), epoch="one"), replace(at(5001, 9, 2), epoch="one")]
    began = replace(counted, epoch="two")
    later = replace(at(3.5), stable=counted.stable, canary=Counts(304, 2), epoch="two")
    windows = read(*before, began, replace(later, stable=Counts(1000)))
    assert windows[2] == Window(5001, 5001, Counts(), Counts(), Gap.RESET)
    assert windows[3] is not None
    assert (windows[3].started_at, windows[3].ended_at, windows[3].gap) == (5001, 5002.5, None)


def test_a_machine_that_came_back_is_judged_on_and_nothing_before_is_taken_for_a_pass() -> None:
    sources = Readings()
    judge = Judge.begin(POLICY, (LONE,))
    for second in range(200):
        epoch, uptime = ("one", 9000.0) if second < 100 else ("two", -98.0)
        done = second if second < 100 else second - 100
        reading = Reading(uptime + second, Counts(90 * done), Counts(4 * done), epoch=epoch)
        sources, window = sources.then(reading)
        judge = judge.after(window) if window is not None else judge
        if second == 150:
            assert Reason.STATISTICS_RESET in judge.evidence().reasons
    assert judge.evidence().canary_requests == 4 * 198


@pytest.mark.parametrize(
    ("missing", "gap"),
    [
        (Reading(1, reachable=False), Gap.UNREACHABLE),
        (Reading(1), Gap.STABLE_MISSING),
        (Reading(1, stable=Counts(200)), Gap.CANARY_MISSING),
        (Reading(1, canary=Counts(60, 5)), Gap.STABLE_MISSING),
    ],
)
def test_what_was_missing_for_a_while_is_in_the_next_window(missing: Reading, gap: Gap) -> None:
    _, hole, whole = read(at(0), missing, at(2, 9, 2, 1))
    assert hole is not None
    assert (hole.gap, hole.stable, hole.canary) == (gap, Counts(), Counts())
    assert whole == Window(0, 2, Counts(9), Counts(2, 1))


def test_after_a_reset_counting_begins_anew_and_what_was_lost_is_not_guessed() -> None:
    restarted = Reading(2, Counts(3), Counts(1))
    _, _, lost, after = read(at(0), at(1, 9, 2), restarted, Reading(3, Counts(7), Counts(2, 1)))
    assert lost == Window(1, 2, Counts(), Counts(), Gap.RESET)
    assert after == Window(2, 3, Counts(4), Counts(1, 1))


def test_errors_seen_before_their_requests_wait_for_the_next_reading() -> None:
    _, torn, whole = read(at(0), Reading(1, Counts(109), Counts(50, 6)), at(2, 12, 3, 1))
    assert torn is not None
    assert torn.gap is Gap.INCONSISTENT
    assert whole == Window(0, 2, Counts(12), Counts(3, 1))


counters = st.builds(
    Reading,
    st.floats(0, 100),
    st.none() | st.builds(lambda n, e: Counts(n, min(n, e)), st.integers(0, 50), st.integers(0, 50)),
    st.none() | st.builds(lambda n, e: Counts(n, min(n, e)), st.integers(0, 50), st.integers(0, 50)),
    st.booleans(),
)


@given(st.lists(counters, max_size=30))
def test_whatever_a_source_shows_no_window_counts_what_cannot_be(readings: list[Reading]) -> None:
    for window in read(*readings):
        if window is not None:
            assert window.started_at < window.ended_at
            assert window.gap is None or window.stable == window.canary == Counts()


def test_windows_of_two_proxies_are_added_and_a_loss_in_either_is_one_of_both() -> None:
    one = Window(0, 1, Counts(3, 1, (2,)), Counts(1, 0, (0,)))
    two = Window(0, 2, Counts(0, 0, (0,)), Counts(0, 0, (0,)), Gap.RESET)
    assert merged([one, two]) == Window(0, 2, Counts(3, 1, (2,)), Counts(1, 0, (0,)), Gap.RESET)


@pytest.mark.parametrize("counts", [(-1, 0), (1, 2), (1, 0, (2,)), (1, 0, (-1,))])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(InputError):
        Counts(*counts)
