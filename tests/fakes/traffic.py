"""What users got, kept in a list."""

from datetime import datetime

from carelane.analysis.traffic import (
    BUCKET_SECONDS,
    KEPT_FOR,
    MERGED_AFTER,
    Bucket,
    minute,
    to_minutes,
)


class InMemoryTrafficStore:
    """The TrafficStore port in memory."""

    def __init__(self) -> None:
        self._buckets: dict[str, list[Bucket]] = {}
        self.failing = 0
        """So many of the next buckets cannot be written."""

    def add(self, environment: str, bucket: Bucket) -> None:
        """Keep it, once."""
        if self.failing:
            self.failing -= 1
            raise OSError("the disk is full")
        there = self._buckets.setdefault(environment, [])
        if all((b.began_at, b.width_seconds) != (bucket.began_at, bucket.width_seconds) for b in there):
            there.append(bucket)
            there.sort(key=lambda b: (b.began_at, b.width_seconds))

    def kept(self, environment: str, service: str | None, since: datetime, until: datetime) -> list[Bucket]:
        """Oldest first."""
        found = []
        for bucket in self._buckets.get(environment, []):
            counts = {version: c for version, c in bucket.counts.items() if service in {None, version[0]}}
            if counts and since <= bucket.began_at < until:
                found.append(Bucket(bucket.began_at, bucket.seconds, counts, bucket.width_seconds))
        return found

    def thin(self, now: datetime) -> bool:
        """All of it at once."""
        for environment, buckets in self._buckets.items():
            young = [b for b in buckets if b.began_at >= now - KEPT_FOR]
            due = [
                b
                for b in young
                if b.width_seconds == BUCKET_SECONDS and b.began_at < minute(now - MERGED_AFTER)
            ]
            kept = [b for b in young if b not in due]
            self._buckets[environment] = sorted([*to_minutes(due), *kept], key=lambda b: b.began_at)
        return False
