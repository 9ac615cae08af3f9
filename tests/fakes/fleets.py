"""The recorded fleets, in a dictionary."""

from collections.abc import Sequence

from carelane.audit.entries import Entry
from carelane.delivery.replicas.fleet import Fleet
from tests.fakes.trail import InMemoryTrail


class InMemoryFleets:
    """The Fleets port in memory."""

    def __init__(self, trail: InMemoryTrail) -> None:
        self._trail = trail
        self._fleets: dict[str, Fleet] = {}

    def fleet(self, environment: str) -> Fleet:
        """That of *environment*."""
        return self._fleets.get(environment, Fleet(environment))

    def keep(self, fleet: Fleet, entries: Sequence[Entry]) -> None:
        """Record it."""
        self._fleets[fleet.environment] = fleet
        self._trail.append(tuple(entries))
