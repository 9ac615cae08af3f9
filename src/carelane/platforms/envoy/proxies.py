"""Who runs the proxies, and the process beside them: started, mended, and replaced one by one.

Two proxies a front door, for what listens twice on one port keeps listening when one of them is killed.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from importlib import resources as packages
from pathlib import Path
from typing import Any, Protocol

from carelane.base.environment import chosen
from carelane.delivery.replicas.seen import ProxyTrouble
from carelane.platforms.envoy import acceptance, resources
from carelane.platforms.envoy.admin import Admin
from carelane.platforms.envoy.documents import SOCKET
from carelane.platforms.envoy.published import replace, text_of

PROXIES = ("proxy-1", "proxy-2")
BESIDE = "discovery"
"""The process that tells the proxies what to do (`xds`)."""
PROCESSES = (*PROXIES, BESIDE)
HUNG_SECONDS = 5.0
"""How long a process may run and say nothing: then it hangs, and is ended, for its shim to start it again."""
LAST_LOOK_SECONDS = 0.5
LOOPS_AFTER = 3
DRAIN_SECONDS = 10.0
"""How long a proxy that is replaced has for the connections it still has."""


class Supervisor(Protocol):
    """Keeps processes running, with no server near."""

    def spec(self, name: str) -> dict[str, Any] | None:
        """What *name* was told to run."""
        ...

    def write(self, name: str, spec: dict[str, Any]) -> None:
        """Say what *name* is to run."""
        ...

    def folder(self, name: str) -> Path:
        """Where *name* runs."""
        ...

    def ensure(self, name: str) -> None:
        """See to it that *name* runs."""
        ...

    def status(self, name: str) -> dict[str, Any] | None:
        """What is written down of *name*: ``run``, ``phase``, ``recent`` ends, ``since``."""
        ...

    def running(self, status: dict[str, Any] | None) -> bool:
        """Whether the process that *status* speaks of runs."""
        ...

    def started(self, name: str) -> float:
        """When the process of *name* started, in seconds since boot; infinity where it does not run."""
        ...

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Signal the process of *name*; False where it does not run."""
        ...

    def stop(self, name: str, grace_seconds: float) -> None:
        """Ask for an end that lasts."""
        ...

    def clear(self, name: str) -> None:
        """Remove the folder of *name*, which has ended."""
        ...


@dataclass
class _Tended:
    """What is remembered of one process from look to look."""

    silent_since: float | None = None
    leaving_since: float | None = None


class Proxies:
    """One environment's proxies and the process beside them, which has a folder of its own, *beside*."""

    def __init__(self, keeper: Supervisor, beside: Path) -> None:
        self._keeper = keeper
        self.beside = beside
        self._tended = {name: _Tended() for name in PROCESSES}
        self.admins = {name: Admin(keeper.folder(name) / "admin.sock") for name in PROXIES}

    def begin(self) -> None:
        """Start what does not run; what runs goes on, and is replaced later where it is of another kind.

        Raises:
            PlatformError: If one cannot be started.
        """
        self.beside.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in PROCESSES:
            if not self._keeper.running(self._keeper.status(name)):
                self._prepare(name)
            self._keeper.ensure(name)

    def _prepare(self, name: str) -> None:
        """Write down what *name* is to run, if that is not what is written there."""
        wanted = self._spec(name)
        if name in PROXIES:
            self._keeper.folder(name).mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(self._keeper.folder(name) / "bootstrap.json", self._bootstrap(name))
        if _command(self._keeper.spec(name)) != wanted["command"]:
            self._keeper.write(name, wanted)

    def _spec(self, name: str) -> dict[str, Any]:
        folder = self._keeper.folder(name)
        if name == BESIDE:
            command = [sys.executable, "-m", "carelane.platforms.envoy.xds", str(self.beside)]
        else:
            envoy = str(packages.files("envoy") / "_bin" / "envoy")
            command = [envoy, "-c", "bootstrap.json", "--concurrency", "1"]
            command += ["--disable-hot-restart", "-l", "warn"]
        # Each connection is a descriptor: as many as this user may have, not a shell's few.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        limits = {"open_files": most} if most != resource.RLIM_INFINITY else {}
        return {
            "command": command,
            "folder": str(folder),
            "environment": chosen(("PATH", "PYTHONPATH")),
            "limits": limits,
        }

    def _bootstrap(self, name: str) -> str:
        socket = os.path.relpath(self.beside / SOCKET, self._keeper.folder(name))
        _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        return text_of(resources.bootstrap(name, socket, descriptors))

    def nudge(self) -> None:
        """Something was written: the process beside them looks at once (it does within a second anyway).

        One that has not spoken yet is still starting: it would not look, but end. One that somebody has
        stopped goes on: an emergency waits for no patrol.
        """
        if acceptance.spoken(self.beside) >= self._keeper.started(BESIDE):
            self._keeper.signal(BESIDE, signal.SIGCONT)
            self._keeper.signal(BESIDE, signal.SIGHUP)

    # -- of an earlier version

    def follows_files(self, name: str) -> bool:
        """Whether proxy *name* was started by a version that gave it files to follow."""
        written = self._written(name)
        return written is not None and b"ads_config" not in written

    def _written(self, name: str) -> bytes | None:
        """The bootstrap of proxy *name* as it is there; None where it cannot be read."""
        try:
            return (self._keeper.folder(name) / "bootstrap.json").read_bytes()
        except OSError:
            return None

    def _outdated(self, name: str) -> bool:
        if _command(self._keeper.spec(name)) != self._spec(name)["command"]:
            return True
        return name != BESIDE and self._written(name) != self._bootstrap(name).encode()

    # -- tending

    def tend(
        self,
        whole: AbstractSet[str],
        refusing: Mapping[str, str],
        answering: AbstractSet[str],
        asked_at: float,
    ) -> tuple[ProxyTrouble, ...]:
        """Look after all of them: who hangs is ended, who is of another version replaced, one at a time.

        Args:
            whole: The proxies that have taken everything; one of them is there before another goes.
            refusing: By proxy, what it alone refuses though the other took it, in words.
            answering: The proxies that have just answered.
            asked_at: When they were asked, by the monotonic clock: who does not answer is waited for.
        """
        speaking = {*answering, *((BESIDE,) if acceptance.fresh(self.beside) else ())}
        for name in PROCESSES:
            self._keeper.ensure(name)
        found = {
            name: why
            for name in PROCESSES
            if (why := self._wrong(name, name in speaking, asked_at)) is not None
        }
        hanging = [name for name in found if self._hangs(name)]
        found |= refusing
        for name in _to_end(hanging, refusing, whole):
            self._keeper.signal(name, signal.SIGKILL)
            self._tended[name] = _Tended()
        if not found:
            self._replace_one(whole)
        return tuple(ProxyTrouble(name, why) for name, why in found.items())

    def _wrong(self, name: str, speaks: bool, asked_at: float) -> str | None:
        """What is wrong with *name*, in words; None where nothing is."""
        status = self._keeper.status(name)
        tended = self._tended[name]
        ends = (status or {}).get("recent", 0)
        if not self._keeper.running(status) or speaks:
            tended.silent_since = None
        elif tended.silent_since is None:
            tended.silent_since = asked_at - self._silent_already(name)
        if ends >= LOOPS_AFTER:
            why = acceptance.last_words(self._keeper.folder(name))
            return f"has ended {ends} times in a row" + (f": {why}" if why else "")
        return f"has not answered for {HUNG_SECONDS:g} s" if self._hangs(name) else None

    def _silent_already(self, name: str) -> float:
        """For how many seconds it had been silent when it was first held to be, but for a last look."""
        ran = time.clock_gettime(time.CLOCK_BOOTTIME) - self._keeper.started(name)
        known = name == BESIDE and ran > acceptance.SILENT_SECONDS
        return HUNG_SECONDS - LAST_LOOK_SECONDS if known else 0.0

    def _hangs(self, name: str) -> bool:
        since = self._tended[name].silent_since
        return since is not None and time.monotonic() - since > HUNG_SECONDS

    def _replace_one(self, whole: AbstractSet[str]) -> None:
        """One step on the way to processes that are all of this version."""
        leaving = [name for name in PROXIES if self._tended[name].leaving_since is not None]
        outdated = [name for name in (BESIDE, *PROXIES) if self._outdated(name)]
        for name in (leaving or outdated)[:1]:
            if name == BESIDE:
                self._restart(name)
            elif whole - {name}:
                self._leave(name)

    def _leave(self, name: str) -> None:
        """Let proxy *name* go once its users have: every answer asks them to connect anew."""
        tended, admin = self._tended[name], self.admins[name]
        if tended.leaving_since is None:
            admin.post("/healthcheck/fail")
            tended.leaving_since = time.monotonic()
            return
        if time.monotonic() - tended.leaving_since > 1.0:
            admin.post("/drain_listeners")
        busy = admin.connections()
        if busy == 0 or time.monotonic() - tended.leaving_since > DRAIN_SECONDS:
            self._tended[name] = _Tended()
            self._restart(name)

    def _restart(self, name: str) -> None:
        """End *name* for good and start what it is to be now."""
        self._keeper.stop(name, 2.0)
        give_up = time.monotonic() + 3.0
        while self._keeper.running(self._keeper.status(name)) and time.monotonic() < give_up:
            time.sleep(0.02)
        self._keeper.clear(name)
        self._prepare(name)
        self._keeper.ensure(name)


def _to_end(hanging: list[str], refusing: Iterable[str], whole: AbstractSet[str]) -> list[str]:
    """Who is ended now: one at a time while another is whole, all where both proxies hang: nobody is there.

    The process beside them first: without it a proxy that starts again knows nothing.
    """
    if set(PROXIES) <= set(hanging):
        return hanging
    first = sorted([*hanging, *refusing], key=lambda name: name != BESIDE)[:1]
    return [name for name in first if name == BESIDE or whole - {name}]


def _command(spec: Mapping[str, Any] | None) -> list[str] | None:
    return None if spec is None else list(spec["command"])
