"""What the analysis needs of the outside world."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from carelane.analysis.measurements import Reading


class MetricSource(Protocol):
    """Cumulative counts of what users got from two versions of a service.

    After retries, with the answers that the proxy itself made, without health probes and requests
    steered by hand.
    """

    def read(
        self, service: str, stable: str, canary: str, thresholds_ms: Sequence[float]
    ) -> Mapping[str, Reading]:
        """A reading of each counter there is (each proxy, each scraped target), by its name.

        Counters that begin anew on their own must be told apart: a sum would hide that one did.
        A source that does not answer is a Reading with ``reachable=False``, not an error.
        """
        ...
