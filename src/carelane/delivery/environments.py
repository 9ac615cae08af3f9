"""What an environment should look like: the recorded state that every tick works towards.

It says what is to be of each version, and knows no single process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.releases import ServiceVersion

WHOLE = 10_000
"""The sum of the shares at canary steps: it never changes, or users would."""


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
    *spent_by* is the rollback that undid it by itself, which happens once. *size* is how many copies it was
    to have when it succeeded: what is added to it later says nothing of it by not coming up. It is *fit* once
    it was seen whole since somebody looks: what starts with a machine has as long as it takes to start.
    """

    deployment: int
    since: datetime
    until: datetime
    counting_since: datetime | None = None
    unready_since: datetime | None = None
    trials: int = 0
    size: int | None = None
    fit: bool = True
    told: bool = False
    told_while_off: bool = False
    spent_by: int | None = None


@dataclass(frozen=True)
class ServiceState:
    """One service in one environment: which versions it has, and what is to be of each.

    *home* is the label that is to have the lasting place. *copies* says by label what is to run; a label
    without any goes, as soon as users need it no more. *shares* are the parts of the traffic by label
    while versions stand side by side; None where one replaces the other in place, and traffic follows the
    copies that are ready. *leaves_for* are the services that take its paths over: it leaves as soon as
    somebody is ready in each of them. *scaled* is a size that a person gave it, until the next deployment
    arrives; *scaled_during* is the one that was under way then. What was begun before *restarted_at* is
    renewed, one copy after the other. *brought_by* has by label the deployment that brought it to users.
    """

    stable: str | None = None
    canary: str | None = None
    home: str | None = None
    copies: Mapping[str, Copies] = field(default_factory=dict)
    shares: Mapping[str, int] | None = None
    previous: tuple[Warm, ...] = ()
    versions: Mapping[str, ServiceVersion] = field(default_factory=dict)
    migrated: tuple[str, ...] = ()
    watch: Watch | None = None
    leaves_for: tuple[str, ...] = ()
    scaled: int | None = None
    scaled_during: int | None = None
    brought_by: Mapping[str, int] = field(default_factory=dict)
    restarted_at: datetime | None = None

    @property
    def kept_warm(self) -> set[str]:
        """The labels of earlier versions that are kept running without traffic."""
        return {warm.label for warm in self.previous}

    @property
    def at_rest(self) -> dict[str, Copies]:
        """What is to run while nothing is on its way: the stable version, and what is kept warm."""
        stable = {} if self.stable is None else {self.stable: Copies(Purpose.SERVE)}
        return {**{label: Copies(Purpose.WARM) for label in self.kept_warm}, **stable}

    @property
    def serving(self) -> set[str]:
        """The labels that are to take traffic, or to be ready for it."""
        return {label for label, copies in self.copies.items() if copies.serves}

    @property
    def filled(self) -> set[str]:
        """Those of them of which as many run as are wanted: what is warm, or on its way out, is recalled."""
        return {label for label in self.serving if self.copies[label].percent}

    @property
    def canary_percent(self) -> int | None:
        """The share of what is on trial while versions stand side by side; None where they do not."""
        if self.shares is None or not sum(self.shares.values()):
            return None
        return self.shares.get(self.canary or "", 0) * 100 // sum(self.shares.values())


@dataclass(frozen=True)
class EnvironmentState:
    """All of an environment's services; replaced as a whole, by compare-and-set on *generation*.

    *shipped_by* is the deployment that brought the present *revision*.
    """

    name: str
    generation: int = 0
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
