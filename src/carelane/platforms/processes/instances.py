"""The Instances port: instances as processes under shims, in folders that outlive the server."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from carelane.base import json_files
from carelane.base.errors import ConflictError, PlatformError
from carelane.delivery import names
from carelane.delivery.looking import CopyDetail, CopyEnd, LogsWanted, Ran, Screen
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.placeholders import Placeholders
from carelane.delivery.releases import Probe, SecretReference, ServiceVersion
from carelane.delivery.replicas.ports import Placement
from carelane.delivery.replicas.seen import InstanceSeen
from carelane.platforms.processes import executing, identities
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.liveness import LivenessProber, wrong_with
from carelane.platforms.processes.logs import FileLogReader, Printed
from carelane.platforms.processes.shim import MARK
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import Ports
from carelane.platforms.processes.terminals import ProcessTerminal

log = structlog.get_logger()
ENDED_KEPT = 20
GRACE_SECONDS = 10.0
"""What runs though it is not to has so long to end by itself."""
SPEC: json_files.Kinds = {"once": bool, "port": int, "service": str, "label": str}
ALSO: json_files.Kinds = {"addresses": dict, "born": int, "liveness": dict | None, "limits": dict}
"""What an instance's spec says beside what every shim needs."""
_INNER = re.compile(r"services\.(.+)\.url")


class ProcessInstances:
    """One environment's instances on this machine."""

    def __init__(self, root: Path, archives: Archives, system: Path, ports: Ports) -> None:
        self._shims = Shims(root / "instances", SPEC, ALSO)
        self._ports = ports
        ports.heed(self._taken_ports)
        self._ended = root / "ended"
        self._ended.mkdir(parents=True, exist_ok=True)
        self._archives = archives
        self._system = system
        self._liveness = LivenessProber()
        self._commands = executing.Commands()

    # -- the port

    def start(
        self, placement: Placement, version: ServiceVersion, task: tuple[str, ...] | None = None
    ) -> None:
        """See to it that the instance runs under a shim."""
        known = self._shims.spec(placement.instance) or self._shims.ask_again(placement.instance)
        if known is None:
            self._shims.write(placement.instance, self._spec(placement, version, task))
        elif known["once"] is not (task is not None):
            there, asked = ("a task", "an instance") if known["once"] else ("an instance", "a task")
            raise PlatformError(f"{placement.instance} is {there} here already, and is to be {asked}")
        self._shims.ensure(placement.instance)

    def stop(self, instance: str, grace_seconds: float) -> None:
        """SIGTERM now, SIGKILL after *grace_seconds*."""
        self._shims.stop(instance, grace_seconds)

    def observe(self) -> Mapping[str, InstanceSeen]:
        """What the shims wrote, checked against the processes that run."""
        names = self._shims.names()
        self._liveness.forget(set(names))
        return {name: self._seen(name) for name in names}

    def forget(self, instance: str) -> None:
        """Put the folder of an ended instance aside; the newest twenty of a service stay readable."""
        if not self._shims.over(instance):
            self.stop(instance, GRACE_SECONDS)
            return
        folder = self._shims.folder(instance)
        self._shims.end_left_behind(instance)
        self._shims.forget(instance)
        if folder.exists():
            shutil.rmtree(self._ended / instance, ignore_errors=True)
            folder.rename(self._ended / instance)
            os.utime(self._ended / instance)
        service = _service(instance)
        of_service = (path for path in self._ended.iterdir() if _service(path.name) == service)
        for old in sorted(of_service, key=lambda path: path.stat().st_mtime)[:-ENDED_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    # -- for logs, and for going up and down

    def told_ports(self) -> Mapping[str, int]:
        """The inner port of each web service that the instances here were told of."""
        specs = [spec for name in self._shims.names() if (spec := self._shims.spec(name)) is not None]
        told = [address for spec in specs for address in spec.get("addresses", {}).items()]
        found = ((_INNER.fullmatch(name), urlsplit(address).port) for name, address in told)
        return {match[1]: port for match, port in found if match is not None and port is not None}

    def any_running(self) -> bool:
        """Whether something runs here."""
        return any(self._shims.running(self._shims.status(name)) for name in self._shims.names())

    def logs(self, service: str, wanted: LogsWanted = LogsWanted()) -> FileLogReader:  # noqa: B008 - frozen
        """The logs of *service*: of the instances that are there, else of the last that was.

        Where some are *wanted*, of those, whether they have ended or not.
        """

        def look() -> dict[str, Printed]:
            found = self._printed(service)
            return {name: printed for name, printed in found.items() if _is_wanted(wanted, name, printed)}

        found = look()
        there = [name for name, printed in found.items() if not printed.ended]
        shown = list(found) if wanted.narrow else there or list(found)[-1:]
        return FileLogReader(look, shown, wanted.previous)

    def printing(self, service: str) -> Mapping[str, bool]:
        """What of *service* can be read, and whether it has ended."""
        return {name: printed.ended for name, printed in self._printed(service).items()}

    def _printed(self, service: str) -> dict[str, Printed]:
        """By instance of *service*, where its logs are; those that ended come first, the latest last."""
        by_age = sorted(self._ended.iterdir(), key=lambda path: path.stat().st_mtime)
        there = [self._shims.folder(name) for name in self._shims.names()]
        found = [*((folder, True) for folder in by_age), *((folder, False) for folder in there)]
        printed = {}
        for folder, ended in found:
            spec = json_files.read(folder / "spec.json", SPEC, ALSO)
            if spec is not None and spec["service"] == service:
                printed[folder.name] = Printed(folder, ended, spec["label"])
        return printed

    def detail(self, copy: str, readiness: Probe | None) -> CopyDetail:
        """How an instance ended before, what its probe says now, and what it uses."""
        spec, status = self._shims.spec(copy), self._shims.status(copy)
        if spec is None or status is None:
            return CopyDetail()
        running = self._shims.running(status)
        return CopyDetail(
            tuple(_end(end) for end in status.get("ends", [])),
            wrong_with(spec["port"], readiness) if running else "it does not run",
            identities.resident_bytes(status["child"]) if running else None,
        )

    def may_run(self, copy: str) -> None:
        """Beside what runs, any command may."""
        self._around(copy)

    def run(self, copy: str, command: tuple[str, ...], timeout_seconds: float) -> Ran:
        """Run *command* beside an instance."""
        folder, environment = self._around(copy)
        return self._commands.run(command, folder, environment, timeout_seconds)

    def open(self, copy: str, command: tuple[str, ...], screen: Screen | None) -> ProcessTerminal:
        """Run *command* beside an instance, to be typed into."""
        folder, environment = self._around(copy)
        return ProcessTerminal(command, folder, environment, screen)

    def _around(self, copy: str) -> tuple[str, Mapping[str, str]]:
        """The folder and the environment of an instance that runs; raises ConflictError."""
        spec, status = self._shims.spec(copy), self._shims.status(copy)
        if spec is None or status is None or not self._shims.running(status):
            raise ConflictError(f"{copy} does not run", hint="`carelane env show` lists what does")
        return spec["folder"], executing.environment_of(status["child"]["pid"], copy)

    def interrupt(self) -> None:
        """End the commands that somebody waits for."""
        self._commands.end()

    def stop_all(self, timeout_seconds: float) -> list[str]:
        """End everything; the names of what still runs after *timeout_seconds*."""
        names = self._shims.names()
        left = self._shims.end(names, GRACE_SECONDS, timeout_seconds)
        for name in set(names) - set(left):
            try:
                self.forget(name)
            except (OSError, PlatformError) as error:  # it has ended, and keeps no other from being put aside
                log.error("what has ended cannot be put aside", name=name, error=str(error))  # noqa: TRY400
        return left

    # -- how

    def _seen(self, name: str) -> InstanceSeen:
        spec, status = self._shims.spec(name), self._shims.status(name)
        port = spec["port"] if spec else None
        task_of = names.task_of(name) if spec is None else spec["service"] if spec["once"] else None
        if status is None:
            return InstanceSeen(ProcessPhase.BACKOFF, task_of, supervised=False, port=port)
        running = self._shims.running(status)
        # What is not known any more is to be started, which makes it known and disturbs nothing.
        supervised = self._shims.supervised(status) and spec is not None
        phase = ProcessPhase(status["phase"])
        if not running and not (supervised and phase is ProcessPhase.BACKOFF):
            # The process has ended; a shim that has not noticed yet will say what comes next.
            phase = (
                ProcessPhase.BACKOFF
                if supervised and phase is not ProcessPhase.EXITED
                else ProcessPhase.EXITED
            )
        pid = status["child"]["pid"] if running and status["child"] else None
        return InstanceSeen(
            phase=phase,
            task_of=task_of,
            supervised=supervised,
            restarts=status["recent"],
            ends=status["restarts"],
            exit_code=status.get("exit_code"),
            running_seconds=identities.age_seconds(status["child"]) if running else 0.0,
            port=port,
            place=_place(pid, port),
            live=self._live(name, spec, pid) if phase is ProcessPhase.RUNNING else None,
        )

    def _live(self, name: str, spec: dict[str, Any] | None, pid: int | None) -> bool | None:
        if spec is None or pid is None or not spec.get("liveness"):
            return None
        return self._liveness.live(name, pid, spec["port"], Probe(**spec["liveness"]))

    def _spec(
        self, placement: Placement, version: ServiceVersion, task: tuple[str, ...] | None
    ) -> dict[str, Any]:
        run = version.run
        status = self._shims.status(placement.instance)
        if status is not None and self._shims.running(status):
            port = _port_of(placement.instance, status["child"]["pid"])
        else:
            port = self._ports.choose()
        tree = self._archives.unpacked(version.artifact.archive)
        hidden = {name: f"{MARK}{name}{MARK}" for name in placement.secret_addresses}
        values = {
            **placement.addresses,
            **hidden,
            "port": str(port),
            "version": version.label,
            "commit": version.commit,
            "environment": placement.environment,
            "instance": placement.instance,
        }
        return {
            "command": [_filled(part, values, placement.instance) for part in task or run.command],
            "folder": str(tree / run.workdir),
            "environment": self._environment(version, values, placement.instance),
            "secrets": {name: self._place(reference) for name, reference in run.secrets.items()},
            "hidden": {name: self._place(at) for name, at in placement.secret_addresses.items()},
            "limits": asdict(run.limits),
            "once": task is not None,
            "addresses": {k: v for k, v in placement.addresses.items() if _INNER.fullmatch(k)},
            "born": placement.generation,
            "port": port,
            "service": version.service,
            "label": version.label,
            "liveness": asdict(run.liveness) if run.liveness and task is None else None,
        }

    def _place(self, reference: SecretReference) -> dict[str, Any]:
        """Where the shim finds a secret."""
        file = str(self._system / reference.file) if reference.file else None
        return {**asdict(reference), "file": file}

    def _environment(self, version: ServiceVersion, values: Mapping[str, str], name: str) -> dict[str, str]:
        path = os.environ.get("PATH", os.defpath)
        if version.artifact.dependencies is not None:
            path = f"{self._archives.dependencies(version.artifact.dependencies) / 'bin'}:{path}"
        base = {
            "PATH": path,
            "LANG": "C.UTF-8",
            "HOME": os.environ.get("HOME", "/"),
            "HOST": "127.0.0.1",
            "PORT": values["port"],
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        chosen = {key: _filled(value, values, name) for key, value in version.run.environment.items()}
        return {**base, **chosen}

    def _taken_ports(self) -> set[int]:
        specs = (self._shims.spec(name) for name in self._shims.names())
        return {spec["port"] for spec in specs if spec is not None}


def _service(name: str) -> str:
    """The service that an instance or a task is of."""
    return names.task_of(name) or name.rpartition("-")[0]


def _end(end: Mapping[str, Any]) -> CopyEnd:
    at = datetime.fromtimestamp(end["at"], UTC)
    return CopyEnd(at, end["exit_code"], end["lived"], end["because"])


def _place(pid: int | None, port: int | None) -> str:
    """Where a process is, for people; its pid only while it runs."""
    known = [] if pid is None else [f"pid {pid}"]
    return ", ".join([*known, *([] if port is None else [f"port {port}"])])


def _port_of(instance: str, pid: int) -> int:
    """Where a process listens whose spec was lost: by its own environment.

    Raises:
        PlatformError: If that does not say; one that has just begun has none of its own yet.
    """
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return next(int(each[5:]) for each in environment if each.startswith(b"PORT="))
    except (OSError, ValueError, StopIteration):
        raise PlatformError(f"{instance} runs, and nobody knows at which port") from None


def _filled(text: str, values: Mapping[str, str], name: str) -> str:
    try:
        return Placeholders(text).substitute(values)
    except (KeyError, ValueError) as error:
        known = ", ".join(sorted(values))
        raise PlatformError(f"{name}: cannot fill in {text!r}: {error}", hint=f"there are: {known}") from None


def _is_wanted(wanted: LogsWanted, name: str, printed: Printed) -> bool:
    if wanted.instance is not None and name != wanted.instance:
        return False
    if wanted.deployment is not None and names.task_of(name) is not None:
        return names.belongs_to(name, wanted.deployment)
    return wanted.label in {None, printed.label}
