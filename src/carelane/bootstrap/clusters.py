"""An environment on Kubernetes: a namespace of a cluster, whose users come in by a gateway."""

import os
import uuid
from pathlib import Path

import httpx2

from carelane.base.errors import InputError
from carelane.bootstrap.environments import (
    Environment,
    Machine,
    Means,
    Measured,
    engine,
    thresholds_ms,
    web_services,
)
from carelane.bootstrap.places import Places
from carelane.config.clusters import ClusterSettings
from carelane.config.model import Configuration
from carelane.delivery.metering import Metering
from carelane.platforms.kubernetes import api
from carelane.platforms.kubernetes.api import Api
from carelane.platforms.kubernetes.counting import BUCKETS_MS, GatewayCounters, by_http
from carelane.platforms.kubernetes.executing import Dialer, PodCommands
from carelane.platforms.kubernetes.front_door import FrontDoor
from carelane.platforms.kubernetes.hosting import ClusterHost, NoBacking
from carelane.platforms.kubernetes.looking import ClusterLooking
from carelane.platforms.kubernetes.objects import Place
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from carelane.platforms.kubernetes.watching import Watching


def environment(machine: Machine, configuration: Configuration, name: str) -> Environment:
    """Put environment *name* together; whether the cluster answers is seen later.

    Raises:
        InputError: If its kubeconfig leads nowhere, or its settings ask for what is not there.
    """
    settings = configuration.environments[name]
    there = settings.kubernetes
    if there is None:
        raise InputError(f"environments.{name}.kubernetes is missing")
    slow_ms = thresholds_ms(machine.stores, name, settings)
    _check_thresholds(name, slow_ms, judged=bool(there.statistics))
    config = api.config(_kubeconfig(machine.places, there), there.context)
    # What is read stays open for minutes; an emergency's one PATCH must not wait for a connection.
    reading, changing = (Api(api.client(config), there.namespace) for _ in range(2))
    watching = Watching(reading, name, machine.report)
    users = httpx2.Client(trust_env=False)
    door = FrontDoor(users, there.address, there.hostname)
    owner = f"{configuration.system}/{name}"
    place = _place(name, owner, there, web_services(machine, configuration, name))
    kubernetes = KubernetesPlatform(place, watching, changing, machine.clock, door)
    meter = Metering(
        {
            url: GatewayCounters(by_http(users, url), kubernetes.held, there.namespace, place.name, slow_ms)
            for url in there.statistics
        },
        uuid.uuid4().hex,  # what is counted begins with this server
    )
    measured = Measured.by(machine, name, meter, slow_ms)
    driven = engine(machine, name, settings, Means(kubernetes, kubernetes, NoBacking()), measured)
    commands = PodCommands(Dialer(config), there.namespace)
    looking = ClusterLooking(there.namespace, reading, watching, commands)
    return Environment(
        address=there.address,
        engine=driven,
        logs=looking,
        details=looking,
        rates=meter,
        host=ClusterHost(name, owner, changing, watching, commands),
        loops=(driven.loop, measured.loop, *watching.loops),
    )


def _place(name: str, owner: str, there: ClusterSettings, services: list[str]) -> Place:
    urls = {f"services.{service}.url": f"http://{there.prefix}{service}" for service in services}
    return Place(
        there.namespace,
        there.gateway,
        there.address,
        there.hostname or "",
        there.prefix,
        {"environment": name, **urls},
        owner,
    )


def _kubeconfig(places: Places, there: ClusterSettings) -> Path | None:
    """As kubectl finds it; None is the service account of the Pod we are in."""
    if there.kubeconfig is not None:
        return places.system / there.kubeconfig
    named = [each for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    if len(named) > 1:
        raise InputError(
            f"KUBECONFIG names {len(named)} files", hint="say which one in kubernetes.kubeconfig, or name one"
        )
    usual = Path.home() / ".kube" / "config"
    if named:
        return Path(named[0])
    inside = "KUBERNETES_SERVICE_HOST" in os.environ
    return None if inside and not usual.exists() else usual


def _check_thresholds(name: str, slow_ms: tuple[int, ...], *, judged: bool) -> None:
    """A gateway counts by the edges of its buckets, and by nothing between them."""
    between = [ms for ms in slow_ms if ms not in BUCKETS_MS]
    if judged and between:
        edges = ", ".join(f"{ms / 1000:g}" for ms in BUCKETS_MS)
        raise InputError(
            f"environments.{name}.objectives.slow_seconds: nothing is counted at {between[0] / 1000:g} s",
            hint=f"a gateway counts at {edges}",
        )
