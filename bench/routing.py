"""How fast a change of weights is in force, by number of services: 200 requests a second, kept connections.

The router is the product's, in a process of its own; two labels a service, all of them healthy. Measured:
from the call that publishes the routing to the last request sent that the version without weight answered.
"""

import multiprocessing
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

from bench.processes import answering, proportional_mib
from bench.results import Figure, quantile, spread, write
from carelane.delivery.releases import Probe
from carelane.delivery.replicas.routing import Endpoint, Routing, ServiceRoute, VersionRoute
from carelane.platforms.envoy.documents import FRONT
from carelane.platforms.envoy.proxies import PROCESSES
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import free_port
from tests.contract.processes import end_all
from tests.load import Load
from tests.waiting import until

PART = "Routing"
WANTED_MS = {1: 20.0, 10: 20.0, 50: 40.0}
LABELS = ("v1", "v2")
LABELS_OF_FIRST = ("s0-0", "s0-1")
COUNTED = (0.3, 0.6)


def main(flips: int = 100) -> None:
    """Run, and write the section."""
    figures: list[Figure] = []
    for services, wanted in WANTED_MS.items():
        with tempfile.TemporaryDirectory() as folder:
            figures += _measure(Path(folder), services, flips, wanted)
    write(PART, figures, f"make bench ARGS='routing --flips {flips}'")


def routing(generation: int, services: int, chosen: int, ports: list[int]) -> Routing:
    """Every service with two labels; the first service's traffic goes to the *chosen* one."""

    def version(service: int, label: int) -> VersionRoute:
        weight = int(label == (chosen if service == 0 else 0))
        # What is known of an endpoint's health is known by its port: the first service has its own.
        port = ports[label] if service == 0 else ports[len(LABELS) + label]
        endpoint = Endpoint(f"s{service}-{label}", port)
        return VersionRoute(weight, (endpoint,), Probe("/ready"))

    return Routing(
        generation,
        {
            f"s{service}": ServiceRoute(
                ("/",) if service == 0 else (f"/s{service}",),
                {LABELS[label]: version(service, label) for label in range(len(LABELS))},
            )
            for service in range(services)
        },
    )


def fit(router: EnvoyRouter) -> set[str]:
    """Which instances of the first service both proxies hold fit."""
    seen = router.observe() or {}
    return {name for name in LABELS_OF_FIRST if name in seen and seen[name].healthy}


def _beside(folder: str, services: int, ports: list[int], pipe: Connection) -> None:
    """In a process of its own: the router, told which label gets the traffic."""
    taken: set[int] = set(ports)
    for _ in range(services + 1):
        taken.add(free_port(taken))
    front, *inner = sorted(taken - set(ports))
    keeper = Shims(Path(folder) / "proxies")
    router = EnvoyRouter(
        Path(folder) / "envoy", front, {f"s{n}": port for n, port in enumerate(inner)}, keeper
    )
    router.begin()
    generation = 1
    router.route(routing(generation, services, 0, ports))
    until(lambda: router.routed().generation == 1, 60.0, "the proxies took it")
    until(lambda: fit(router) == {*LABELS_OF_FIRST}, 60.0, "both versions of the first service are fit")
    pids = {name: (keeper.status(name) or {})["child"]["pid"] for name in PROCESSES}
    pipe.send((router._ports[FRONT], pids))  # noqa: SLF001 - where to send the load
    while (chosen := pipe.recv()) is not None:
        generation += 1
        began = time.monotonic()
        router.route(routing(generation, services, chosen, ports))
        pipe.send((began, time.monotonic()))
    end_all(keeper)
    pipe.send(None)


def _measure(folder: Path, services: int, flips: int, wanted: float) -> list[Figure]:
    with ExitStack() as answers:
        ports = [answers.enter_context(answering(label)) for label in LABELS * 2]
        ours, theirs = multiprocessing.Pipe()
        arguments = (str(folder), services, ports, theirs)
        beside = multiprocessing.get_context("spawn").Process(target=_beside, args=arguments)
        beside.start()
        port, pids = ours.recv()
        force_ms, call_ms, lost = [], [], 0
        for flip in range(flips):
            with Load(port, rate=200, connections=16) as load:
                time.sleep(COUNTED[0])
                ours.send((flip + 1) % 2)
                began, done = ours.recv()
                time.sleep(COUNTED[1])
            old = LABELS[flip % 2]
            force_ms.append((max(a.sent for a in load.answers if a.version == old) - began) * 1000)
            call_ms.append((done - began) * 1000)
            lost += sum(a.lost for a in load.answers)
        memory = {name: proportional_mib(pid) for name, pid in pids.items()}
        watches = _inotify_instances(pids["proxy-1"])
        ours.send(None)
        ours.recv()
        beside.join(10)
    return [
        Figure(
            f"{services} services: routing published → last request that the old version answered",
            spread(force_ms, "ms") + f"; the call itself {quantile(call_ms, 0.5):.1f} ms",
            f"p99 ≤ {wanted:g} ms",
            quantile(force_ms, 0.99) <= wanted,
        ),
        Figure(f"{services} services: lost requests over {flips} changes", str(lost), "0", lost == 0),
        Figure(
            f"{services} services: PSS of {', '.join(memory)}; inotify instances of a proxy",
            ", ".join(f"{mib:.0f} MiB" for mib in memory.values()) + f"; {watches}",
            "stated",
            None,
        ),
    ]


def _inotify_instances(pid: int) -> int:
    return sum(str(fd.readlink()) == "anon_inode:inotify" for fd in Path(f"/proc/{pid}/fd").iterdir())
