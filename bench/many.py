"""Many services on one machine: N web services, three environments, two replicas, on stock limits.

Everything is shipped by the command line as a user would: the first release to all environments, then one
that changes every service to production, with 100 requests a second at its front door. Measured after that,
with the replaced instances kept warm: memory as PSS (what is shared is divided among those who share it) and
processor time at rest, of what is ours and of the services.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from bench.processes import Kinds, kinds
from bench.results import Figure, write
from tests.load import Answer, Load
from tests.systems.system import System, free_port

PART = "Many services"
OTHERS = ("development", "staging")
REST_SECONDS = 30
SHIP_SECONDS = 1800.0
OURS_GIB, OURS_CORES = 6.0, 0.5


def main(services: int = 50) -> None:
    """Run, and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        more = {f"s{n}": _service(f"/s{n}") for n in range(1, services)}
        replicas = {"web": 2, **dict.fromkeys(more, 2)}
        environments = {name: {"port": free_port(), "replicas": replicas} for name in OTHERS}
        quick = {"strategy": {"rolling": {"min_ready_seconds": 0}}}
        system = System(
            Path(folder) / "bench",
            extra_services=more,
            extra_environments={name: {**settings, **quick} for name, settings in environments.items()},
            on_change=_everywhere(replicas),
        )
        try:
            figures = _measure(system, services)
        finally:
            system.down()
    write(f"{PART}: {services}", figures, f"make bench ARGS='many --services {services}'")


def _service(route: str) -> dict[str, object]:
    return {
        "kind": "web",
        "source": ["service.py"],
        "run": [sys.executable, "service.py"],
        "routes": [route],
        "probes": {"readiness": {"path": "/ready"}, "liveness": {"path": "/live"}},
        "drain_seconds": 5,
        "environment": {"APP_VERSION": "${version}", "INSTANCE": "${instance}"},
    }


def _everywhere(replicas: dict[str, int]) -> Callable[[System], None]:
    """Gives production the same replicas (`System` knows of one service there), and changes every service."""
    commits = itertools.count()

    def change(system: System) -> None:
        greeting = f"hello, {next(commits)}"
        file = system.folder / "carelane.yaml"
        document = yaml.safe_load(file.read_text())
        document["environments"]["production"]["replicas"] = replicas
        for service in document["services"].values():
            service["environment"]["GREETING"] = greeting
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    return change


def _measure(system: System, services: int) -> list[Figure]:
    system.commit("v1")
    system.up()
    system.must("release", "create", "--commit", "v1")
    began = time.monotonic()
    for environment in (*OTHERS, "production"):
        _deploy(system, environment, "v1")
    first = time.monotonic() - began
    system.release("v2")
    with Load(system.port, rate=100, connections=16) as load:
        began = time.monotonic()
        _deploy(system, "production", "v2")
        second = time.monotonic() - began
    lost = [a for a in load.answers if a.lost]
    for environment in OTHERS:
        _deploy(system, environment, "v2")
    time.sleep(5)
    there = kinds(system)
    before = there.busy()
    time.sleep(REST_SECONDS)
    rest = {kind: (now - before[kind]) / REST_SECONDS for kind, now in there.busy().items()}
    return [*_shipping(services, first, second, load.answers, lost), *_costs(there, rest)]


def _deploy(system: System, environment: str, release: str) -> None:
    ran = system.run("deploy", environment, "--release", release, "--wait", timeout=SHIP_SECONDS)
    if ran.code != 0:
        raise SystemExit(f"{environment}: {ran.err}\n{system.run('status').out}\n{system.log()}")


def _shipping(
    services: int, first: float, second: float, answers: list[Answer], lost: list[Answer]
) -> list[Figure]:
    return [
        Figure(
            f"{services} services, three environments: the first release", f"{first:.0f} s", "stated", None
        ),
        Figure(
            f"production, every service replaced: lost of {len(answers)} requests",
            str(len(lost)),
            "0",
            not lost,
        ),
        Figure("production, every service replaced: time", f"{second:.0f} s", "stated", None),
    ]


def _costs(there: Kinds, rest: dict[str, float]) -> list[Figure]:
    figures, ours_mib, ours_cores = [], 0.0, 0.0
    for kind, pids in sorted(there.pids.items()):
        mib = there.mib(kind)
        figures.append(
            Figure(
                f"{len(pids)} x {kind}: PSS in all, largest; processor at rest",
                f"{sum(mib):.0f} MiB, {max(mib):.1f} MiB; {rest[kind] * 100:.1f} % of a core",
                "stated",
                None,
            )
        )
        if kind != "service":
            ours_mib, ours_cores = ours_mib + sum(mib), ours_cores + rest[kind]
    return [
        *figures,
        Figure(
            "ours in all: PSS",
            f"{ours_mib / 1024:.2f} GiB",
            f"≤ {OURS_GIB:g} GiB",
            ours_mib <= OURS_GIB * 1024,
        ),
        Figure(
            f"ours in all: processor at rest, over {REST_SECONDS} s",
            f"{ours_cores:.2f} of a core",
            f"≤ {OURS_CORES:g}",
            ours_cores <= OURS_CORES,
        ),
    ]
