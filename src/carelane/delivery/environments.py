"""What an environment should look like: the recorded state that every tick works towards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from carelane.delivery.releases import ServiceVersion


class Intent(StrEnum):
    """What an instance is meant to do.

    SERVE takes traffic as soon as it is ready; WARM runs without any; DRAIN is out of the routing
    and finishes what it has; STOP has been told to end.
    """

    SERVE = "serve"
    WARM = "warm"
    DRAIN = "drain"
    STOP = "stop"


STAYING = (Intent.SERVE, Intent.WARM)


@dataclass(frozen=True)
class Instance:
    """One running copy of a service at a label, and since when it is meant to do what it does.

    *ends* is how many of its ends the trail tells of (None where that was never noted), the last time at
    *ends_told_at*; *kept* whether what keeps it was there when it was last seen to run.
    """

    id: str
    service: str
    label: str
    intent: Intent
    since: datetime
    ends: int | None = None
    ends_told_at: datetime | None = None
    kept: bool = True


@dataclass(frozen=True)
class Warm:
    """An earlier version kept running without traffic, until a moment."""

    label: str
    until: datetime


@dataclass(frozen=True)
class Watch:
    """What a deployment brought, watched after its success until a moment.

    What its users got counts since *counting_since*: its success, or the last time that it was compared
    with the version before it (*trials* times by now). *told* says that a person knows
    already, *told_while_off* that one knows because nothing is undone by itself: for as long as that is so.
    *spent_by* is the rollback that undid it by itself, which happens once.
    """

    deployment: int
    since: datetime
    until: datetime
    counting_since: datetime | None = None
    unready_since: datetime | None = None
    trials: int = 0
    told: bool = False
    told_while_off: bool = False
    spent_by: int | None = None


@dataclass(frozen=True)
class ServiceState:
    """One service in one environment: which versions it has, and its instances.

    *canary_percent* is the canary's share of the traffic while it goes by canary steps; None where
    traffic follows the number of ready instances. *withdrawn* are labels that were on trial and are no
    more: what still serves of them is there for users only while nobody else can take them. *leaves_for* are
    the services that take its paths over: it leaves as soon as somebody is ready in each of them.
    """

    stable: str | None = None
    canary: str | None = None
    canary_percent: int | None = None
    previous: tuple[Warm, ...] = ()
    versions: Mapping[str, ServiceVersion] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    migrated: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    watch: Watch | None = None
    leaves_for: tuple[str, ...] = ()

    def of(self, label: str | None, *intents: Intent) -> list[Instance]:
        """The instances at *label*, with one of *intents* where any are named."""
        return [i for i in self.instances if i.label == label and (not intents or i.intent in intents)]

    @property
    def kept_warm(self) -> set[str]:
        """The labels of earlier versions that are kept running without traffic."""
        return {warm.label for warm in self.previous}

    def of_intent(self, intent: Intent) -> list[Instance]:
        """The instances with *intent*, whatever their label."""
        return [i for i in self.instances if i.intent is intent]


@dataclass(frozen=True)
class EnvironmentState:
    """All of an environment's services; replaced as a whole, by compare-and-set on *generation*.

    *shipped_by* is the deployment that brought the present *revision*.
    """

    name: str
    generation: int = 0
    started_instances: int = 0
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    release: str | None = None
    revision: int = 0
    deployment: int | None = None
    shipped_by: int | None = None
    opened_incidents: int = 0

    def service(self, name: str) -> ServiceState:
        """The state of service *name*; an empty one where it has never run."""
        return self.services.get(name, ServiceState())

    @property
    def running(self) -> dict[str, ServiceVersion]:
        """The stable version of each service that has one: what the environment runs, whatever its name."""
        return {n: s.versions[s.stable] for n, s in self.services.items() if s.stable is not None}
