"""A front door that remembers every routing it was given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from carelane.base.errors import PlatformError
from carelane.delivery.observations import RoutingSeen
from carelane.delivery.replicas.routing import Endpoint, Routing
from carelane.delivery.replicas.seen import EndpointSeen, ProxyTrouble

LONG_IDLE_SECONDS = 60.0


@dataclass
class FakeProxies:
    """The Proxies port in memory; *ready* says whether an instance answers its probe."""

    ready: Callable[[str], bool]
    services: tuple[str, ...] = ()
    routings: list[Routing] = field(default_factory=list)
    silent: bool = False
    """No proxy answers."""
    busy: set[str] = field(default_factory=set)
    """Instances with requests under way."""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failing_routes: int = 0
    healthy_seconds: Callable[[str], float] = lambda _: 0.0
    """For how long an instance has been fit."""
    late: bool = False
    """The proxies have not taken the last routing yet."""
    rejects: Callable[[Routing], str] = lambda _: ""
    """What the proxies say against a routing; empty where they take it."""
    rejected_seconds: float = 60.0
    troubles: tuple[ProxyTrouble, ...] = ()
    """What is wrong with its processes."""

    # -- the port

    def route(self, routing: Routing) -> None:
        """Bring it into force, unless it is older than the last."""
        if self.failing_routes:
            self.failing_routes -= 1
            raise PlatformError("cannot write the routing")
        if not self.routings or routing.generation >= self.routings[-1].generation:
            self.routings.append(routing)

    def observe(self) -> Mapping[str, EndpointSeen] | None:
        """What the proxies say of the endpoints they were told of."""
        if self.silent:
            return None
        return {e.instance: self._seen(e.instance) for e in self.endpoints()}

    def routed(self) -> RoutingSeen:
        """The last routing is in force, unless it was rejected."""
        if self.silent:
            return RoutingSeen()
        if said := self.rejects(self.routing):
            return RoutingSeen(None, said, self.rejected_seconds)
        return RoutingSeen(None if self.late else self.routing.generation)

    def tend(self) -> tuple[ProxyTrouble, ...]:
        """What a test laid down."""
        return self.troubles

    def addresses(self) -> Mapping[str, str]:
        """The inner addresses."""
        return {f"services.{name}.url": f"http://{name}.invalid" for name in self.services}

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """The answer that a test laid down."""
        del timeout_seconds
        return self._answer(path)

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """The answer that a test laid down under ``SERVICE LABEL PATH``."""
        del timeout_seconds
        return self._answer(f"{service} {label} {path}")

    def _answer(self, where: str) -> tuple[int, bytes]:
        self.asked.append(where)
        if where not in self.answers:
            raise PlatformError("nobody answers")
        return self.answers[where]

    # -- for tests

    @property
    def routing(self) -> Routing:
        """What is in force."""
        return self.routings[-1] if self.routings else Routing(0)

    def endpoints(self) -> list[Endpoint]:
        """Every endpoint that the proxies know of."""
        return [e for s in self.routing.services.values() for v in s.versions.values() for e in v.endpoints]

    def ready_of(self, label: str) -> int:
        """How many instances of *label* that the proxies know of are fit."""
        routes = [
            v for s in self.routing.services.values() for name, v in s.versions.items() if name == label
        ]
        return sum(self.ready(e.instance) for route in routes for e in route.endpoints)

    def weights(self, service: str) -> dict[str, int]:
        """The weight of each label of *service* that has any."""
        route = self.routing.services.get(service)
        versions = route.versions if route is not None else {}
        return {label: v.weight for label, v in versions.items() if v.weight}

    def _seen(self, instance: str) -> EndpointSeen:
        busy = instance in self.busy
        idle = None if busy else LONG_IDLE_SECONDS
        fit = self.ready(instance)
        return EndpointSeen(fit, int(busy), idle, self.healthy_seconds(instance) if fit else 0.0)
