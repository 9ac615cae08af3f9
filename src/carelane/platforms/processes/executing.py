"""A command beside a process: in its folder, with its environment, for as long as it may take."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from carelane.base.children import ends_within
from carelane.base.errors import ConflictError, InputError
from carelane.delivery.looking import Beginning, Ran


def environment_of(pid: int, name: str) -> dict[str, str]:
    """The variables that process *pid* was started with.

    Raises:
        ConflictError: If it is gone.
    """
    try:
        parts = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        raise ConflictError(f"{name} has just ended") from None
    pairs = (os.fsdecode(part).partition("=") for part in parts if part)
    return {variable: value for variable, _, value in pairs}


class Commands:
    """The commands that run beside processes, until each has ended or all are ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._over = False

    def run(
        self, command: tuple[str, ...], folder: str, environment: Mapping[str, str], timeout_seconds: float
    ) -> Ran:
        """Run *command*; what it and its children still do after *timeout_seconds* ends.

        Raises:
            InputError: If it cannot be started.
            ConflictError: If all were ended: the server ends.
        """
        process = self._begun(command, folder, environment)
        said = [_Said(stream) for stream in (process.stdout, process.stderr) if stream is not None]
        ended = ends_within(process.pid, timeout_seconds)
        with self._lock:
            self._running.discard(process.pid)
            # What it left behind holds the pipes open; until it is waited for its number is its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        out, err = (each.text() for each in said)
        return Ran(code if ended else None, out, err, any(each.cut for each in said))

    def _begun(
        self, command: tuple[str, ...], folder: str, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._over:
                raise ConflictError("the server is ending: nothing is begun any more")
            try:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                raise InputError(f"cannot run {command[0]}: {error.strerror}") from None
            self._running.add(process.pid)
            return process

    def end(self) -> None:
        """End those that run, and begin none any more: a server that ends waits for who waits for them."""
        with self._lock:
            self._over = True
            for pid in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


class _Said:
    """The beginning of what comes over a pipe; the rest is read and dropped, so that nobody is held up."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._said = Beginning()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream as stream:
            while part := os.read(stream.fileno(), 1 << 16):
                self._said.add(part)

    def text(self) -> str:
        """What came until the pipe was closed."""
        self._thread.join(1.0)
        return self._said.text()

    @property
    def cut(self) -> bool:
        """Whether more came than is kept."""
        return self._said.cut
