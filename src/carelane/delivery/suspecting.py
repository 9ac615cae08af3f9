"""What is watched after its success, and whether its users get worse than those of the version before."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.ports import TrafficStore
from carelane.analysis.suspicion import suspicion
from carelane.analysis.traffic import BUCKET_SECONDS, Bucket, Counted
from carelane.delivery.environments import EnvironmentState, ServiceState, Watch

BEFORE = timedelta(hours=1)
AGAIN = timedelta(seconds=BUCKET_SECONDS / 2)


class TrafficSuspecting:
    """The Suspecting port, by what is kept of an environment's traffic; looked up every five seconds."""

    def __init__(self, store: TrafficStore) -> None:
        self._store = store
        self._looked_at: datetime | None = None
        self._found: Mapping[str, str] = {}

    def look(self, state: EnvironmentState, policy: AnalysisPolicy, now: datetime) -> Mapping[str, str]:
        """By service, in what its users get worse than before; nothing while something moves."""
        watched = {name: s for name, s in state.services.items() if s.watch is not None}
        if state.deployment is not None or not watched:
            self._looked_at, self._found = None, {}
        elif self._looked_at is None or now - self._looked_at >= AGAIN:
            found = {name: self._suspicion(state.name, name, s, policy, now) for name, s in watched.items()}
            self._looked_at = now
            self._found = {name: words for name, words in found.items() if words is not None}
        return self._found

    def _suspicion(
        self, environment: str, name: str, state: ServiceState, policy: AnalysisPolicy, now: datetime
    ) -> str | None:
        watch = state.watch
        if watch is None or state.stable is None or not state.previous:
            return None
        since = self._counted(environment, name, state.stable, _counting_since(watch), now)
        before = self._counted(environment, name, state.previous[0].label, watch.since - BEFORE, watch.since)
        return suspicion(policy, before, since)

    def _counted(
        self, environment: str, service: str, label: str, since: datetime, until: datetime
    ) -> Counted:
        return _sum(self._store.kept(environment, service, since, until), service, label)


def _counting_since(watch: Watch) -> datetime:
    """The first whole bucket: what began before may hold what users got of the time before."""
    return watch.counting_since or watch.since


def _sum(buckets: Iterable[Bucket], service: str, label: str) -> Counted:
    counted = [b.counts[service, label] for b in buckets if (service, label) in b.counts]
    if not counted:
        return Counted()
    total = counted[0]
    for more in counted[1:]:
        total = total.plus(more)
    return total.whole()
