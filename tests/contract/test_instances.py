"""The Instances port: in memory, and as real processes."""

import contextlib
import hashlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from carelane.base.errors import PlatformError
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.releases import (
    Artifact,
    Probe,
    RunConfiguration,
    SecretReference,
    ServiceKind,
    ServiceVersion,
)
from carelane.delivery.replicas.ports import Placement
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.instances import ProcessInstances
from carelane.platforms.processes.shim import start_time
from carelane.platforms.processes.tcp_ports import Ports
from tests.contract import processes
from tests.contract.instances import PLACE, InstancesContract, wait_for
from tests.fakes.instances import Behaviour, FakeInstances
from tests.fakes.releases import MIGRATING
from tests.fakes.releases import version as made_up
from tests.waiting import until

TELLING = """\
import hashlib, os, sys, time
print(*(hashlib.sha256(t.encode()).hexdigest() for t in (sys.argv[1], os.environ["URL"])))
time.sleep(60)
"""
PYTHON = ("python3", "-I", "-S", "-u")
WEB = """\
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sick = os.path.exists(sys.argv[1])
        self.send_response(500 if sick else 200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
FILES = {
    "forever.py": processes.FOREVER,
    "web.py": WEB,
    "tell.py": "import os, sys; print(*sys.argv[1:], os.environ['VERSION'], os.getcwd())\n",
    "secret.py": (
        "import hashlib, os; print(hashlib.sha256(os.environ['KEY'].encode()).hexdigest())\n"
        + processes.FOREVER
    ),
}


STRAYING = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid())
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


class TestFakeInstances(InstancesContract):
    @pytest.fixture
    def workloads(self) -> FakeInstances:
        return FakeInstances({"v2": Behaviour(migration_exit_code=3)})

    @pytest.fixture
    def version(self) -> ServiceVersion:
        return made_up("backend", "v1")

    @pytest.fixture
    def migrating(self) -> ServiceVersion:
        return made_up("backend", "v2", MIGRATING)


class TestProcessInstances(InstancesContract):
    @pytest.fixture
    def archives(self, tmp_path: Path) -> Iterator[Archives]:
        yield Archives(tmp_path / "artifacts")
        for path in (tmp_path / "artifacts").rglob("*"):
            path.chmod(0o755)

    @pytest.fixture
    def workloads(self, tmp_path: Path, archives: Archives) -> Iterator[ProcessInstances]:
        made = ProcessInstances(tmp_path / "environment", archives, tmp_path, Ports())
        yield made
        processes.end_all(made._shims)
        made._liveness._pool.shutdown()

    @pytest.fixture
    def version(self, archives: Archives) -> ServiceVersion:
        artifact = Artifact(archives.pack(processes.tar_of(FILES)))
        run = RunConfiguration(
            ServiceKind.WEB, (*PYTHON, "forever.py"), migrate=(*PYTHON, "-c", "raise SystemExit(3)")
        )
        return ServiceVersion("backend", "v1", "c" * 40, artifact, run)

    @pytest.fixture
    def migrating(self, version: ServiceVersion) -> ServiceVersion:
        return version

    def test_another_server_finds_what_runs_and_can_end_it(
        self, workloads: ProcessInstances, version: ServiceVersion, archives: Archives, tmp_path: Path
    ) -> None:
        workloads.start(PLACE, version)
        before = wait_for(workloads, ProcessPhase.RUNNING)
        other = ProcessInstances(tmp_path / "environment", archives, tmp_path, Ports())
        assert other.observe()[PLACE.instance].place == before.place
        other.stop(PLACE.instance, 1.0)
        wait_for(other, ProcessPhase.EXITED)

    def test_placeholders_are_filled_in(self, workloads: ProcessInstances, version: ServiceVersion) -> None:
        run = replace(
            version.run,
            migrate=(*PYTHON, "tell.py", "${services.backend.url}", "${port}", "${instance}", "$$1"),
            environment={"VERSION": "${version} of ${commit} in ${environment}"},
        )
        place = replace(PLACE, addresses={"services.backend.url": "http://127.0.0.1:1"})
        workloads.start(place, replace(version, run=run), run.migrate)
        seen = wait_for(workloads, ProcessPhase.EXITED)
        said = text(workloads)
        tree = workloads._archives.unpacked(version.artifact.archive)
        commit = "c" * 40
        assert said == (
            f"backend-1 | http://127.0.0.1:1 {seen.port} backend-1 $1 v1 of {commit} in production {tree}\n"
        )

    def test_an_unknown_placeholder_is_refused_and_nothing_is_left_behind(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        run = replace(version.run, environment={"URL": "${services.nobody.url}"})
        with pytest.raises(PlatformError, match="cannot fill in"):
            workloads.start(PLACE, replace(version, run=run))
        assert workloads.observe() == {}

    def test_a_lost_archive_is_refused_and_nothing_is_left_behind(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        lost = replace(version, artifact=Artifact("0" * 64))
        with pytest.raises(PlatformError, match="the archive 000000000000 is missing"):
            workloads.start(PLACE, lost)
        assert workloads.observe() == {}

    def test_a_secret_is_read_where_the_system_is_and_kept_nowhere(
        self, workloads: ProcessInstances, version: ServiceVersion, tmp_path: Path
    ) -> None:
        (tmp_path / "key").write_text("correct horse")
        run = replace(
            version.run, command=(*PYTHON, "secret.py"), secrets={"KEY": SecretReference(1, file="key")}
        )
        workloads.start(PLACE, replace(version, run=run))
        told = hashlib.sha256(b"correct horse").hexdigest()
        until(lambda: told in text(workloads), 10.0, "it has it")
        for path in (tmp_path / "environment").rglob("*"):
            assert path.is_dir() or b"correct horse" not in path.read_bytes()

    def test_the_url_of_a_database_of_ones_own_reaches_the_process_but_not_the_disk(
        self, workloads: ProcessInstances, version: ServiceVersion, tmp_path: Path
    ) -> None:
        url = "postgresql://clinic:correct-horse@elsewhere/clinic"
        (tmp_path / "url").write_text(url + "\n")
        run = replace(
            version.run,
            command=(*PYTHON, "-c", TELLING, "${backing.database.url}"),
            environment={"URL": "${backing.database.url}?sslmode=require"},
        )
        place = Placement(
            "backend-1", "production", {}, {"backing.database.url": SecretReference(1, file="url")}
        )
        workloads.start(place, replace(version, run=run))
        told = " ".join(hashlib.sha256(t.encode()).hexdigest() for t in (url, url + "?sslmode=require"))
        until(lambda: told in text(workloads), 10.0, "it has it")
        for path in (tmp_path / "environment").rglob("*"):
            assert path.is_dir() or b"correct-horse" not in path.read_bytes()

    def test_a_shim_that_was_killed_is_seen_and_replaced(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        workloads.start(PLACE, version)
        before = wait_for(workloads, ProcessPhase.RUNNING)
        status = workloads._shims.status(PLACE.instance)
        assert status is not None
        os.kill(status["shim"]["pid"], signal.SIGKILL)
        until(lambda: not workloads.observe()[PLACE.instance].supervised, 5.0, "it is seen")
        workloads.start(PLACE, version)
        until(lambda: workloads.observe()[PLACE.instance].supervised, 5.0, "it has another")
        assert workloads.observe()[PLACE.instance].place == before.place

    def test_what_an_instance_left_behind_is_gone_once_it_is_forgotten(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        """Also where its shim was killed with it, and nobody else has looked since."""
        straying = replace(version.run, command=(*PYTHON, "-u", "-c", STRAYING))
        workloads.start(PLACE, replace(version, run=straying))
        told = workloads._shims.folder(PLACE.instance) / "run-1.log"
        until(lambda: told.exists() and told.read_text().endswith("\n"), 5.0, "it says its pid")
        stray = int(told.read_text())
        status = workloads._shims.status(PLACE.instance)
        assert status is not None
        for each in (status["shim"]["pid"], status["child"]["pid"]):
            os.kill(each, signal.SIGKILL)
        until(lambda: not workloads._shims.running(status), 5.0, "both are gone")
        until(lambda: not workloads._shims.supervised(status), 5.0, "both are gone")
        assert start_time(stray) is not None
        workloads.forget(PLACE.instance)
        until(lambda: start_time(stray) is None, 5.0, "what it left is gone")

    def test_a_server_that_ended_between_folder_and_shim_leaves_an_instance_that_needs_a_start(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        """Else the engine would wait for it for ever: running, it never will be."""
        workloads._shims.write(PLACE.instance, workloads._spec(PLACE, version, None))
        seen = workloads.observe()[PLACE.instance]
        assert seen.phase is ProcessPhase.EXITED or not seen.supervised

    def test_what_was_written_down_but_never_started_can_be_stopped(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        workloads._shims.write(PLACE.instance, workloads._spec(PLACE, version, None))
        workloads.stop(PLACE.instance, 1.0)
        wait_for(workloads, ProcessPhase.EXITED)

    @pytest.mark.parametrize("shim", ["alive", "killed"])
    @pytest.mark.parametrize("text", ["", '{"run": ', "null"])
    @pytest.mark.parametrize("file", ["spec.json", "status.json", "control.json", "child.json"])
    def test_a_damaged_file_is_made_again_and_what_runs_goes_on(
        self, workloads: ProcessInstances, version: ServiceVersion, file: str, text: str, shim: str
    ) -> None:
        """By the next look and the start that it leads to; by a server that remembers nothing."""
        workloads.start(PLACE, version)
        before = wait_for(workloads, ProcessPhase.RUNNING)
        folder = workloads._shims.folder(PLACE.instance)
        status = workloads._shims.status(PLACE.instance)
        assert status is not None
        if shim == "killed":
            os.kill(status["shim"]["pid"], signal.SIGKILL)
            until(lambda: not workloads.observe()[PLACE.instance].supervised, 5.0, "it is seen")
        (folder / file).write_text(text)
        workloads._shims.forget(PLACE.instance)

        def mended() -> bool:
            seen = workloads.observe().get(PLACE.instance)
            if seen is None or not seen.supervised:
                with contextlib.suppress(PlatformError):  # the engine tries again too
                    workloads.start(PLACE, version)
            return seen is not None and seen.supervised and seen.phase is ProcessPhase.RUNNING

        until(mended, 10.0, "it is known again")
        seen = workloads.observe()[PLACE.instance]
        assert (seen.place, seen.port, seen.task_of) == (before.place, before.port, None)
        workloads.stop(PLACE.instance, 1.0)
        wait_for(workloads, ProcessPhase.EXITED)
        assert (folder / "control.json").read_text().startswith('{"stop"')

    @pytest.mark.parametrize("shim", ["alive", "killed"])
    def test_one_that_nobody_knows_any_more_and_whose_spec_is_damaged_can_be_ended(
        self, workloads: ProcessInstances, version: ServiceVersion, shim: str
    ) -> None:
        workloads.start(PLACE, version)
        wait_for(workloads, ProcessPhase.RUNNING)
        status = workloads._shims.status(PLACE.instance)
        assert status is not None
        if shim == "killed":
            os.kill(status["shim"]["pid"], signal.SIGKILL)
        (workloads._shims.folder(PLACE.instance) / "spec.json").write_text("")
        workloads._shims.forget(PLACE.instance)

        def ended() -> bool:
            workloads.stop(PLACE.instance, 1.0)
            return not workloads.any_running()

        until(ended, 10.0, "it has ended")

    def test_the_inner_ports_that_instances_were_told_can_be_asked(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        addresses = {
            "services.backend.url": "http://127.0.0.1:20017",
            "backing.database.url": "postgresql://",
        }
        workloads.start(Placement("backend-1", "production", addresses, generation=7), version)
        assert workloads.told_ports() == {"backend": 20017}
        spec = workloads._shims.spec("backend-1")
        assert spec is not None
        assert spec["born"] == 7

    def test_crashes_are_counted(self, workloads: ProcessInstances, version: ServiceVersion) -> None:
        run = replace(version.run, command=(*PYTHON, "-c", "raise SystemExit(4)"))
        workloads.start(PLACE, replace(version, run=run))
        until(
            lambda: (
                PLACE.instance in workloads.observe() and workloads.observe()[PLACE.instance].restarts >= 2
            ),
            10.0,
            "it has ended twice",
        )
        seen = workloads.observe()[PLACE.instance]
        assert seen.exit_code == 4
        assert seen.ends >= seen.restarts >= 2

    def test_liveness_is_unknown_until_it_answered_and_false_after_enough_failures(
        self, workloads: ProcessInstances, version: ServiceVersion, tmp_path: Path
    ) -> None:
        probe = Probe("/live", period_seconds=0.1, timeout_seconds=0.5, failures=2)
        run = replace(version.run, command=(*PYTHON, "web.py", str(tmp_path / "sick")), liveness=probe)
        workloads.start(PLACE, replace(version, run=run))
        wait_for(workloads, ProcessPhase.RUNNING)
        until(lambda: workloads.observe()[PLACE.instance].live is True, 10.0, "it lives")
        (tmp_path / "sick").touch()
        until(lambda: workloads.observe()[PLACE.instance].live is False, 10.0, "it no longer does")

    def test_an_ended_instances_log_stays_readable_after_it_was_forgotten(
        self, workloads: ProcessInstances, version: ServiceVersion
    ) -> None:
        run = replace(version.run, migrate=(*PYTHON, "-c", "print('last words')"))
        workloads.start(PLACE, replace(version, run=run), run.migrate)
        wait_for(workloads, ProcessPhase.EXITED)
        workloads.forget(PLACE.instance)
        assert "last words" in text(workloads)

    def test_going_down_ends_everything(self, workloads: ProcessInstances, version: ServiceVersion) -> None:
        names = ["backend-1", "backend-2"]
        for name in names:
            workloads.start(Placement(name, "production", {}), version)
        for name in names:
            wait_for(workloads, ProcessPhase.RUNNING, name)
        assert workloads.stop_all(10.0) == []
        assert workloads.observe() == {}


def text(workloads: ProcessInstances) -> str:
    """What the backend printed last."""
    return "".join(f"{line.instance} | {line.text}\n" for line in workloads.logs("backend").tail(10))
