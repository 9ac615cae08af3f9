"""A command in a terminal of a given width, as a person sees it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from tests.systems.system import ENVIRONMENT, System

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Window:
    """`carelane` in a terminal: what it says so far, and keys for it."""

    def __init__(self, system: System, columns: int, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        own = {**ENVIRONMENT, "TERM": "xterm-256color"}
        # A terminal of its own, where Ctrl-C is heeded whoever runs the tests.
        own_terminal = ["env", "--default-signal=INT,HUP", "setsid", "--ctty"]
        command = [*own_terminal, str(system.carelane), *arguments]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            command, cwd=system.folder, env=own, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self._said = b""

    @property
    def text(self) -> str:
        """What it said, without colours."""
        return _ESCAPES.sub("", self._said.decode(errors="replace")).replace("\r", "")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def read_until(self, words: str | None, seconds: float = 20.0) -> str:
        """Read on until it has said *words*; None: until it has ended."""
        give_up = time.monotonic() + seconds
        while words is None or words not in self.text:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, give_up - time.monotonic()))
            assert ready, f"it did not say {words!r} within {seconds:g} s, but:\n{self.text}"
            try:
                part = os.read(self._ours, 1 << 16)
            except OSError:
                part = b""  # it has ended
            if not part:
                assert words is None, f"it ended without {words!r}, but:\n{self.text}"
                break
            self._said += part
        return self.text

    def end(self) -> int:
        """Read to its end; its exit code."""
        try:
            self.read_until(None)
        finally:
            os.close(self._ours)  # it is hung up on
            code = self.process.wait(10)
        return code


def shown(system: System, columns: int, *arguments: str) -> list[str]:
    """The lines that `carelane` prints into a terminal of *columns*."""
    window = Window(system, columns, *arguments)
    window.end()
    return window.text.splitlines()
