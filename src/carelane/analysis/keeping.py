"""Keeping what users got: written down as it is counted, thinned out later, read when a canary begins."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from carelane.analysis.measurements import Counts, Reading, Window
from carelane.analysis.ports import MetricSource, Thresholds, TrafficStore
from carelane.analysis.traffic import BUCKET_SECONDS, Bucket, Counted, Version
from carelane.base.clock import Clock

MOST_PENDING = 360
"""Buckets, an hour of them, that wait in memory while they cannot be written; then the oldest is lost."""
HISTORY = timedelta(hours=6)
"""How far back the judge looks for how errors cluster: some 2,200 buckets, stored with each analysis."""
LONGEST_SECONDS = 3.0 * BUCKET_SECONDS
"""A longer bucket is of a server that could not look: it says little of how errors came."""
AGAIN_SECONDS = 300.0


class Recorder:
    """Gathers what was counted in one environment, and writes down a bucket whenever one is full.

    What is not written yet, ten seconds, is lost with the server. While the store fails an hour of buckets
    waits, and is written in order once it works again; beyond that the oldest are lost, as *lost* says.
    """

    def __init__(self, store: TrafficStore, environment: str, clock: Clock) -> None:
        self._store = store
        self._environment = environment
        self._clock = clock
        self._began_at: datetime | None = None
        self._seconds = 0.0
        self._counts: dict[Version, Counted] = {}
        self._pending: deque[Bucket] = deque()
        self.lost = 0

    def note(self, counts: Mapping[Version, Counted], seconds: float) -> None:
        """Add what ended in the last *seconds*; raises what the store raises, having lost nothing by it."""
        now = self._clock.now()
        if self._began_at is None:
            self._began_at = now - timedelta(seconds=seconds)
        self._seconds += seconds
        for version, counted in counts.items():
            known = self._counts.get(version)
            self._counts[version] = counted if known is None else known.plus(counted)
        # Whichever is longer: the clock of the day may be set back, and a look may be late.
        if max(self._seconds, (now - self._began_at).total_seconds()) >= BUCKET_SECONDS:
            self._close(self._began_at)
            self._write()

    def _close(self, began_at: datetime) -> None:
        had = {version: counted.whole() for version, counted in self._counts.items() if counted.requests}
        if had:
            self._pending.append(Bucket(began_at, round(self._seconds, 3), had))
        if len(self._pending) > MOST_PENDING:
            self._pending.popleft()
            self.lost += 1
        self._began_at, self._seconds, self._counts = None, 0.0, {}

    def _write(self) -> None:
        while self._pending:
            self._store.add(self._environment, self._pending[0])
            self._pending.popleft()


class Thinning:
    """Merges and drops what is old, a part at a time, so that nobody waits for it."""

    def __init__(self, store: TrafficStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def step(self) -> float:
        """One part of it; the seconds until the next is due."""
        return 1.0 if self._store.thin(self._clock.now()) else AGAIN_SECONDS


class KeptHistory:
    """The MetricSource port over another: what that one has in memory, and what was kept before.

    A server that was started a moment ago knows stable's history all the same.
    """

    def __init__(self, source: MetricSource, store: TrafficStore, environment: str, clock: Clock) -> None:
        self._source = source
        self._store = store
        self._environment = environment
        self._clock = clock

    def readings(
        self, service: str, stable: str, canary: str, slow_ms: Thresholds, *, preview: bool = False
    ) -> Mapping[str, Reading]:
        """The source's."""
        return self._source.readings(service, stable, canary, slow_ms, preview=preview)

    def history(self, service: str, label: str, slow_ms: Thresholds) -> tuple[Window, ...]:
        """Hours of buckets, and then the source's own windows: the same time is in it once."""
        recent = self._source.history(service, label, slow_ms)
        moment, now = self._clock.monotonic(), self._clock.now()
        first = recent[0].started_at if recent else moment
        kept = self._store.kept(
            self._environment, service, now - HISTORY, now - timedelta(seconds=moment - first)
        )
        windows = (_window(bucket, label, slow_ms, moment, now) for bucket in kept)
        return (*(w for w in windows if w is not None and w.ended_at <= first), *recent)


def _window(bucket: Bucket, label: str, slow_ms: Thresholds, moment: float, now: datetime) -> Window | None:
    """The *bucket* as the judge reads it, on the clock that shows *moment* at *now*; None if it cannot."""
    counted = next((c for (_, of), c in bucket.counts.items() if of == label), None)
    counts = counted.judged(slow_ms) if counted is not None else None
    if counts is None or not counts.requests or bucket.seconds > LONGEST_SECONDS:
        return None
    if bucket.width_seconds != BUCKET_SECONDS:
        return None
    began = moment - (now - bucket.began_at).total_seconds()
    return Window(began, began + bucket.seconds, counts, Counts(slow=(0,) * len(counts.slow)))
