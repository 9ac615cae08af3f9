"""What is watched after its success, and whether its users get worse than those of the version before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.ports import TrafficStore
from carelane.analysis.suspicion import suspicion
from carelane.analysis.traffic import BUCKET_SECONDS, Bucket, Counted
from carelane.delivery.environments import EnvironmentState, ServiceState, Watch

BEFORE = timedelta(hours=1)
AGAIN = timedelta(seconds=BUCKET_SECONDS / 2)
NEXT = timedelta(microseconds=1)


@dataclass(frozen=True)
class _Counting:
    """What was counted of one version: before its success, and since, up to the last bucket."""

    label: str
    began_at: datetime
    before: Counted
    since: Counted
    next_at: datetime


class TrafficSuspecting:
    """The Suspecting port, by what is kept of an environment's traffic; looked up every five seconds.

    Each bucket is read once: a watch may go on for days.
    """

    def __init__(self, store: TrafficStore) -> None:
        self._store = store
        self._counting: dict[str, _Counting] = {}
        self._looked_at: datetime | None = None
        self._found: Mapping[str, str] = {}

    def look(self, state: EnvironmentState, policy: AnalysisPolicy, now: datetime) -> Mapping[str, str]:
        """By service, in what its users get worse than before; nothing while something moves."""
        watched = {n: (s, s.watch) for n, s in state.services.items() if s.watch is not None and s.previous}
        if state.deployment is not None or not watched:
            self._looked_at, self._found, self._counting = None, {}, {}
        elif self._looked_at is None or now - self._looked_at >= AGAIN:
            self._looked_at = now
            began = {name: self._began(state.name, name, *what) for name, what in watched.items()}
            since = min(counting.next_at for counting in began.values())
            later = self._store.kept(state.name, None, since, now)
            self._counting = {name: _gone_on(name, counting, later) for name, counting in began.items()}
            found = {name: suspicion(policy, c.before, c.since) for name, c in self._counting.items()}
            self._found = {name: words for name, words in found.items() if words is not None}
        return self._found

    def _began(self, environment: str, name: str, state: ServiceState, watch: Watch) -> _Counting:
        """What was counted of service *name* until the last look."""
        label, began_at = state.stable or "", watch.counting_since or watch.since
        known = self._counting.get(name)
        if known is not None and (known.label, known.began_at) == (label, began_at):
            return known
        earlier = self._store.kept(environment, name, watch.since - BEFORE, watch.since)
        before = _sum(Counted(), earlier, (name, state.previous[0].label))
        return _Counting(label, began_at, before, Counted(), began_at)


def _gone_on(name: str, known: _Counting, buckets: list[Bucket]) -> _Counting:
    """What is *known* of service *name*, and what those *buckets* have that came since."""
    later = [bucket for bucket in buckets if bucket.began_at >= known.next_at]
    if not later:
        return known
    since = _sum(known.since, later, (name, known.label))
    return replace(known, since=since, next_at=later[-1].began_at + NEXT)


def _sum(total: Counted, buckets: list[Bucket], version: tuple[str, str]) -> Counted:
    for bucket in buckets:
        counted = bucket.counts.get(version)
        if counted is not None:
            total = total.plus(counted) if total.requests else counted
    return total.whole()
