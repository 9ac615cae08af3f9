"""The fleet being planned: a copy of the recorded one that the rules beside this file may change."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from carelane.audit.entries import Detail, Entry
from carelane.delivery import names
from carelane.delivery.releases import ServiceKind, ServiceVersion
from carelane.delivery.replicas.fleet import Crew, Fleet, Instance, Intent
from carelane.delivery.replicas.seen import FleetSeen
from carelane.delivery.targets import ServiceTarget, Target

KEEPER = "carelane"
WORKER_SETTLED_SECONDS = 1.0


def ready(version: ServiceVersion, seen: FleetSeen, instance: Instance) -> bool:
    """Whether *instance* may carry what its service carries."""
    if version.run.kind is ServiceKind.WEB:
        return seen.healthy(instance.id)
    process = seen.instances.get(instance.id)
    return seen.running(instance.id) and (process.running_seconds if process else 0) >= WORKER_SETTLED_SECONDS


def ready_seconds(version: ServiceVersion, seen: FleetSeen, instance: Instance) -> float:
    """For how long *instance* has been ready, in one life."""
    process = seen.instances.get(instance.id)
    lived = process.running_seconds if process is not None else 0.0
    endpoint = (seen.endpoints or {}).get(instance.id)
    if not ready(version, seen, instance):
        return 0.0
    return lived if endpoint is None else min(lived, endpoint.healthy_seconds)


class FleetDraft:
    """A fleet in the making, on its way to *target*.

    *now* is what waiting is reckoned by, *wall* what the machine's clock shows and entries tell.
    """

    def __init__(self, fleet: Fleet, target: Target, seen: FleetSeen, now: datetime, wall: datetime) -> None:
        self.target = target
        self.seen = seen
        self.now = now
        self.entries: list[Entry] = []
        self._wall = wall
        self._environment = fleet.environment
        self._started = fleet.started
        self._crews = dict(fleet.crews)
        self._versions = {
            name: {**fleet.versions.get(name, {}), **self.wanted(name).versions} for name in self.services
        }

    # -- what is there

    @property
    def services(self) -> list[str]:
        """The services that are wanted, or of which something is there."""
        return list(dict.fromkeys((*self.target.services, *self._crews)))

    def wanted(self, service: str) -> ServiceTarget:
        """What is wanted of *service*: nothing, where it is not spoken of."""
        return self.target.services.get(service, ServiceTarget())

    def crew(self, service: str) -> Crew:
        """The instances of *service* as the draft has them."""
        return self._crews.get(service, Crew())

    def version(self, instance: Instance) -> ServiceVersion:
        """What *instance* runs."""
        return self._versions[instance.service][instance.label]

    def kind(self, service: str, label: str) -> ServiceKind:
        """What a version of *service* is."""
        return self._versions[service][label].run.kind

    def ready(self, instance: Instance) -> bool:
        """Whether *instance* may carry what its service carries."""
        return ready(self.version(instance), self.seen, instance)

    def settled(self, instance: Instance, least_seconds: float) -> bool:
        """Whether it has been ready, in one life, for as long as the pace asks of a new one."""
        version = self.version(instance)
        if not least_seconds or not self.ready(instance):
            return self.ready(instance)
        return ready_seconds(version, self.seen, instance) >= version.run.settled_seconds(least_seconds)

    def in_force(self) -> bool:
        """Whether the proxies took the routing of what is wanted; what this draft changes is not yet."""
        return self.seen.routing.in_force(self.target.generation)

    # -- what is to change

    def start(self, service: str, label: str, count: int) -> None:
        """Add *count* instances at *label*."""
        added = tuple(
            Instance(
                names.instance_name(service, self._started + k),
                service,
                label,
                Intent.SERVE,
                self.now,
                ends=0,
                born=self.now,
            )
            for k in range(1, count + 1)
        )
        self._started += len(added)
        self.put(service, self.crew(service).instances + added)

    def intend(self, chosen: list[Instance], intent: Intent) -> None:
        """Give the *chosen* instances another *intent*.

        A worker is never warm, and has nothing to drain: it would work on beside what replaces it.
        """
        if intent in {Intent.WARM, Intent.DRAIN}:
            workers = [i for i in chosen if self.version(i).run.kind is ServiceKind.WORKER]
            chosen = [i for i in chosen if i not in workers]
            self.intend(workers, Intent.STOP)
        wanted = {i.id for i in chosen if i.intent is not intent}
        for service in {i.service for i in chosen if i.id in wanted}:
            self.put(
                service,
                tuple(
                    replace(i, intent=intent, since=self.now) if i.id in wanted else i
                    for i in self.crew(service).instances
                ),
            )

    def put(self, service: str, instances: tuple[Instance, ...]) -> None:
        """Replace the instances of *service*."""
        self._crews[service] = Crew(instances)

    def record(self, act: str, instance: Instance, reason: str, details: Mapping[str, Detail]) -> None:
        """Add an entry about *instance* to the trail."""
        of = {"service": instance.service, "version": instance.label}
        self.entries.append(
            Entry(self._wall, KEEPER, act, instance.id, self._environment, reason, {**of, **details})
        )

    def fleet(self) -> Fleet:
        """What comes out."""
        crews = {service: crew for service, crew in self._crews.items() if crew.instances}
        versions = {
            service: {i.label: self._versions[service][i.label] for i in crew.instances}
            for service, crew in crews.items()
        }
        return Fleet(self._environment, self._started, crews, versions)
