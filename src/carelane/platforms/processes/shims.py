"""Folders with a shim each: starting, stopping, and reading what the shims wrote."""

import fcntl
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TypeGuard

import structlog

from carelane.base import environment, json_files
from carelane.base.errors import PlatformError
from carelane.platforms.processes import identities, shim
from carelane.platforms.processes.shim import last_child

log = structlog.get_logger()
SHIM = Path(__file__).with_name("shim.py")
STATUS: json_files.Kinds = {
    **dict.fromkeys(("run", "restarts", "recent"), int),
    "phase": str,
    "since": float | int,
    "shim": {"pid": int, "start": float | int | None},
    "child": dict | None,
}
ALSO_OF_STATUS: json_files.Kinds = {"ends": list, "exit_code": int | None}
SPEC: json_files.Kinds = {"command": list, "folder": str, "environment": dict}
ASKED_SECONDS = 0.5
HUNG_SECONDS = 5.0
"""How long a shim may be stopped (SIGSTOP): then another takes its place."""
ENDING_SECONDS = 1.0
"""How long one that is killed is waited for."""
EXITED = "exited"
"""What a shim says last."""
_ONLY_TO_BE_ENDED = {"command": ["true"], "folder": "/", "environment": {}, "once": True}
"""For a process whose own spec is lost: its next shim adopts it, and never starts anything."""


class Shims:
    """The shims in the folders below *root*; instance, proxy and migration alike."""

    def __init__(
        self, root: Path, needed: json_files.Kinds = json_files.NONE, also: json_files.Kinds = json_files.NONE
    ) -> None:
        """*needed* is what a spec says beside what every shim needs; one that does not is damaged."""
        self.root = root
        self._needed, self._also = {**SPEC, **needed}, also
        root.mkdir(parents=True, exist_ok=True)
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._specs: dict[str, dict[str, Any]] = {}
        self._statuses = json_files.Remembered(STATUS, ALSO_OF_STATUS)
        self._stopped_since: dict[int, float] = {}

    def names(self) -> list[str]:
        """The folders that hold something."""
        self._reap()
        with os.scandir(self.root) as folders:
            return sorted(
                each.name
                for each in folders
                if os.path.exists(f"{each.path}/spec.json") or os.path.exists(f"{each.path}/status.json")  # noqa: PTH110 - of hundreds, every other second
            )

    def _reap(self) -> None:
        """Shims are our children while this server lives: those that ended are taken note of."""
        self._children = [each for each in self._children if each[1].poll() is None]

    def folder(self, name: str) -> Path:
        """Where *name* lives."""
        return self.root / name

    def spec(self, name: str) -> dict[str, Any] | None:
        """What *name* was told to run; None where it is unknown, or what was written down is damaged."""
        if name not in self._specs:
            spec = json_files.read(self.folder(name) / "spec.json", self._needed, self._also)
            if spec is None:
                return None
            self._specs[name] = spec
        return self._specs[name]

    def status(self, name: str) -> dict[str, Any] | None:
        """What its shim wrote last; None where it wrote nothing yet.

        A shim killed as its process began did not write of it; the process itself did.
        """
        status = self._statuses.read(self.folder(name) / "status.json")
        if status is not None and status["child"] is None and not self.supervised(status):
            child = last_child(str(self.folder(name)), status)
            this = (status["run"], status["shim"]["boot"])
            if child is not None and (child["run"], child["boot"]) == this:
                phase = "running" if identities.alive(status["shim"], child) else status["phase"]
                return {**status, "child": child, "phase": phase}
        return status

    def ask_again(self, name: str) -> dict[str, Any] | None:
        """What *name* was told to run, from its shim: it writes down again what is missing.

        None where no shim is there, or it does not do so in time: one of an earlier version never does.
        """
        status = self.status(name)
        if status is None or not self.supervised(status):
            return None
        give_up = time.monotonic() + ASKED_SECONDS
        while self.spec(name) is None and time.monotonic() < give_up:
            identities.send(status["shim"], signal.SIGHUP)
            time.sleep(0.01)
        return self.spec(name)

    def supervised(self, status: dict[str, Any] | None) -> bool:
        """Whether the shim that wrote *status* runs, and was not stopped for longer than a moment."""
        if status is None:
            return False
        seen = identities.state(status["shim"], status["shim"])
        return seen is not None and not self._hangs(status["shim"], seen)

    @staticmethod
    def _there(status: dict[str, Any] | None) -> TypeGuard[dict[str, Any]]:
        return status is not None and identities.alive(status["shim"], status["shim"])

    def _hangs(self, keeper: dict[str, Any], seen: bytes) -> bool:
        """Whether a shim has been seen stopped for so long that nobody is going to let it go on."""
        if seen != identities.STOPPED:
            self._stopped_since.pop(keeper["pid"], None)
            return False
        since = self._stopped_since.setdefault(keeper["pid"], time.monotonic())
        return time.monotonic() - since >= HUNG_SECONDS

    def _make_way(self, status: dict[str, Any] | None) -> None:
        """End a shim that hangs: it holds its folder's lock."""
        if not self._there(status):
            return
        log.error("a shim was stopped, and is replaced", pid=status["shim"]["pid"])
        identities.send(status["shim"], signal.SIGKILL)
        self._stopped_since.pop(status["shim"]["pid"], None)
        give_up = time.monotonic() + ENDING_SECONDS
        while self._there(status) and time.monotonic() < give_up:
            time.sleep(0.01)

    def running(self, status: dict[str, Any] | None) -> bool:
        """Whether the process that *status* speaks of runs."""
        return status is not None and identities.alive(status["shim"], status["child"])

    def write(self, name: str, spec: dict[str, Any]) -> None:
        """Make the folder of *name*, unless it is there."""
        folder = self.folder(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        json_files.write(folder / "spec.json", spec)
        self._specs[name] = spec

    def ensure(self, name: str) -> None:
        """See to it that *name* has a shim; one that is there and does not hang goes on undisturbed.

        Raises:
            PlatformError: If it cannot be started.
        """
        self._reap()
        status = self.status(name)
        if self.supervised(status):
            return
        self._make_way(status)
        json_files.make_way(self.folder(name) / "shim.lock")
        command = [sys.executable, "-I", "-S", str(SHIM), str(self.folder(name))]
        try:
            child = subprocess.Popen(
                command,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment.plain(*self._variables(name)),
            )
        except OSError as error:
            raise PlatformError(f"cannot start a shim for {name}: {error}") from error
        self._children.append((name, child))

    def _variables(self, name: str) -> list[str]:
        """Those of our own that *name* is given, by the shim, which reads them at each start."""
        spec = self.spec(name) or {}
        places = [place for kind in ("secrets", "hidden") for place in (spec.get(kind) or {}).values()]
        return [place["variable"] for place in places if place.get("variable")]

    def stop(self, name: str, grace_seconds: float) -> None:
        """Ask for an end; asking twice is asking once."""
        status = self.status(name)
        if self.spec(name) is None:
            if status is None:
                return
            if not self.supervised(status):
                self.write(name, _ONLY_TO_BE_ENDED)
        control = self.folder(name) / "control.json"
        if json_files.read(control, {"stop": bool, "grace_seconds": float | int}) is None:
            json_files.write(control, {"stop": True, "grace_seconds": grace_seconds})
            if status is not None and self.supervised(status):
                identities.send(status["shim"], signal.SIGHUP)
        if status is None or (not self.supervised(status) and status["phase"] != EXITED):
            self.ensure(name)  # whoever kept it is gone: what it left behind is found by another

    def started(self, name: str) -> float:
        """When the process of *name* started, in seconds since boot; infinity where it does not run."""
        status = self.status(name)
        if status is None or not self.running(status):
            return math.inf
        return float(status["child"]["start"]) / os.sysconf("SC_CLK_TCK")

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Signal the process of *name*, not its shim; False where it does not run."""
        status = self.status(name)
        return status is not None and self.running(status) and identities.send(status["child"], number)

    def wait_ended(self, names: list[str], timeout_seconds: float) -> list[str]:
        """Those of *names* of which something still runs after *timeout_seconds* at most."""
        give_up = time.monotonic() + timeout_seconds
        while True:
            left = [name for name in names if not self.over(name)]
            if not left or time.monotonic() > give_up:
                return left
            for name in left:
                self._see_to_an_end(name)
            time.sleep(0.05)

    def end(self, names: list[str], grace_seconds: float, timeout_seconds: float) -> list[str]:
        """Ask all of *names* for their end and wait for it; those that still run.

        What cannot be asked, and why not, is in the log, and keeps no other from ending.
        """
        for name in names:
            try:
                self.stop(name, grace_seconds)
            except (OSError, PlatformError) as error:
                log.error("it cannot be told to end", name=name, folder=str(self.root), error=str(error))  # noqa: TRY400
        return self.wait_ended(names, timeout_seconds)

    def _see_to_an_end(self, name: str) -> None:
        """Of a process that was told to end, and whose shim is gone or hangs, another sees to it."""
        status = self.status(name)
        coming = not self._there(status) and any(each == name for each, _ in self._children)
        if self.running(status) and not self.supervised(status) and not coming:
            self.ensure(name)

    def over(self, name: str) -> bool:
        """Whether nothing of *name* runs: neither its process nor a shim that starts it or ends what it left.

        One that has just been sent has not written anything yet; what was written may be lost.
        """
        self._reap()
        status, coming = self.status(name), any(each == name for each, _ in self._children)
        if status is None:
            return not coming and not self._locked(name)
        if self.running(status):
            return False
        return status["phase"] == EXITED or not (coming or self.supervised(status))

    def _locked(self, name: str) -> bool:
        """Whether a shim keeps the folder of *name*, whatever is written there."""
        try:
            with (self.folder(name) / "shim.lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def end_left_behind(self, name: str) -> None:
        """Kill what the process of *name*, which has ended, left behind, where its shim was gone before."""
        status = self.status(name)
        if status is not None and status["phase"] != EXITED and not self.supervised(status):
            shim.send(shim.marked(shim.mark_of(str(self.folder(name)))), signal.SIGKILL)

    def clear(self, name: str) -> None:
        """Remove the folder of *name*, which has ended."""
        self.forget(name)
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def forget(self, name: str) -> None:
        """Drop what is remembered of *name*; its folder is the caller's."""
        self._specs.pop(name, None)
        self._statuses.forget(self.folder(name) / "status.json")
