"""What was seen of single instances and of the proxies; what could not be seen is None, never a guess."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carelane.delivery.observations import ProcessPhase, RoutingSeen, Unstarted


@dataclass(frozen=True)
class InstanceSeen:
    """One instance, or task, as its platform sees it.

    *task_of* is the service whose migration or check it is; None for an instance. *supervised* is False
    where the process runs but what keeps it is gone. *restarts* counts its ends in a row, *ends* all that
    were not asked for, *exit_code* is the last one's (None where nobody saw it). *live* is None where there
    is no liveness probe or no answer to it yet. *place* says where it runs, for people: only its platform
    knows what that means.
    """

    phase: ProcessPhase
    task_of: str | None = None
    supervised: bool = True
    restarts: int = 0
    ends: int = 0
    exit_code: int | None = None
    running_seconds: float = 0.0
    port: int | None = None
    place: str = ""
    live: bool | None = None


@dataclass(frozen=True)
class EndpointSeen:
    """One instance as the proxies see it: fit for traffic in all of them, requests under way in any.

    *idle_seconds* is how long no proxy has had a request under way, None while one has;
    *healthy_seconds* how long it has been fit, as far as this server has seen.
    """

    healthy: bool
    active_requests: int = 0
    idle_seconds: float | None = None
    healthy_seconds: float = 0.0


@dataclass(frozen=True)
class ProxyTrouble:
    """What is wrong with one of a front door's processes, in words."""

    proxy: str
    why: str


@dataclass(frozen=True)
class FleetSeen:
    """Everything seen of an environment's fleet; *endpoints* is None where no proxy answered.

    *tasks* are the migrations and checks: never among the *instances*, whatever they are called.
    """

    instances: Mapping[str, InstanceSeen] = field(default_factory=dict)
    endpoints: Mapping[str, EndpointSeen] | None = None
    routing: RoutingSeen = field(default_factory=RoutingSeen)
    unstarted: Mapping[str, Unstarted] = field(default_factory=dict)
    tasks: Mapping[str, InstanceSeen] = field(default_factory=dict)

    def running(self, instance: str) -> bool:
        """Whether the process of *instance* runs."""
        seen = self.instances.get(instance)
        return seen is not None and seen.phase is ProcessPhase.RUNNING

    def gone(self, instance: str) -> bool:
        """Whether nothing of *instance* is left running."""
        seen = self.instances.get(instance)
        return seen is None or seen.phase is ProcessPhase.EXITED

    def healthy(self, instance: str) -> bool:
        """Whether the proxies hold *instance* fit for traffic."""
        endpoint = (self.endpoints or {}).get(instance)
        return self.running(instance) and endpoint is not None and endpoint.healthy
