"""The instances of one environment, each with what it is meant to do: recorded before it is done."""

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
    *ends_told_at*; *kept* whether what keeps it was there when it was last seen to run. When it was *born* is
    None of one that an earlier version began.
    """

    id: str
    service: str
    label: str
    intent: Intent
    since: datetime
    ends: int | None = None
    ends_told_at: datetime | None = None
    kept: bool = True
    born: datetime | None = None


@dataclass(frozen=True)
class Crew:
    """The instances of one service."""

    instances: tuple[Instance, ...] = ()

    def of(self, label: str | None, *intents: Intent) -> list[Instance]:
        """Those at *label*, with one of *intents* where any are named."""
        return [i for i in self.instances if i.label == label and (not intents or i.intent in intents)]

    def of_intent(self, *intents: Intent) -> list[Instance]:
        """Those with one of *intents*, whatever their label."""
        return [i for i in self.instances if i.intent in intents]


@dataclass(frozen=True)
class Fleet:
    """All instances of an environment, and by service and label what each of them runs.

    *started* is how many there ever were: no name is given twice.
    """

    environment: str
    started: int = 0
    crews: Mapping[str, Crew] = field(default_factory=dict)
    versions: Mapping[str, Mapping[str, ServiceVersion]] = field(default_factory=dict)

    def crew(self, service: str) -> Crew:
        """The instances of *service*; none where it has never run."""
        return self.crews.get(service, Crew())

    @property
    def instances(self) -> list[Instance]:
        """All of them."""
        return [instance for crew in self.crews.values() for instance in crew.instances]

    def version(self, instance: Instance) -> ServiceVersion:
        """What *instance* runs."""
        return self.versions[instance.service][instance.label]
