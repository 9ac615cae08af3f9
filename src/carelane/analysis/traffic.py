"""What users got of each version, in buckets of time that are kept: ten seconds each, minutes after a day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from carelane.analysis.measurements import Counts

Version = tuple[str, str]
"""A service and a label."""
BUCKET_SECONDS = 10
MINUTE_SECONDS = 60
MERGED_AFTER = timedelta(days=1)
KEPT_FOR = timedelta(days=35)


@dataclass(frozen=True)
class Counted:
    """Requests that ended, those that failed, and by threshold in milliseconds those that took as long.

    A threshold that is not among *slow* was not looked at: how many were as slow is unknown, not zero.
    """

    requests: int = 0
    errors: int = 0
    slow: Mapping[int, int] = field(default_factory=dict)

    def plus(self, other: "Counted") -> "Counted":
        """Both together; of a threshold that one of them did not look at nothing is known."""
        both = {ms: self.slow[ms] + other.slow[ms] for ms in sorted(self.slow.keys() & other.slow.keys())}
        return Counted(self.requests + other.requests, self.errors + other.errors, both)

    def whole(self) -> "Counted":
        """The same, with no more failed or slow ones than requests: a proxy is read while it counts."""
        slow = {ms: min(count, self.requests) for ms, count in self.slow.items()}
        return Counted(self.requests, min(self.errors, self.requests), slow)

    def judged(self, slow_ms: tuple[float | None, ...]) -> Counts | None:
        """What the judge wants of it; None where a threshold was not looked at."""
        wanted = [round(ms or 0) for ms in slow_ms]
        if not self.slow.keys() >= set(wanted):
            return None
        return Counts(self.requests, self.errors, tuple(self.slow[ms] for ms in wanted))


@dataclass(frozen=True)
class Bucket:
    """What ended in the *seconds* from *began_at*, by version; who is not there had no request.

    *width_seconds* is how fine it is meant to be: BUCKET_SECONDS, or MINUTE_SECONDS once it was merged.
    Merged, its *seconds* are those of its parts: a time in which nobody asked anything has no bucket.
    """

    began_at: datetime
    seconds: float
    counts: Mapping[Version, Counted]
    width_seconds: int = BUCKET_SECONDS


def to_minutes(buckets: Iterable[Bucket]) -> list[Bucket]:
    """The *buckets*, oldest first, merged into one for each minute of the clock."""
    return [_merged(list(parts)) for _, parts in groupby(buckets, lambda bucket: minute(bucket.began_at))]


def minute(moment: datetime) -> datetime:
    """The beginning of the minute of *moment*."""
    return moment.replace(second=0, microsecond=0)


def _merged(parts: list[Bucket]) -> Bucket:
    total: dict[Version, Counted] = {}
    for part in parts:
        for version, counted in part.counts.items():
            total[version] = total[version].plus(counted) if version in total else counted
    seconds = sum(part.seconds for part in parts)
    return replace(parts[0], seconds=seconds, counts=total, width_seconds=MINUTE_SECONDS)
