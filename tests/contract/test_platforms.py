"""Workloads and TrafficRouter: kept by our replica controller, in memory and for real, and kept otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from carelane.base.clock import ManualClock, RealClock
from carelane.delivery.releases import Artifact, Probe, RunConfiguration, ServiceKind, ServiceVersion
from carelane.delivery.replicas.controller import Replicas
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.kubernetes.objects import Place
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.instances import ProcessInstances
from carelane.platforms.processes.tcp_ports import Ports
from tests.contract import processes
from tests.contract.envoys import Envoys
from tests.contract.workloads import Platform, PlatformContract
from tests.fakes.backing import FakeBacking
from tests.fakes.clusters import nobody
from tests.fakes.fleets import InMemoryFleets
from tests.fakes.instances import Behaviour, FakeInstances
from tests.fakes.kubernetes import FakeCluster
from tests.fakes.proxies import FakeProxies
from tests.fakes.releases import MIGRATING
from tests.fakes.releases import version as made_up
from tests.fakes.toy import Toy
from tests.fakes.trail import InMemoryTrail

VERSIONS = {label: made_up("backend", label, MIGRATING) for label in ("v1", "v2")}
ANSWERING = """\
import http.server, json, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"version": os.environ["VERSION"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
PYTHON = ("python3", "-I", "-S", "-u")


def _raised(_: str, error: BaseException) -> None:
    raise error


class TestToy(PlatformContract):
    @pytest.fixture
    def platform(self) -> Platform:
        toy = Toy(Turning())
        toy.ended = {"backend.migrate-7": 3}
        return Platform(toy, toy, VERSIONS, asks=False)


class TestReplicasInMemory(PlatformContract):
    @pytest.fixture
    def platform(self) -> Platform:
        clock = Turning()
        instances = FakeInstances(dict.fromkeys(VERSIONS, Behaviour(migration_exit_code=3)))
        proxies = FakeProxies(instances.ready, ("backend",))
        fleets = InMemoryFleets(InMemoryTrail())
        replicas = Replicas("production", instances, proxies, FakeBacking(), fleets, clock, _raised)
        return Platform(replicas, replicas, VERSIONS, asks=False)


class TestKubernetesInMemory(PlatformContract):
    @pytest.fixture
    def platform(self) -> Platform:
        clock = Turning()
        cluster = FakeCluster(clock, exit_codes={"backend.migrate-7": 3})
        place = Place("healthcare-prod", "default/front", prefix="healthcare-")
        kubernetes = KubernetesPlatform(place, cluster, cluster, clock, nobody)
        kubernetes._readiness.monotonic = clock.monotonic
        image = Artifact("a" * 64, image="registry/backend@sha256:" + "b" * 64)
        versions = {label: replace(version, artifact=image) for label, version in VERSIONS.items()}
        return Platform(kubernetes, kubernetes, versions, asks=False, moves=True)


class Turning(ManualClock):
    """A second goes by whenever somebody asks."""

    def wall(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as the clock's
        self.advance(1.0)
        return super().wall()

    def now(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as the clock's
        self.advance(1.0)
        return super().now()


class TestReplicasOfProcesses(Envoys, PlatformContract):
    @pytest.fixture
    def archives(self, tmp_path: Path) -> Iterator[Archives]:
        yield Archives(tmp_path / "artifacts")
        for path in (tmp_path / "artifacts").rglob("*"):
            path.chmod(0o755)

    @pytest.fixture
    def platform(
        self, tmp_path: Path, archives: Archives, router: EnvoyRouter, another: Callable[[], EnvoyRouter]
    ) -> Iterator[Platform]:
        del another
        instances = ProcessInstances(tmp_path / "environment", archives, tmp_path, Ports())
        fleets = InMemoryFleets(InMemoryTrail())
        replicas = Replicas("production", instances, router, FakeBacking(), fleets, RealClock(), _raised)
        artifact = Artifact(archives.pack(processes.tar_of({"answer.py": ANSWERING})))
        run = RunConfiguration(
            ServiceKind.WEB,
            (*PYTHON, "answer.py"),
            environment={"VERSION": "${version}", "PORT": "${port}"},
            readiness=Probe("/ready", period_seconds=0.2),
            routes=("/",),
            drain_seconds=1.0,
            migrate=(*PYTHON, "-c", "raise SystemExit(3)"),
        )
        versions = {n: ServiceVersion("backend", n, "c" * 40, artifact, run) for n in ("v1", "v2")}
        yield Platform(replicas, replicas, versions)
        processes.end_all(instances._shims)
        instances._liveness._pool.shutdown()
