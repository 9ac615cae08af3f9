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
before it has said who it is. What the process leaves behind ends with it, whatever session it went into:
it becomes a child of the shim, and carries a mark by which the next shim finds it. Only
the standard library's smallest modules are imported: a shim is one of many, and small (12 MiB).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
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
    from collections.abc import Callable
    from typing import Any

PATROL_SECONDS = 1.0
QUIET_PATROL_SECONDS = 2.0
"""Of what has run for a while and has printed nothing new: hundreds of shims look, most at nothing."""
SETTLED_SECONDS = 60.0
BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_LONGEST_SECONDS = 30.0
LOGS_KEPT = 2
ENDS_KEPT = 5
LOG_BYTES = 8 << 20
TIMES_BYTES = 64 << 10
SHORTEST_PATROL_SECONDS = 0.01
COPY_EVERY_SECONDS = 1.0
ENDING_SECONDS = 5.0
"""How long what was left behind is killed again and again, for it may have started more meanwhile."""
BE_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl: what loses its parent becomes a child of ours."""
MARK_VARIABLE = "CARELANE_FOLDER"
"""In the environment of the process and so of all that it starts: whose they are."""
FULL = (errno.ENOSPC, errno.EDQUOT)
SPARE, SPARE_BYTES = ".spare", 4096
AT_CURRENT, EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2."""
MARK = "\0"
"""On both sides of a hidden value's name in ``spec.json``: neither a variable nor an argument can hold it."""


def glance(pid: int) -> tuple[bytes, int] | None:
    """The state of process *pid*, and when it started, in clock ticks since boot; None where there is none.

    A zombie counts as gone: nothing of it runs. Hundreds are looked at again and again, so without a buffer.
    """
    try:
        stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fields = os.read(stat, 4096).rpartition(b")")[2].split()
        finally:
            os.close(stat)
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else (fields[0], int(fields[19]))


def start_time(pid: int) -> int | None:
    """When process *pid* started, in clock ticks since boot; None where there is no such process."""
    seen = glance(pid)
    return None if seen is None else seen[1]


def boot_id() -> str:
    """The name of this boot of the machine: a pid from another one means nothing."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def write_json(path: str, document: dict[str, Any]) -> None:
    """Replace the file at *path* in one step; on a full disk in the room that was kept for it."""
    text = json.dumps(document).encode()
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(text)
        make_way(path)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if error.errno not in FULL:
            raise
        write_in_spare(path, text)


def make_way(path: str) -> None:
    """Set a folder aside that stands where a file is to be."""
    if os.path.isdir(path):
        os.rename(path, f"{path}.damaged-{time.time_ns()}")


def keep_spare(path: str) -> None:
    """Lay down room for the document at *path*, to be written into when the disk is full."""
    with contextlib.suppress(OSError):
        spare = os.open(path + SPARE, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(spare, 0, SPARE_BYTES)
        finally:
            os.close(spare)


def write_in_spare(path: str, text: bytes) -> None:
    """Write over what is kept beside *path* and let the two change places: that takes no room."""
    spare = os.open(path + SPARE, os.O_WRONLY)
    try:
        os.pwrite(spare, text, 0)
        os.ftruncate(spare, len(text))
    finally:
        os.close(spare)
    if not os.path.exists(path):
        os.replace(path + SPARE, path)
        return
    places = (os.fsencode(path + SPARE), os.fsencode(path))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_CURRENT, places[0], AT_CURRENT, places[1], EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), f"{path} cannot change places with its spare")


def read_json(path: str, *needed: str) -> dict[str, Any] | None:
    """The document at *path*, with the keys *needed*; None where there is none (yet), or a damaged one.

    Whoever starts shims sets damaged ones aside and makes them again (`base/json_files.py`).
    """
    try:
        with open(path, opener=without_waiting) as file:
            document = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and all(key in document for key in needed) else None


def without_waiting(path: str, flags: int) -> int:
    """Open what may be a pipe by now."""
    return os.open(path, flags | os.O_NONBLOCK)


def last_child(folder: str, status: dict[str, Any]) -> dict[str, Any] | None:
    """Who the process of the latest run is or was, with its boot and run; None where none ever was."""
    said = read_json(f"{folder}/child.json", "pid", "start", "boot", "run")
    if said is not None and not (type(said["run"]) is type(said["pid"]) is int):
        said = None
    if said is not None and said["run"] >= status["run"]:
        return said
    child = status.get("child")
    return dict(child, boot=status["shim"]["boot"], run=status["run"]) if child else said


def reveal(text: str, hidden: dict[str, str]) -> str:
    """*text* with the hidden values in their places."""
    for name, value in hidden.items():
        text = text.replace(f"{MARK}{name}{MARK}", value)
    return text


def children(pid: int) -> list[int]:
    """The processes that *pid* is the parent of, whichever of its threads started them."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def handle_of(pid: int, holds: Callable[[int], bool]) -> int | None:
    """A descriptor of *pid* if it runs and *holds* is true of it: taken first, so that it is of this one."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    if start_time(pid) is not None and holds(pid):
        return handle
    os.close(handle)
    return None


def below() -> dict[int, int]:
    """Descriptors, by pid, of all that came from this process, in whatever group or session it is now."""
    found, known = {}, {os.getpid()}
    todo = children(os.getpid())
    while todo:
        pid = todo.pop()
        if pid in known:
            continue
        todo += children(pid)
        known.add(pid)
        handle = handle_of(pid, lambda each: parent(each) in known)
        if handle is not None:
            found[pid] = handle
    return found


def parent(pid: int) -> int | None:
    """Which process *pid* is a child of."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None


def mark_of(folder: str) -> bytes:
    """The mark of what the shim of *folder* has started."""
    return f"{MARK_VARIABLE}={folder}".encode()


def marked(mark: bytes) -> dict[int, int]:
    """Descriptors, by pid, of the processes that carry *mark* in their environment, but for this one."""

    def carries(pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/environ", "rb") as environment:
                return mark in environment.read().split(b"\0")
        except OSError:
            return False

    there = (int(name) for name in os.listdir("/proc") if name.isdigit())
    handles = ((pid, handle_of(pid, carries)) for pid in there if pid != os.getpid())
    return {pid: handle for pid, handle in handles if handle is not None}


def send(handles: dict[int, int], number: int, spared: Callable[[int], bool] = lambda _: False) -> None:
    """Signal the processes of these descriptors but those *spared*, and close them."""
    for pid, handle in handles.items():
        with contextlib.suppress(OSError):
            if not spared(pid):
                signal.pidfd_send_signal(handle, number)
        os.close(handle)


def copy_end(source: int, target: str, most: int) -> int:
    """Write the last *most* bytes of *source* to the file at *target*; how many are before them."""
    before = max(0, os.fstat(source).st_size - most)
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        at = before
        while at < before + most and (chunk := os.pread(source, min(1 << 20, before + most - at), at)):
            os.write(out, chunk)
            at += len(chunk)
    finally:
        os.close(out)
    return before


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
        self.inherited = last_child(folder, self.status) is not None
        self.child: int | None = None
        self.handle: int | None = None
        self.ours = False
        self.began = 0.0
        self.due = 0.0
        self.kill_at: float | None = None
        self.stopping = False
        self.because = ""
        self.patrol_seconds = PATROL_SECONDS
        self.log_seen = (time.monotonic(), 0)
        self.folder_seen = 0
        self.copied_at = -COPY_EVERY_SECONDS
        self.noted = (0, 0)

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
        log = self.open_log(run)
        pid = os.fork()
        if pid == 0:
            self.become(log)
        os.close(log)
        self.child, self.handle, self.ours, self.began = pid, os.pidfd_open(pid), True, time.monotonic()
        self.because = ""
        self.log_seen = (self.began, 0)
        self.say("running")

    def open_log(self, run: int) -> int:
        """Where the process prints to; nowhere, where the disk has no room for another file."""
        try:
            make_way(f"{self.folder}/run-{run}.log")
            return os.open(f"{self.folder}/run-{run}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            if error.errno not in FULL:
                raise
            return os.open("/dev/null", os.O_WRONLY)

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
            elif not place.get("optional"):
                raise OSError(f"variable {place['variable']} is not set")
        return values

    @property
    def mark(self) -> bytes:
        """By what is known whose a process is, whatever became of the shim that started it."""
        return mark_of(self.folder)

    def left(self) -> dict[int, int]:
        """Descriptors of all that the process started; of what an earlier shim kept only the mark tells."""
        found = below()
        for pid, handle in marked(self.mark).items() if self.inherited else ():
            if found.setdefault(pid, handle) != handle:
                os.close(handle)
        return found

    def signal(self, number: int) -> None:
        """Signal the process and all that it started once, in whatever group or session that is by now.

        Once: a second SIGTERM ends at once who is still finishing, Python's own exit among them.
        Our own child keeps its number until we have waited for it, even dead. An adopted one is another's
        to wait for: its number may be anybody's by now, and only descriptors are sure.
        """
        if self.child is None or self.handle is None:
            return
        if self.ours:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child, number)
            send(self.left(), number, spared=lambda pid: os.getpgid(pid) == self.child)
        else:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.handle, number)
            send(self.left(), number, spared=lambda pid: pid == self.child)

    def end_what_is_left(self) -> None:
        """Kill what the process left behind, until there is nothing more of it."""
        give_up = time.monotonic() + ENDING_SECONDS
        while time.monotonic() < give_up:
            handles = self.left()
            if not handles:
                return
            poll = select.poll()
            for handle in handles.values():
                poll.register(handle, select.POLLIN)
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            poll.poll(100)
            for handle in handles.values():
                os.close(handle)
            self.reap()

    def reap(self) -> None:
        """Wait for what became our child by losing its parent; the process itself is waited for elsewhere."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or (self.ours and found.si_pid == self.child):
                return
            os.waitpid(found.si_pid, 0)

    def ended(self) -> None:
        """What to do once the process has ended: note it, then stop, give up, or wait to start again."""
        code = None
        if self.ours and self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child, signal.SIGKILL)  # while its number is still its own
            code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        if self.handle is not None:
            os.close(self.handle)
        with contextlib.suppress(OSError):
            self.note_time(os.stat(f"{self.folder}/run-{self.status['run']}.log").st_size)
        lived = time.monotonic() - self.began
        self.child = self.handle = self.kill_at = None
        self.end_what_is_left()
        self.status.update(exit_code=code, because=self.because, ended=time.time())
        self.note_end(code, lived)
        if self.stopping or self.spec.get("once"):
            self.say("exited")
            sys.exit(0)
        self.status["restarts"] += 1
        self.status["recent"] = 1 if lived >= SETTLED_SECONDS else self.status["recent"] + 1
        pause = min(BACKOFF_FIRST_SECONDS * 2 ** (self.status["recent"] - 1), BACKOFF_LONGEST_SECONDS)
        self.due = time.monotonic() + pause
        self.say("backoff")

    def note_end(self, code: int | None, lived: float | None) -> None:
        """Keep the last few ends, for people; None is what nobody saw."""
        end = {"at": time.time(), "exit_code": code, "because": self.because, "lived": lived}
        self.status["ends"] = [*self.status.get("ends", []), end][-ENDS_KEPT:]

    def ended_unseen(self) -> None:
        """Count the end of a process that no shim saw: both are gone, and nobody knows its exit code."""
        self.status["restarts"] += 1
        self.status["recent"] += 1
        self.status.update(exit_code=None, because="")
        self.note_end(None, None)

    # -- the patrol

    def look(self, *, woken: bool) -> None:
        """See what is asked, what it uses, and how long its log is."""
        if woken or self.touched():
            self.see_what_is_asked()
            self.write_again()
        self.reap()
        if self.child is not None:
            self.watch_memory()
            self.rotate()
            if self.status["recent"] and time.monotonic() - self.began >= SETTLED_SECONDS:
                self.status["recent"] = 0
                self.say(self.status["phase"])

    def touched(self) -> bool:
        """Whether a file of the folder may have come, gone or been replaced since the last patrol.

        Times go in steps of some milliseconds: what is younger than a second may hide a second change.
        """
        at, before = os.stat(self.folder).st_mtime_ns, self.folder_seen
        self.folder_seen = at
        return at != before or time.time_ns() - at < 1_000_000_000

    def see_what_is_asked(self) -> None:
        """Begin to stop, once that is asked."""
        control = read_json(f"{self.folder}/control.json") or {}
        if not control.get("stop") or self.stopping:
            return
        self.stopping = True
        if self.child is None:
            self.say("exited")
            sys.exit(0)
        if self.status.get("told") != self.status["run"]:  # not by a shim that was killed since
            self.signal(signal.SIGTERM)
            self.status["told"] = self.status["run"]
        self.kill_at = time.monotonic() + control.get("grace_seconds", 10.0)
        self.say("stopping")

    def write_again(self) -> None:
        """Write what was damaged, and is set aside: here it is known."""
        if not os.path.exists(f"{self.folder}/spec.json"):
            write_json(f"{self.folder}/spec.json", self.spec)
        if not os.path.exists(f"{self.folder}/status.json"):
            self.say(self.status["phase"])

    def watch_memory(self) -> None:
        """End a process that uses more than its limit, as the kernel would."""
        limit = self.memory_limit()
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

        What it prints between the last read and the emptying, microseconds, is lost (docs/limits.md). What
        prints faster than its log can be put aside loses all but the last part of each second, and is looked
        at more often: no service fills the disk by what it says.
        """
        path = f"{self.folder}/run-{self.status['run']}.log"
        limit = self.spec.get("log_bytes", LOG_BYTES)
        now = time.monotonic()
        try:
            size = os.stat(path).st_size
            self.pace(size, limit, now)
            self.note_time(size)
            if size <= limit // 2:
                return
            source = os.open(path, os.O_RDWR | os.O_APPEND)
        except OSError:
            return
        try:
            lost = size
            if now - self.copied_at >= COPY_EVERY_SECONDS:
                self.copied_at = now
                with contextlib.suppress(OSError):  # a full disk: then it is all the more to be emptied
                    lost = copy_end(source, f"{path}.1", limit)
            os.ftruncate(source, 0)
            self.log_seen = (now, 0)
            self.put_times_aside(lost)
            if lost:
                with contextlib.suppress(OSError):
                    os.write(source, f"[carelane: {lost} bytes of this log were left out]\n".encode())
        finally:
            os.close(source)

    def note_time(self, size: int) -> None:
        """Write down by when the log had grown so far: by that a line's time is known."""
        run, before = self.noted
        if (run, size) == (self.status["run"], before):
            return
        self.noted = (self.status["run"], size)
        path = f"{self.folder}/run-{self.status['run']}.times"
        with contextlib.suppress(OSError):
            with open(path, "a") as times:
                times.write(f"{time.time():.1f} {size}\n")
                many = times.tell() > TIMES_BYTES
            if many:  # what is long ago is known less well
                with open(path) as times:
                    noted = times.readlines()
                self.write_times(path, noted[:-1:2] + noted[-1:])

    def put_times_aside(self, lost: int) -> None:
        """Keep what is known of a log that was put aside, without its first *lost* bytes."""
        path = f"{self.folder}/run-{self.status['run']}.times"
        with contextlib.suppress(OSError, ValueError):
            with open(path) as times:
                noted = [line.split() for line in times]
            kept = [f"{at} {int(size) - lost}\n" for at, size in noted if int(size) > lost]
            if kept:  # else nothing was put aside, and what was before is there still
                self.write_times(f"{path}.1", kept)
            os.unlink(path)

    @staticmethod
    def write_times(path: str, lines: list[str]) -> None:
        """Replace a file of times."""
        with open(f"{path}.part", "w") as times:
            times.writelines(lines)
        os.replace(f"{path}.part", path)

    def pace(self, size: int, limit: int, now: float) -> None:
        """Look again before the log can have grown by more than half of what it may have."""
        at, before = self.log_seen
        self.log_seen = (now, size)
        rate = max(0, size - before) / max(now - at, SHORTEST_PATROL_SECONDS)
        if rate:
            self.patrol_seconds = min(PATROL_SECONDS, max(SHORTEST_PATROL_SECONDS, limit / 2 / rate))
        else:
            settled = now - self.began >= SETTLED_SECONDS and not self.memory_limit()
            self.patrol_seconds = QUIET_PATROL_SECONDS if settled else PATROL_SECONDS

    def memory_limit(self) -> int | None:
        """How many bytes the process may have resident, which is looked at each second."""
        limit: int | None = (self.spec.get("limits") or {}).get("memory_bytes")
        return limit

    def drop_logs(self, run: int) -> None:
        """Remove the logs of a run too long ago."""
        for name in (f"run-{run}.{kind}{part}" for kind in ("log", "times") for part in ("", ".1")):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.folder}/{name}")

    def begin(self) -> bool:
        """Take over what runs, or start it; False where nothing is to run any more."""
        if self.adopt():
            return True
        if self.inherited:
            self.end_what_is_left()
        if (self.spec.get("once") and self.inherited) or self.asked_to_stop():
            self.say("exited")
            return False
        if self.inherited and self.status.get("phase") == "running":
            self.ended_unseen()
        self.launch()
        return True

    def run(self, wakeup: int) -> None:
        """Keep the process until it is to stop."""
        if not self.begin():
            return
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
            self.look(woken=bool(ready))
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
        until = [self.patrol_seconds]
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
    for name in ("status.json", "child.json"):
        keep_spare(f"{folder}/{name}")
    ctypes.CDLL(None).prctl(BE_SUBREAPER, 1, 0, 0, 0)
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    Shim(folder).run(reading)


if __name__ == "__main__":
    main(sys.argv[1])
