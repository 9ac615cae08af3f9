"""Reading the proxies' counters, with proxies that say what a test laid down."""

from datetime import timedelta

import pytest

from carelane.analysis import measurements
from carelane.analysis.keeping import Recorder
from carelane.analysis.traffic import Counted
from carelane.base.clock import ManualClock
from carelane.delivery.metering import (
    QUIET_WINDOW_SECONDS,
    UNKNOWN_SECONDS,
    WINDOW_SECONDS,
    RecordedMeter,
    Tally,
)
from carelane.platforms.envoy.admin import Admin
from carelane.platforms.envoy.meter import TrafficMeter
from tests.fakes.traffic import InMemoryTrafficStore

PREFIX = "carelane.rq.listener.front.route"


class Said(Admin):
    """A proxy that answers with what *counters* hold; None and it does not answer."""

    def __init__(self) -> None:
        self.counters: dict[tuple[str, int, str], int] | None = {}

    def counts(self) -> list[dict[str, object]] | None:
        if self.counters is None:
            return None
        return [
            {"name": f"{PREFIX}.judged.version.{cluster}.code.{code}.flags.{flags}", "value": value}
            for (cluster, code, flags), value in self.counters.items()
        ] + [{"name": f"{PREFIX}.none.version.-.code.503.flags.-", "value": 9}, {}]


@pytest.fixture
def proxies() -> list[Said]:
    return [Said(), Said()]


def named(proxies: list[Said]) -> dict[str, Admin]:
    """By their names."""
    return {f"proxy-{number}": proxy for number, proxy in enumerate(proxies, 1)}


@pytest.fixture
def meter(proxies: list[Said]) -> TrafficMeter:
    """One that has looked at proxies that had counted nothing yet."""
    made = TrafficMeter(named(proxies))
    made.look()
    return made


def test_before_the_first_look_nothing_is_known() -> None:
    assert TrafficMeter({}).rates("backend") is None


def test_what_was_counted_before_the_server_began_is_not_counted_again(proxies: list[Said]) -> None:
    """Proxies outlive the server: their first numbers are where it begins, not what just happened."""
    proxies[0].counters = {("backend~v1", 200, "-"): 1_000_000, ("backend~v1", 500, "-"): 5000}
    meter = TrafficMeter(named(proxies))
    meter.look()
    assert meter.windows()[-1].counts.get(("backend", "v1"), Tally()) == Tally()


def test_an_answer_that_the_client_cut_off_is_no_error(meter: TrafficMeter, proxies: list[Said]) -> None:
    proxies[0].counters = {("backend~v1", 200, "DC"): 3}
    meter.look()
    assert meter.windows()[-1].counts[("backend", "v1")] == Tally(3, 0)


def test_a_user_who_left_without_any_answer_was_failed(meter: TrafficMeter, proxies: list[Said]) -> None:
    """Else a canary that hangs until everybody gives up would be shown to be without an error."""
    proxies[0].counters = {("backend~v1", 0, "DC"): 4, ("backend~v1", 200, "-"): 5}
    meter.look()
    assert meter.windows()[-1].counts[("backend", "v1")] == Tally(9, 4)


def test_the_proxies_are_added_up_by_version(meter: TrafficMeter, proxies: list[Said]) -> None:
    proxies[0].counters = {("backend~v1", 200, "-"): 10, ("backend~v1", 500, "-"): 2}
    proxies[1].counters = {("backend~v1", 200, "-"): 5, ("backend~v2", 200, "-"): 1}
    meter.look()
    assert meter.windows()[-1].counts == {("backend", "v1"): Tally(17, 2), ("backend", "v2"): Tally(1, 0)}


def test_a_window_holds_what_came_since_the_last_look(meter: TrafficMeter, proxies: list[Said]) -> None:
    proxies[0].counters = {("backend~v1", 200, "-"): 10}
    meter.look()
    proxies[0].counters = {("backend~v1", 200, "-"): 14, ("backend~v1", 503, "UF"): 1}
    meter.look()
    assert meter.windows()[-1].counts == {("backend", "v1"): Tally(5, 1)}


def test_a_proxy_that_restarted_counts_from_zero(meter: TrafficMeter, proxies: list[Said]) -> None:
    proxies[0].counters = {("backend~v1", 200, "-"): 100}
    meter.look()
    proxies[0].counters = {("backend~v1", 200, "-"): 3}
    meter.look()
    assert meter.windows()[-1].counts[("backend", "v1")] == Tally(3, 0)


def test_a_proxy_that_was_silent_for_a_while_loses_and_doubles_nothing(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    proxies[0].counters = {("backend~v1", 200, "-"): 10}
    meter.look()
    proxies[0].counters = None
    meter.look()
    proxies[0].counters = {("backend~v1", 200, "-"): 16}
    meter.look()
    assert [w.counts.get(("backend", "v1"), Tally()).requests for w in meter.windows()[1:]] == [10, 0, 6]


def test_an_answer_cut_off_by_our_side_is_an_error_and_a_clients_mistake_is_none(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    proxies[0].counters = {
        ("backend~v1", 200, "UC"): 1,
        ("backend~v1", 404, "-"): 7,
        ("backend~v1", 400, "DPE"): 1,
    }
    meter.look()
    assert meter.windows()[-1].counts[("backend", "v1")] == Tally(9, 1)


def test_without_requests_the_error_ratio_is_unknown_rather_than_zero(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    meter.look()
    rates = meter.rates("backend")
    assert rates is not None
    assert rates.error_ratio is None
    assert rates.requests_per_second == 0.0


def test_what_came_lately_is_over_all_the_time_there_was_and_of_one_version(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    proxies[0].counters = {
        ("backend~v1", 200, "-"): 10,
        ("backend~v1", 500, "-"): 2,
        ("backend~v2", 200, "-"): 4,
    }
    meter.look()
    meter.look()
    seen = meter.lately("backend", "v1")
    assert (seen.requests, seen.errors) == (12, 2)
    assert seen.seconds == meter._looked - meter._began > 0


# -- for the judge


def test_each_proxy_is_a_source_and_a_version_without_a_counter_has_had_no_request(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    proxies[0].counters = {("backend~v1", 200, "-"): 10, ("backend~v1", 500, "-"): 2}
    proxies[1].counters = None
    meter.look()
    first, second = meter.readings("backend", "v1", "v2", (800.0,)).values()
    assert (first.stable, first.canary) == (measurements.Counts(12, 2, (0,)), measurements.Counts(0, 0, (0,)))
    assert (first.reachable, second.reachable) == (True, False)


def test_a_reading_says_in_which_life_of_the_machine_it_was_made(proxies: list[Said]) -> None:
    meter = TrafficMeter(named(proxies), "this boot")
    meter.look()
    assert {reading.epoch for reading in meter.readings("backend", "v1", "v2", ()).values()} == {"this boot"}


def test_of_a_preview_what_was_asked_by_hand_is_its_own_and_stable_s_what_users_got(
    proxies: list[Said],
) -> None:
    meter = TrafficMeter(named(proxies))
    by_hand = "carelane.rq.listener.@preview.route.hand.version"
    slow = "carelane.slow_800.listener.@preview.route.hand.version.backend~v2"
    proxies[0].counters = {("backend~v1", 200, "-"): 90, ("backend~v2", 200, "-"): 7}
    counted = proxies[0].counts() or []
    more: list[dict[str, object]] = [
        {"name": f"{by_hand}.backend~v2.code.200.flags.-", "value": 4},
        {"name": f"{by_hand}.backend~v2.code.500.flags.-", "value": 1},
        {"name": f"{by_hand}.backend~v1.code.500.flags.-", "value": 3},
        {"name": slow, "value": 2},
    ]
    proxies[0].counts = lambda: [*counted, *more]  # type: ignore[method-assign]
    meter.look()
    previewed = meter.readings("backend", "v1", "v2", (800.0,), preview=True)["proxy-1"]
    assert (previewed.stable, previewed.canary) == (
        measurements.Counts(90, 0, (0,)),
        measurements.Counts(5, 1, (2,)),
    )
    assert meter.readings("backend", "v1", "v2", (800.0,))["proxy-1"].canary == measurements.Counts(
        7, 0, (0,)
    )


def test_slow_answers_are_read_by_threshold(meter: TrafficMeter, proxies: list[Said]) -> None:
    counted = proxies[0].counts() or []
    slow = {"name": "carelane.slow_800.listener.front.route.judged.version.backend~v1", "value": 3}
    plain = {"name": f"{PREFIX}.judged.version.backend~v1.code.200.flags.-", "value": 9}
    proxies[0].counts = lambda: [*counted, slow, plain]  # type: ignore[method-assign]
    meter.look()
    reading = meter.readings("backend", "v1", "v2", (800.0, 2000.0))["proxy-1"]
    assert reading.stable == measurements.Counts(9, 0, (3, 0))


def test_history_is_of_one_version_and_of_the_time_it_had_requests(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    proxies[0].counters = {("backend~v1", 200, "-"): 10}
    meter.look()
    proxies[0].counters = {("backend~v1", 200, "-"): 10, ("backend~v2", 200, "-"): 4}
    meter.look()
    meter.look()
    proxies[0].counters = {("backend~v1", 200, "-"): 14, ("backend~v1", 500, "-"): 1}
    meter.look()
    history = meter.history("backend", "v1", ())
    assert [(w.stable.requests, w.stable.errors) for w in history] == [(10, 0), (5, 1)]
    assert {w.canary for w in history} == {measurements.Counts()}


def test_until_each_proxy_has_answered_once_it_is_looked_at_again_soon(proxies: list[Said]) -> None:
    """What users get before a proxy's first answer is where it begins, and counted nowhere."""
    proxies[1].counters = None
    meter = TrafficMeter(named(proxies))
    assert meter.look() == UNKNOWN_SECONDS
    proxies[1].counters = {}
    assert meter.look() == QUIET_WINDOW_SECONDS
    proxies[1].counters = None
    assert meter.look() == QUIET_WINDOW_SECONDS, "known, it may be silent for a while"


def test_where_nobody_asked_for_anything_it_is_looked_at_half_as_often(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    assert meter.look() == QUIET_WINDOW_SECONDS
    proxies[1].counters = {("backend~v1", 200, "-"): 1}
    assert meter.look() == WINDOW_SECONDS
    assert meter.look() == QUIET_WINDOW_SECONDS


# -- for who asks later


def test_what_a_look_counted_is_kept_with_what_its_proxies_have_no_counter_of_yet(
    meter: TrafficMeter, proxies: list[Said]
) -> None:
    clock, store = ManualClock(), InMemoryTrafficStore()
    recorded = RecordedMeter(meter, Recorder(store, "production", clock), (800, 2000))
    proxies[0].counters = {("backend~v1", 200, "-"): 10, ("backend~v1", 500, "-"): 2}
    assert recorded.look() == WINDOW_SECONDS
    clock.advance(11.0)
    proxies[0].counters = {("backend~v1", 200, "-"): 11, ("backend~v1", 500, "-"): 2}
    recorded.look()
    began = clock.now() - timedelta(minutes=1)
    kept = store.kept("production", "backend", began, clock.now() + timedelta(minutes=1))
    assert [b.counts for b in kept] == [{("backend", "v1"): Counted(13, 2, {800: 0, 2000: 0})}]
