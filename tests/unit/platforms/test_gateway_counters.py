"""Whose the requests are that a gateway's proxy has counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from carelane.delivery.metering import Tally
from carelane.platforms.kubernetes.counting import GatewayCounters, counts
from carelane.platforms.kubernetes.slots import PodSeen, Slot, SlotSeen

HERE, THERE = ("service/here/web-canary/80/http", "service/there/web-canary/80/http")
ENVOY = f"""\
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",envoy_cluster_name="{HERE}"}} 90
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",envoy_cluster_name="{HERE}"}} 10
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",envoy_cluster_name="{THERE}"}} 7
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",envoy_cluster_name="xds_cluster"}} 3
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{HERE}",le="100"}} 40
envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{HERE}",le="250"}} 95
envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{HERE}",le="+Inf"}} 100
"""


def test_a_proxy_is_read_by_service_in_the_namespace_with_latencies() -> None:
    assert dict(counts(ENVOY, "here", (100, 250))) == {
        "web-canary": Tally(100, 10, {0.0: 40, 100.0: 55, 250.0: 5}, {100: 60, 250: 5})
    }


def test_a_proxy_without_the_bucket_that_is_asked_for_says_nothing_rather_than_that_none_was_slow() -> None:
    slots = Slots(SlotSeen("v1", weight=1))
    counters = GatewayCounters(lambda: ENVOY, slots.held, "here", lambda name, _: name, (100, 500))
    assert counters() is None
    counters.slow_ms = (100, 250)
    assert counters() is not None


@dataclass
class Slots:
    """One slot whose Service has been answered *answers* times."""

    seen: SlotSeen
    answers: int | None = 0
    counters: GatewayCounters = field(init=False)

    def __post_init__(self) -> None:
        self.counters = GatewayCounters(self.tell, self.held, "here", lambda name, _: name, ())

    def tell(self) -> str | None:
        """As an Envoy says it."""
        if self.answers is None:
            return None
        labels = 'envoy_response_code_class="2",envoy_cluster_name="service/here/web/80/http"'
        kind = "# TYPE envoy_cluster_upstream_rq_xx counter"
        return f"{kind}\nenvoy_cluster_upstream_rq_xx{{{labels}}} {self.answers}\n"

    def held(self) -> Mapping[str, Mapping[Slot, SlotSeen]]:
        """That slot alone."""
        return {"web": {Slot.CANARY: self.seen}}

    def users(self) -> dict[str, int]:
        """What users had so far, by label."""
        found = self.counters()
        assert found is not None
        return {label: tally.requests for (_, label), tally in found[0].items()}


def test_what_was_counted_before_belongs_to_nobody() -> None:
    slots = Slots(SlotSeen("v1", weight=1), answers=500)
    assert slots.users() == {}
    slots.answers = 510
    assert slots.users() == {"v1": 10}


def test_what_was_counted_while_a_slot_changes_its_version_belongs_to_nobody() -> None:
    slots = Slots(SlotSeen("v1", weight=1))
    slots.users()
    slots.answers, slots.seen = 10, SlotSeen("v2", weight=1, pods=(PodSeen("v1", up=True),))
    slots.users()
    slots.answers, slots.seen = 20, SlotSeen("v2", weight=1)
    assert slots.users() == {}
    slots.answers = 25
    assert slots.users() == {"v2": 5}


def test_a_version_of_which_nothing_is_ready_is_counted_for_what_users_get_of_it() -> None:
    slots = Slots(SlotSeen("v2", weight=1, pods=(PodSeen("v2"),)))
    slots.users()
    slots.answers = 30
    assert slots.users() == {"v2": 30}


def test_a_proxy_that_began_anew_counts_from_zero() -> None:
    slots = Slots(SlotSeen("v1", weight=1), answers=500)
    slots.users()
    slots.answers = 4
    assert slots.users() == {"v1": 4}


def test_what_had_no_weight_at_either_look_was_asked_by_hand() -> None:
    slots = Slots(SlotSeen("v2"))
    slots.users()
    slots.answers = 3
    found = slots.counters()
    assert found == ({}, {("web", "v2"): Tally(3)})
    slots.answers, slots.seen = 5, replace(slots.seen, weight=1)
    assert slots.users() == {"v2": 2}


def test_who_does_not_answer_says_nothing_rather_than_zero() -> None:
    slots = Slots(SlotSeen("v1", weight=1), answers=None)
    assert slots.counters() is None


@pytest.mark.parametrize("text", ["<html>nobody is here</html>", "{", ENVOY.replace(" 90", " NaN")])
def test_what_is_no_statistics_says_nothing_either(text: str) -> None:
    counters = GatewayCounters(lambda: text, dict, "here", lambda name, _: name, ())
    assert counters() is None


def test_while_the_cluster_does_not_say_whose_a_slot_is_nothing_is_counted_for_anybody() -> None:
    slots = Slots(SlotSeen("v1", weight=1))
    slots.users()
    slots.answers = 10
    slots.counters.held = lambda: None
    assert slots.counters() is None
    slots.counters.held = slots.held
    assert slots.users() == {"v1": 10}


@pytest.mark.parametrize("value", ["+Inf", "NaN", "many"])
def test_numbers_that_are_none_are_no_answer(value: str) -> None:
    slots = Slots(SlotSeen("v1", weight=1))
    said = slots.tell() or ""
    slots.counters.tell = lambda: said.replace(" 0\n", f" {value}\n")
    assert slots.counters() is None
