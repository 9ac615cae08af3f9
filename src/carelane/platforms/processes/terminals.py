"""A command beside a process that somebody types into: over pipes, or in a terminal of its own."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping

from carelane.base.errors import InputError
from carelane.delivery.looking import Screen

CHUNK_BYTES = 64 << 10
OUT, ERR = 1, 2


class ProcessTerminal:
    """The Terminal port: *command* in *folder* with its *environment*; in a terminal if it has a *screen*."""

    def __init__(
        self, command: tuple[str, ...], folder: str, environment: Mapping[str, str], screen: Screen | None
    ) -> None:
        """Start it.

        Raises:
            InputError: If there is no such command.
        """
        self._typed, theirs = pty.openpty() if screen is not None else (-1, -1)
        if screen is not None:
            self.resize(screen)
        inside = {**environment, "TERM": screen.kind} if screen is not None else dict(environment)
        pipes = subprocess.PIPE if screen is None else theirs
        # The terminal becomes the session's own: Ctrl-C reaches what runs in it.
        own = ["setsid", "--ctty", "--"] if screen is not None else []
        try:
            self._process = subprocess.Popen(
                [*own, *command],
                cwd=folder,
                env=inside,
                stdin=pipes,
                stdout=pipes,
                stderr=pipes,
                start_new_session=screen is None,
            )
        except OSError as error:
            self._close_screen()
            raise InputError(f"cannot run {command[0]}: {error.strerror}") from None
        finally:
            if theirs >= 0:
                os.close(theirs)
        self._ended = os.pidfd_open(self._process.pid)
        self._streams = self._readable()
        os.set_blocking(self._input(), False)

    def _readable(self) -> dict[int, int]:
        """What is read, by descriptor: as which stream."""
        if self._typed >= 0:
            return {self._typed: OUT}
        process = self._process
        return {s.fileno(): k for s, k in ((process.stdout, OUT), (process.stderr, ERR)) if s is not None}

    def read(self) -> tuple[int, bytes] | None:
        """What is said next, and as which stream; None once the command has ended and all was said."""
        while self._streams:
            poll = select.poll()
            for descriptor in (*self._streams, self._ended):
                poll.register(descriptor, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll()}
            for descriptor in [each for each in self._streams if each in ready]:
                said = _read(descriptor)
                if said:
                    return self._streams[descriptor], said
                del self._streams[descriptor]
            if self._ended in ready and not ready & set(self._streams):
                return None  # what it left behind may hold the other ends for ever
        # It has closed all that it says something on, and may have work to do.
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        poll.poll()
        return None

    def write(self, typed: bytes) -> None:
        """Type it; what nobody reads any more is dropped."""
        descriptor = self._input()
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        poll.register(self._ended, select.POLLIN)
        with contextlib.suppress(BrokenPipeError):
            while typed and descriptor >= 0 and self._ended not in dict(poll.poll()):
                with contextlib.suppress(BlockingIOError):
                    typed = typed[os.write(descriptor, typed) :]

    def _input(self) -> int:
        stream = self._process.stdin
        if self._typed >= 0 or stream is None or stream.closed:
            return self._typed
        return stream.fileno()

    def end_input(self) -> None:
        """Nothing more is typed; in a terminal the person says that by typing it."""
        stream = self._process.stdin
        if self._typed < 0 and stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def resize(self, screen: Screen) -> None:
        """The person's terminal has another size now."""
        if self._typed >= 0:
            with contextlib.suppress(OSError):
                size = struct.pack("HHHH", screen.rows, screen.columns, 0, 0)
                fcntl.ioctl(self._typed, termios.TIOCSWINSZ, size)

    def end(self) -> None:
        """End it, and all of its group; one that has only just begun has none yet."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._ended, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> int:
        """End it, and hang up on what else runs in its terminal; its exit code, below zero for a signal."""
        self.end()
        code = self._process.wait()
        os.close(self._ended)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._close_screen()
        return code

    def _close_screen(self) -> None:
        if self._typed >= 0:
            os.close(self._typed)
            self._typed = -1


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, CHUNK_BYTES)
    except OSError:
        return b""  # a terminal whose other end is closed
