"""An environment on this machine: processes behind Envoy, a database that comes along."""

from dataclasses import dataclass

from carelane.base.errors import InputError, InvariantError
from carelane.base.loops import Failing, Loop
from carelane.bootstrap import secrets
from carelane.bootstrap.environments import (
    Environment,
    Machine,
    Means,
    Measured,
    engine,
    thresholds_ms,
    web_services,
)
from carelane.bootstrap.inner_ports import InnerPorts
from carelane.bootstrap.places import Places
from carelane.config import model, translation
from carelane.config.model import Configuration
from carelane.delivery.replicas.controller import Replicas
from carelane.delivery.replicas.tending import Tending
from carelane.platforms.envoy.meter import TrafficMeter
from carelane.platforms.envoy.proxies import PROCESSES, PROXIES
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.processes.instances import ProcessInstances
from carelane.platforms.processes.postgres import EmbeddedPostgres
from carelane.platforms.processes.shim import boot_id
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import holder, is_free

INSTANCES_SECONDS, PROXIES_SECONDS = 15.0, 5.0
"""How long `down` waits for them to end."""
PROXY_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class LocalHost:
    """The Host port: one environment's processes, proxies and databases on this machine."""

    environment: str
    instances: ProcessInstances
    router: EnvoyRouter
    proxies: Shims
    backing: EmbeddedPostgres
    tending: Tending

    def begin(self) -> None:
        """Start the proxies; those that run already are found again."""
        self.router.begin()

    def failing(self) -> list[Failing]:
        """Databases and proxies that do not do their work, and why."""
        databases = self.backing.failing().items()
        return [
            *(Failing(f"{database} of {self.environment}", why) for database, why in databases),
            *self.tending.failing(),
        ]

    def interrupt(self) -> None:
        """End the commands that run beside instances."""
        self.instances.interrupt()

    def leave(self) -> list[str]:
        """The same: nobody else would keep what runs."""
        return self.stop_all()

    def stop_all(self) -> list[str]:
        """End everything, in the order that loses nothing; the names of what would not end."""
        left = self.instances.stop_all(INSTANCES_SECONDS)
        still = self.proxies.end(list(PROCESSES), PROXY_GRACE_SECONDS, PROXIES_SECONDS)
        for proxy in set(PROCESSES) - set(still):
            self.proxies.clear(proxy)
        left += still
        self.backing.stop_all()
        return left


def environment(machine: Machine, configuration: Configuration, name: str) -> Environment:
    """Put environment *name* together.

    Raises:
        InputError: If a port of it is taken, or the address of a database of its own cannot be read.
    """
    settings = configuration.environments[name]
    places, clock, stores = machine.places, machine.clock, machine.stores
    root = places.environment(name)
    root.mkdir(parents=True, exist_ok=True)
    proxies = Shims(root / "proxies")
    instances = ProcessInstances(root, machine.archives, places.system, machine.ports)
    slow_ms = thresholds_ms(stores, name, settings)
    router = _router(machine, configuration, name, proxies, instances, slow_ms)
    _check_own_databases(places, settings)
    own = {name: translation.secret_reference(secret) for name, secret in settings.backing.items()}
    backing = EmbeddedPostgres(root, translation.backing(configuration), own)
    meter = TrafficMeter(router.admins, boot_id())
    measured = Measured.by(machine, name, meter, slow_ms)
    replicas = Replicas(name, instances, router, backing, stores.fleets, clock, machine.report)
    driven = engine(machine, name, settings, Means(replicas, replicas, backing), measured)
    tending = Tending(name, router, stores.rollouts, clock)
    return Environment(
        address=settings.address,
        engine=driven,
        logs=instances,
        details=instances,
        rates=meter,
        host=LocalHost(name, instances, router, proxies, backing, tending),
        loops=(
            driven.loop,
            measured.loop,
            Loop(f"proxies of {name}", tending.step, machine.report),
        ),
    )


def _router(
    machine: Machine,
    configuration: Configuration,
    name: str,
    proxies: Shims,
    instances: ProcessInstances,
    slow_ms: tuple[int, ...],
) -> EnvoyRouter:
    settings, places = configuration.environments[name], machine.places
    if settings.port is None:
        raise InvariantError(f"environment {name} is said to be on this machine and has no port")
    root = places.environment(name)
    listening = any(proxies.running(proxies.status(proxy)) for proxy in PROXIES)
    if not listening and not is_free(settings.port):
        raise InputError(
            f"port {settings.port} of environment {name} is taken by {holder(settings.port)}",
            hint=f"end it, or choose another in {places.file.name}: environments.{name}.port",
        )
    inner = InnerPorts(root / "ports.json", name, machine.ports, instances.told_ports)
    return EnvoyRouter(
        root / "envoy",
        settings.port,
        inner.of(web_services(machine, configuration, name), listening, instances.any_running()),
        proxies,
        preview_port=_preview_port(name, settings, listening=listening),
        slow_ms=slow_ms,
    )


def _preview_port(name: str, settings: model.Environment, *, listening: bool) -> int | None:
    port = translation.preview_port(settings)
    if port is not None and not listening and not is_free(port):
        raise InputError(
            f"the preview's port {port} of environment {name} is taken by {holder(port)}",
            hint=f"end it, or choose another: environments.{name}.strategy.blue_green.preview_port",
        )
    return port


def _check_own_databases(places: Places, settings: model.Environment) -> None:
    """Their addresses must be there to read; what they are, only the instances come to know."""
    for name, secret in settings.backing.items():
        try:
            secrets.read(places, secret)
        except OSError as error:
            raise InputError(f"the address of {name} cannot be read: {error.strerror}") from None
