"""What the analysis needs of the outside world."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from carelane.analysis.measurements import Reading, Window
from carelane.analysis.traffic import Bucket

Thresholds = tuple[float | None, ...]
"""In milliseconds; what a source counts has all of them, what was recorded elsewhere may not say."""


class MetricSource(Protocol):
    """What users got of a service, by version.

    After retries, with the answers that the proxy itself made, without health probes and requests
    steered by hand (to a version by its name, or to the preview's address).
    """

    def readings(
        self, service: str, stable: str, canary: str, slow_ms: Thresholds, *, preview: bool = False
    ) -> Mapping[str, Reading]:
        """The cumulative counters of each source (each proxy), as they were when it was last looked at.

        For a *preview*, the canary's are those of the requests that were steered to it by hand.

        By source id: counters that begin anew on their own must be told apart, for a sum would hide that
        one did. Sources may come and go; one that is there and does not answer is not *reachable*.
        """
        ...

    def history(self, service: str, label: str, slow_ms: Thresholds) -> tuple[Window, ...]:
        """How *label* did before, as far back as is known; the canary's side of each window is empty."""
        ...


class TrafficStore(Protocol):
    """What users got, as it is kept: buckets of ten seconds, minutes after a day, for 35 days."""

    def add(self, environment: str, bucket: Bucket) -> None:
        """Keep *bucket*, all its versions or none; one that is there already is there once."""
        ...

    def kept(self, environment: str, service: str | None, since: datetime, until: datetime) -> list[Bucket]:
        """The buckets that began from *since* up to *until*, oldest first: of *service* alone, or of all."""
        ...

    def thin(self, now: datetime) -> bool:
        """Merge what is older than a day into minutes, drop what is older than 35 days: a part of it.

        Returns:
            Whether there is more of it to do.
        """
        ...
