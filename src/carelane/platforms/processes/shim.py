"""The shim: keeps one process running, its exit code, log, restarts and limits, with no server near.

Run as ``python -I -S shim.py FOLDER``; the folder holds all there is to know:

- ``spec.json``: what to run (written once, before the shim starts);
- ``status.json``: what is going on (written by the shim on every change, by rename);
- ``control.json``: what is asked, ``{"stop": true, "grace_seconds": 10}`` (written by the server;
  the shim looks when it gets SIGHUP, and once a second);
- ``child.json``: who the process is, written by itself before it becomes the program: whatever happens to
  the shim in that moment, the next one knows of it;
- ``run-N.log``: what the N-th run printed; ``run-N.log.1`` the part before, when it grew too long.

A shim that finds the process of an earlier shim alive adopts it: a killed shim harms nobody. The lock of
the folder is held by the new process too until it becomes the program, so the next shim cannot look
before it has said who it is. Only
the standard library's smallest modules are imported: a shim is one of many, and small (12 MiB).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATROL_SECONDS = 1.0
SETTLED_SECONDS = 60.0
BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_LONGEST_SECONDS = 30.0
LOGS_KEPT = 2
MARK_VARIABLE = "CARELANE_FOLDER"
"""In the environment of the process and so of all that it starts: whose they are."""
MARK = "\0"
"""On both sides of a hidden value's name in ``spec.json``: neither a variable nor an argument can hold it."""


def start_time(pid: int) -> int | None:
    """When process *pid* started, in clock ticks since boot; None where there is no such process.

    A zombie counts as gone: nothing of it runs.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def boot_id() -> str:
    """The name of this boot of the machine: a pid from another one means nothing."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def write_json(path: str, document: dict[str, Any]) -> None:
    """Replace the file at *path* in one step."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w") as file:
        json.dump(document, file)
    os.replace(temporary, path)


def read_json(path: str, *needed: str) -> dict[str, Any] | None:
    """The document at *path*, with the keys *needed*; None where there is none (yet), or a damaged one.

    Whoever starts shims sets damaged ones aside and makes them again (`base/json_files.py`).
    """
    try:
        with open(path) as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and all(key in document for key in needed) else None


def last_child(folder: str, status: dict[str, Any]) -> dict[str, Any] | None:
    """Who the process of the latest run is or was, with its boot and run; None where none ever was."""
    said = read_json(f"{folder}/child.json", "pid", "start", "boot", "run")
    if said is not None and said["run"] >= status["run"]:
        return said
    child = status.get("child")
    return dict(child, boot=status["shim"]["boot"], run=status["run"]) if child else said


def reveal(text: str, hidden: dict[str, str]) -> str:
    """*text* with the hidden values in their places."""
    for name, value in hidden.items():
        text = text.replace(f"{MARK}{name}{MARK}", value)
    return text


def group(leader: int, mark: bytes) -> list[int]:
    """Descriptors of the processes in the group of *leader* that carry *mark* in their environment.

    Once its leader is gone, a group's number may be another's: only the mark says whose a process is. Each
    descriptor is taken first, so that what is read belongs to it.
    """
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            handle = os.pidfd_open(int(name))
        except OSError:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                same = int(stat.read().rpartition(b")")[2].split()[2]) == leader
            if same:
                with open(f"/proc/{name}/environ", "rb") as environment:
                    same = mark in environment.read().split(b"\0")
        except OSError:
            same = False
        if same:
            found.append(handle)
        else:
            os.close(handle)
    return found


class Shim:
    """One process and its keeper."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        spec = read_json(f"{folder}/spec.json", "command", "folder", "environment")
        if spec is None:
            sys.exit(f"shim: no readable spec.json in {folder}")
        self.spec = spec
        known = read_json(f"{folder}/status.json", "run", "restarts", "recent", "shim", "child")
        self.status: dict[str, Any] = known or {"run": 0, "restarts": 0, "recent": 0}
        self.child: int | None = None
        self.handle: int | None = None
        self.ours = False
        self.began = 0.0
        self.due = 0.0
        self.kill_at: float | None = None
        self.stopping = False
        self.because = ""

    def say(self, phase: str) -> None:
        """Write down what is going on."""
        child = {"pid": self.child, "start": start_time(self.child)} if self.child else None
        if (phase, child) != (self.status.get("phase"), self.status.get("child")):
            self.status["since"] = time.time()
        self.status.update(
            phase=phase,
            shim={"pid": os.getpid(), "start": start_time(os.getpid()), "boot": boot_id()},
            child=child,
        )
        write_json(f"{self.folder}/status.json", self.status)

    # -- the process

    def adopt(self) -> bool:
        """Take over the process that an earlier shim left; False where there is none."""
        child = last_child(self.folder, self.status)
        if child is None or child["boot"] != boot_id():
            return False
        try:
            handle = os.pidfd_open(child["pid"])
        except OSError:
            return False
        if start_time(child["pid"]) != child["start"]:
            os.close(handle)
            return False
        self.child, self.handle, self.ours, self.began = child["pid"], handle, False, time.monotonic()
        self.status["run"] = child["run"]
        self.say("running")
        return True

    def launch(self) -> None:
        """Start the process anew."""
        self.status["run"] += 1
        run = self.status["run"]
        self.say("backoff")  # which run comes next, before anything of it can be there
        self.drop_logs(run - LOGS_KEPT)
        log = os.open(f"{self.folder}/run-{run}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        pid = os.fork()
        if pid == 0:
            self.become(log)
        os.close(log)
        self.child, self.handle, self.ours, self.began = pid, os.pidfd_open(pid), True, time.monotonic()
        self.because = ""
        self.say("running")

    def become(self, log: int) -> None:
        """In the child: turn into the process, or say in its log why not."""
        try:
            os.setsid()
            me = {"pid": os.getpid(), "start": start_time(os.getpid()), "boot": boot_id()}
            write_json(f"{self.folder}/child.json", dict(me, run=self.status["run"]))
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            nothing = os.open("/dev/null", os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            limits = self.spec.get("limits") or {}
            if limits.get("open_files"):
                resource.setrlimit(resource.RLIMIT_NOFILE, (limits["open_files"], limits["open_files"]))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.chdir(self.spec["folder"])
            hidden = self.read_secrets("hidden")
            environment = {key: reveal(value, hidden) for key, value in self.spec["environment"].items()}
            environment.update(self.read_secrets("secrets"))
            environment[MARK_VARIABLE] = self.folder
            command = [reveal(part, hidden) for part in self.spec["command"]]
            os.execvpe(command[0], command, environment)
        except BaseException as error:  # noqa: BLE001 - nothing may return from here
            said = " ".join(self.spec["command"]).replace(MARK, "")
            os.write(2, f"cannot start {said}: {error}\n".encode())
            os._exit(127)

    def read_secrets(self, kind: str) -> dict[str, str]:
        """The values of *kind* (``secrets``, ``hidden``) by name: read at each start, written nowhere."""
        values = {}
        for name, place in (self.spec.get(kind) or {}).items():
            if place.get("file"):
                with open(place["file"]) as file:
                    values[name] = file.read().rstrip("\r\n")
            elif place["variable"] in os.environ:
                values[name] = os.environ[place["variable"]]
            else:
                raise OSError(f"variable {place['variable']} is not set")
        return values

    def signal(self, number: int) -> None:
        """Signal the process and all that it started.

        Our own child keeps its number until we have waited for it, even dead. An adopted one is another's
        to wait for: its number may be anybody's by now, and only descriptors are sure.
        """
        if self.child is None or self.handle is None:
            return
        if self.ours:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child, number)
            return
        others = group(self.child, f"{MARK_VARIABLE}={self.folder}".encode())
        for handle in (self.handle, *others):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        for handle in others:
            os.close(handle)

    def ended(self) -> None:
        """What to do once the process has ended: note it, then stop, give up, or wait to start again."""
        code = None
        self.signal(signal.SIGKILL)  # what it leaves behind, while its number is still its own
        if self.ours and self.child is not None:
            code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        if self.handle is not None:
            os.close(self.handle)
        lived = time.monotonic() - self.began
        self.child = self.handle = self.kill_at = None
        self.status.update(exit_code=code, because=self.because, ended=time.time())
        if self.stopping or self.spec.get("once"):
            self.say("exited")
            sys.exit(0)
        self.status["restarts"] += 1
        self.status["recent"] = 1 if lived >= SETTLED_SECONDS else self.status["recent"] + 1
        pause = min(BACKOFF_FIRST_SECONDS * 2 ** (self.status["recent"] - 1), BACKOFF_LONGEST_SECONDS)
        self.due = time.monotonic() + pause
        self.say("backoff")

    def ended_unseen(self) -> None:
        """Count the end of a process that no shim saw: both are gone, and nobody knows its exit code."""
        self.status["restarts"] += 1
        self.status["recent"] += 1
        self.status.update(exit_code=None, because="")

    # -- the patrol

    def look(self) -> None:
        """See what is asked, what it uses, and how long its log is."""
        control = read_json(f"{self.folder}/control.json") or {}
        if control.get("stop") and not self.stopping:
            self.stopping = True
            if self.child is None:
                self.say("exited")
                sys.exit(0)
            self.signal(signal.SIGTERM)
            self.kill_at = time.monotonic() + control.get("grace_seconds", 10.0)
            self.say("stopping")
        self.write_again()
        if self.child is not None:
            self.watch_memory()
            self.rotate()
            if self.status["recent"] and time.monotonic() - self.began >= SETTLED_SECONDS:
                self.status["recent"] = 0
                self.say(self.status["phase"])

    def write_again(self) -> None:
        """Write what was damaged, and is set aside: here it is known."""
        if not os.path.exists(f"{self.folder}/spec.json"):
            write_json(f"{self.folder}/spec.json", self.spec)
        if not os.path.exists(f"{self.folder}/status.json"):
            self.say(self.status["phase"])

    def watch_memory(self) -> None:
        """End a process that uses more than its limit, as the kernel would."""
        limit = (self.spec.get("limits") or {}).get("memory_bytes")
        if not limit or self.because:
            return
        try:
            with open(f"/proc/{self.child}/statm", "rb") as statm:
                resident = int(statm.read().split()[1]) * resource.getpagesize()
        except OSError:
            return
        if resident > limit:
            self.because = f"memory: {resident} bytes resident, limit {limit}"
            self.signal(signal.SIGKILL)

    def rotate(self) -> None:
        """Put a log that has grown too long aside and let the process go on in the emptied file.

        What it prints between the last read and the emptying, microseconds, is lost (docs/limits.md).
        """
        path = f"{self.folder}/run-{self.status['run']}.log"
        limit = self.spec.get("log_bytes", 8 << 20)
        try:
            if os.stat(path).st_size <= limit:
                return
            source = os.open(path, os.O_RDWR)
        except OSError:
            return
        target = os.open(f"{path}.1", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        while chunk := os.read(source, 1 << 20):
            os.write(target, chunk)
        os.ftruncate(source, 0)
        os.close(source)
        os.close(target)

    def drop_logs(self, run: int) -> None:
        """Remove the logs of a run too long ago."""
        for name in (f"run-{run}.log", f"run-{run}.log.1"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.folder}/{name}")

    def run(self, wakeup: int) -> None:
        """Keep the process until it is to stop."""
        if not self.adopt():
            ran = last_child(self.folder, self.status) is not None
            if (self.spec.get("once") and ran) or self.asked_to_stop():
                self.say("exited")
                return
            if ran and self.status.get("phase") == "running":
                self.ended_unseen()
            self.launch()
        while True:
            poll = select.poll()
            poll.register(wakeup, select.POLLIN)
            if self.handle is not None:
                poll.register(self.handle, select.POLLIN)
            ready = {fd for fd, _ in poll.poll(int(self.patience() * 1000))}
            if wakeup in ready:
                os.read(wakeup, 512)
            if self.handle is not None and self.handle in ready:
                self.ended()
            self.look()
            now = time.monotonic()
            if self.kill_at is not None and self.child is not None and now >= self.kill_at:
                self.signal(signal.SIGKILL)
                self.kill_at = None
            if self.child is None and now >= self.due:
                self.launch()

    def asked_to_stop(self) -> bool:
        """Whether the stop came before this shim did."""
        return bool((read_json(f"{self.folder}/control.json") or {}).get("stop"))

    def patience(self) -> float:
        """How long there is nothing to do unless something happens."""
        until = [PATROL_SECONDS]
        if self.child is None:
            until.append(self.due - time.monotonic())
        if self.kill_at is not None:
            until.append(self.kill_at - time.monotonic())
        return max(0.0, min(until))


def main(folder: str) -> None:
    """Become the shim of *folder*."""
    os.umask(0o077)
    lock = os.open(f"{folder}/shim.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(0)  # another shim keeps this folder
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    Shim(folder).run(reading)


if __name__ == "__main__":
    main(sys.argv[1])
