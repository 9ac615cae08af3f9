"""The Logs, Details and Rates ports: processes of this machine, Pods, and what proxies counted."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carelane.base.errors import CarelaneError, NotFoundError, PlatformError, RefusedError, Unavailable
from carelane.delivery.looking import LogsWanted, Rates
from carelane.delivery.names import task_of
from carelane.delivery.releases import Artifact, Probe, RunConfiguration, ServiceKind, ServiceVersion
from carelane.delivery.replicas.ports import Placement
from carelane.platforms.envoy.meter import TrafficMeter
from carelane.platforms.kubernetes import logs
from carelane.platforms.kubernetes.logs import PodLogs
from carelane.platforms.kubernetes.metadata import is_over
from carelane.platforms.kubernetes.objects import SERVICE, TASK, VERSION
from carelane.platforms.kubernetes.ports import Kind, Object
from carelane.platforms.processes.archives import Archives, remove
from carelane.platforms.processes.instances import ProcessInstances
from carelane.platforms.processes.tcp_ports import Ports
from tests.contract import processes
from tests.contract.looking import DetailsContract, LogsContract, Prints, RatesContract, Traffic
from tests.contract.test_metric_sources import over_proxies
from tests.waiting import until

WEB = """\
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""


class TestLogsOfProcesses(LogsContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Prints:
        """Folders as shims leave them."""
        instances = ProcessInstances(tmp_path, Archives(tmp_path / "artifacts"), tmp_path, Ports(()))

        def prints(instance: str, label: str, text: str) -> None:
            folder = tmp_path / "instances" / instance
            folder.mkdir(parents=True, exist_ok=True)
            service = task_of(instance) or instance.rpartition("-")[0]
            spec = {"command": ["true"], "folder": "/", "environment": {}, "once": False, "port": 1}
            (folder / "spec.json").write_text(json.dumps({**spec, "service": service, "label": label}))
            shim = {"pid": 0, "start": 0, "boot": ""}
            status = {"run": 1, "shim": shim, "child": None, "phase": "exited", "recent": 0, "restarts": 0}
            (folder / "status.json").write_text(json.dumps(status))
            with (folder / "run-1.log").open("a") as log:
                log.write(f"{text}\n")

        return Prints(instances, prints, instances.forget)


class Kubelet:
    """What the API of a cluster tells of the Pods of one namespace, and of what they print."""

    def __init__(self) -> None:
        self.pods: dict[str, Any] = {}
        self.lines: dict[str, list[tuple[datetime, str]]] = {}
        self.says: dict[str, CarelaneError] = {}
        self.adds = ""

    def prints(self, pod: str, label: str, text: str) -> None:
        task = task_of(pod)
        labels = {SERVICE: task or pod.rpartition("-")[0], VERSION: label, **({TASK: pod} if task else {})}
        made = f"2026-01-01T00:00:{len(self.pods):02}Z"
        metadata = {"name": pod, "labels": labels, "creationTimestamp": made}
        self.pods.setdefault(pod, {"metadata": metadata, "status": {"phase": "Running"}})
        before = [at for lines in self.lines.values() for at, _ in lines]
        at = max([datetime.now(UTC), *before]) + timedelta(microseconds=1)
        self.lines.setdefault(pod, []).append((at, text))

    def ends(self, pod: str) -> None:
        self.pods[pod]["status"]["phase"] = "Succeeded"

    def read(self, pod: str, asked: Mapping[str, str]) -> str:
        if pod in self.says:
            raise self.says[pod]
        lines = self.lines[pod]
        if "sinceTime" in asked:  # it knows whole seconds only
            since = datetime.fromisoformat(asked["sinceTime"]).replace(microsecond=0)
            lines = [line for line in lines if line[0] >= since]
        lines = lines[-int(asked["tailLines"]) :] if "tailLines" in asked else lines
        stamped = [
            f"{at.isoformat(timespec='microseconds').replace('+00:00', '').rstrip('0')}Z {text}\n"
            for at, text in lines
        ]
        return "".join(stamped) + self.adds

    # -- View

    def look(self, *, moving: bool) -> bool:
        return not moving

    def all(self, kind: Kind) -> Mapping[str, Object]:
        assert kind is Kind.POD
        return self.pods

    def note(self, kind: Kind, found: Object) -> None:
        raise AssertionError(kind, found)


@dataclass(frozen=True)
class LogsOfPods:
    kubelet: Kubelet

    def logs(self, service: str, wanted: LogsWanted = LogsWanted()) -> PodLogs:  # noqa: B008 - frozen
        return logs.logs(self.kubelet, self.kubelet.read, service, wanted)

    def printing(self, service: str) -> Mapping[str, bool]:
        return {name: is_over(pod) for name, pod in logs.printing(self.kubelet, service).items()}


class TestLogsOfPods(LogsContract):
    @pytest.fixture
    def kubelet(self) -> Kubelet:
        return Kubelet()

    @pytest.fixture
    def bench(self, kubelet: Kubelet) -> Prints:
        return Prints(LogsOfPods(kubelet), kubelet.prints, kubelet.ends)

    def test_what_its_node_says_of_itself_has_no_time_and_is_told_once(
        self, bench: Prints, kubelet: Kubelet
    ) -> None:
        bench.prints("web-1", "v1", "one")
        kubelet.adds = "unable to retrieve container logs for containerd://1"
        reader = bench.logs.logs("web")
        found = reader.tail(10)
        assert [(line.text, line.at is None) for line in found] == [("one", False), (kubelet.adds, True)]
        assert reader.more() == []

    def test_who_may_not_read_is_told_so_and_a_node_that_is_away_hides_no_other(
        self, bench: Prints, kubelet: Kubelet
    ) -> None:
        for pod in ("web-1", "web-2"):
            bench.prints(pod, "v1", "one")
        kubelet.says["web-1"] = Unavailable("its node is away")
        reader = bench.logs.logs("web")
        assert [line.text for line in reader.tail(10)] == ["cannot be read: its node is away", "one"]
        assert reader.more() == [], "told once"
        kubelet.says["web-1"] = RefusedError("pods/log is forbidden")
        with pytest.raises(RefusedError):
            bench.logs.logs("web").tail(10)

    @pytest.mark.parametrize("why", [NotFoundError("gone"), PlatformError("it waits to start")])
    def test_one_that_has_not_begun_or_is_gone_has_nothing_to_read(
        self, bench: Prints, kubelet: Kubelet, why: CarelaneError
    ) -> None:
        bench.prints("web-1", "v1", "one")
        kubelet.says["web-1"] = why
        assert bench.logs.logs("web").tail(10) == []


def test_times_are_compared_though_zeros_at_their_end_are_left_out() -> None:
    text = {"text": ""}
    reader = PodLogs(lambda _, asked: text["text"], lambda: ["web-1"], ["web-1"])
    text["text"] = "2026-01-01T00:00:05Z one\n"
    assert [line.text for line in reader.tail(10)] == ["one"]
    text["text"] += "2026-01-01T00:00:05.1Z two\n2026-01-01T00:00:05.100000001Z three\n"
    assert [line.text for line in reader.more()] == ["two", "three"]
    text["text"] += "2026-01-01T01:00:05.2+01:00 four\n"
    assert [line.text for line in reader.more()] == ["four"]


class TestDetailsOfProcesses(DetailsContract):
    @pytest.fixture
    def details(self, tmp_path: Path) -> Iterator[ProcessInstances]:
        made = ProcessInstances(tmp_path, Archives(tmp_path / "artifacts"), tmp_path, Ports(()))
        yield made
        processes.end_all(made._shims)
        remove(tmp_path / "artifacts")

    @pytest.fixture
    def copy(self, details: ProcessInstances) -> str:
        archive = details._archives.pack(processes.tar_of({"web.py": WEB}))
        run = RunConfiguration(
            ServiceKind.WEB,
            ("python3", "-I", "-S", "web.py"),
            environment={"WHO": "${instance}"},
            readiness=Probe("/ready"),
        )
        version = ServiceVersion("web", "v1", "c" * 40, Artifact(archive), run)
        details.start(Placement("web-1", "production", {}), version)

        def answers() -> bool:
            found = details.detail("web-1", Probe("/ready"))
            return found.memory_bytes is not None and not found.probe

        until(answers, 20.0, "it answers")
        return "web-1"


class TestRatesOfProxies(RatesContract):
    @pytest.fixture
    def unlooked(self) -> Rates:
        return TrafficMeter({})

    @pytest.fixture
    def traffic(self) -> Traffic:
        meter, bench = over_proxies()
        return Traffic(meter, bench.serve)
