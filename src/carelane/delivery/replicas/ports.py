"""What the replica controller needs of the world: single instances, proxies, and a record of the fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from carelane.audit.entries import Entry
from carelane.delivery.observations import RoutingSeen
from carelane.delivery.releases import SecretReference, ServiceVersion
from carelane.delivery.replicas.fleet import Fleet
from carelane.delivery.replicas.routing import Routing
from carelane.delivery.replicas.seen import EndpointSeen, InstanceSeen, ProxyTrouble


@dataclass(frozen=True)
class Placement:
    """What an instance is told about where it runs."""

    instance: str
    environment: str
    addresses: Mapping[str, str]
    """Address by placeholder name: ``services.backend.url``, ``backing.database.url``."""
    secret_addresses: Mapping[str, SecretReference] = field(default_factory=dict)
    """Where an address is found that is a secret itself: read when the instance starts, written nowhere."""
    generation: int = 0
    """Of what was recorded when it was started."""


class Instances(Protocol):
    """Instances of service versions in one environment. Every verb may be repeated."""

    def start(
        self, placement: Placement, version: ServiceVersion, task: tuple[str, ...] | None = None
    ) -> None:
        """See to it that the instance runs, supervised; with a *task*, that this command ran once.

        Raises:
            PlatformError: If it cannot be started, or a task has the name that an instance is to have, or
                the other way round.
        """
        ...

    def stop(self, instance: str, grace_seconds: float) -> None:
        """Tell it to end: SIGTERM now, SIGKILL after *grace_seconds*. Unknown instances are fine."""
        ...

    def observe(self) -> Mapping[str, InstanceSeen]:
        """All instances and tasks that are known, ended ones included until they are forgotten.

        Each says of itself which of the two it is.
        """
        ...

    def forget(self, instance: str) -> None:
        """Put an ended instance's traces aside; its log stays readable for a while.

        One that runs, or is about to, is stopped instead: who saw it ended may have looked before it began.
        """
        ...


class Proxies(Protocol):
    """The proxies in front of one environment."""

    def route(self, routing: Routing) -> None:
        """Ask for *routing*; one of an older generation than the last is ignored. See `routed`.

        Raises:
            PlatformError: If it cannot be written.
        """
        ...

    def observe(self) -> Mapping[str, EndpointSeen] | None:
        """What the proxies say of each endpoint; None where none of them answers."""
        ...

    def routed(self) -> RoutingSeen:
        """Which routing is in force in every proxy that answers, and what one of them rejected.

        A routing that was rejected is never said to be in force: the one before it still is.
        """
        ...

    def tend(self) -> Sequence[ProxyTrouble]:
        """Look after its processes, and say what is wrong with them.

        One that hangs, or refuses alone what the others took, is ended and started again; one of an earlier
        version is replaced, one at a time, while another serves.

        Raises:
            PlatformError: If one cannot be started.
        """
        ...

    def addresses(self) -> Mapping[str, str]:
        """The inner address of each web service, by placeholder name (``services.NAME.url``)."""
        ...

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* through the front door.

        Raises:
            PlatformError: If nothing answers in time.
        """
        ...

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* of this version of this service, whatever the front door's routes.

        Raises:
            PlatformError: If nothing answers in time.
        """
        ...


class Fleets(Protocol):
    """The fleets of all environments, as recorded by the one server that keeps them."""

    def fleet(self, environment: str) -> Fleet:
        """That of *environment* as recorded; an empty one where nothing was."""
        ...

    def keep(self, fleet: Fleet, entries: Sequence[Entry]) -> None:
        """Record it as it is now, and the *entries* about it, in one transaction."""
        ...
