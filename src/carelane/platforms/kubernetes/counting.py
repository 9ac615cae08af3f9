"""What users got of each version, from the statistics of the gateway's proxies.

An Envoy counts by its clusters, which are the slots' Services: whose version that is, only the moment tells.
So what was counted between two looks belongs to the version that alone was in the slot at both. A request
that was steered by hand cannot be told from the others while the slot has users (docs/limits.md); while it
has none, all are by hand.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from carelane.delivery.metering import Tallies, Tally
from carelane.platforms.kubernetes.slots import Slot, SlotSeen

BUCKETS_MS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
"""The edges of the buckets by which an Envoy tells latencies to Prometheus, as it comes."""
TIMEOUT_SECONDS = 1.0
CODES, TIMES = "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time"
_CLUSTER = re.compile(r"^service/(?P<namespace>[^/]+)/(?P<name>[^/]+)/")
Held = Mapping[str, Mapping[Slot, SlotSeen]]
"""The slots of each service as they are."""


@dataclass(frozen=True)
class _Before:
    """What was counted of a slot at the last look, whose it was, and whether it had users."""

    counted: Tally
    label: str | None
    users: bool


@dataclass
class GatewayCounters:
    """One proxy's counters, by version, since this began.

    *tell* gives its statistics as Prometheus reads them, None where it does not answer; *held* the slots,
    None while the cluster does not say how they are;
    *named* the Service of a slot in *namespace*.
    """

    tell: Callable[[], str | None]
    held: Callable[[], Held | None]
    namespace: str
    named: Callable[[str, Slot], str]
    slow_ms: tuple[int, ...]
    _before: dict[tuple[str, Slot], _Before] = field(default_factory=dict)
    _users: Tallies = field(default_factory=dict)
    _by_hand: Tallies = field(default_factory=dict)

    def __call__(self) -> tuple[Tallies, Tallies] | None:
        """What was counted of users' requests, and of those by hand; None where nobody says."""
        text = self.tell()
        if text is None:
            return None
        try:
            counted = dict(counts(text, self.namespace, self.slow_ms))
        except (ValueError, KeyError, OverflowError):
            return None  # what answers there is no Envoy, or not whole, or has other buckets
        held = self.held()
        if held is None:
            return None  # whose it is nobody can say
        for service, slots in held.items():
            for slot, seen in slots.items():
                self._take(service, slot, seen, counted.get(self.named(service, slot), Tally()))
        return dict(self._users), dict(self._by_hand)

    def _take(self, service: str, slot: Slot, seen: SlotSeen, counted: Tally) -> None:
        label = seen.label if seen.only(seen.label) else None
        before = self._before.get((service, slot))
        self._before[service, slot] = _Before(counted, label, users=seen.weight > 0)
        if before is None or label is None or before.label != label:
            return
        totals = self._users if before.users or seen.weight > 0 else self._by_hand
        key = (service, label)
        totals[key] = totals.get(key, Tally()).plus(counted.since(before.counted))


def counts(text: str, namespace: str, slow_ms: tuple[int, ...]) -> Iterator[tuple[str, Tally]]:
    """The Services in *namespace* that an Envoy has counted requests for, and what it counted."""
    classes: dict[str, dict[str, int]] = {}
    buckets: dict[str, dict[float, int]] = {}
    for family in text_string_to_metric_families(text):
        if family.name not in {CODES, TIMES}:
            continue
        for sample in family.samples:
            match = _CLUSTER.match(sample.labels.get("envoy_cluster_name", ""))
            if match is None or match["namespace"] != namespace:
                continue
            if sample.name.startswith(CODES):
                of_code = classes.setdefault(match["name"], {})
                of_code[sample.labels["envoy_response_code_class"]] = int(sample.value)
            elif sample.name == f"{TIMES}_bucket":
                buckets.setdefault(match["name"], {})[float(sample.labels["le"])] = int(sample.value)
    for name, by_class in classes.items():
        yield name, _tally(by_class, buckets.get(name, {}), slow_ms)


def _tally(by_class: Mapping[str, int], at_most: Mapping[float, int], slow_ms: tuple[int, ...]) -> Tally:
    """*at_most* counts those that took so long or less; raises KeyError where an edge is not among them."""
    edges = sorted(at_most)
    lower = [0.0, *edges][: len(edges)]
    within = [at_most[edge] - (at_most[edges[at - 1]] if at else 0) for at, edge in enumerate(edges)]
    timed = at_most[edges[-1]] if edges else 0
    return Tally(
        sum(by_class.values()),
        by_class.get("5", 0),
        {bound: count for bound, count in zip(lower, within, strict=True) if count},
        {ms: timed - at_most[float(ms)] if edges else 0 for ms in slow_ms},
    )


def by_http(client: httpx2.Client, url: str) -> Callable[[], str | None]:
    """What *url* tells."""

    def tell() -> str | None:
        try:
            answer = client.get(url, timeout=TIMEOUT_SECONDS)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return None
        return answer.text if answer.status_code == httpx2.codes.OK else None

    return tell
