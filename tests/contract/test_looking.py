"""The Logs, Details and Rates ports: processes of this machine, and what their proxies counted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.delivery.looking import Rates
from carelane.delivery.names import task_of
from carelane.delivery.releases import Artifact, Probe, RunConfiguration, ServiceKind, ServiceVersion
from carelane.delivery.replicas.ports import Placement
from carelane.platforms.envoy.meter import TrafficMeter
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
