"""A command in a terminal of a given width, as a person sees it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from tests.systems.system import ENVIRONMENT, System

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown(system: System, columns: int, *arguments: str, **environment: str) -> list[str]:
    """The lines that `carelane` prints into a terminal of *columns*, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    own = {**ENVIRONMENT, "TERM": "xterm-256color", **environment}
    command = [str(system.carelane), *arguments]
    with subprocess.Popen(command, cwd=system.folder, env=own, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        said = b""
        while part := _read(ours):
            said += part
    os.close(ours)
    return _ESCAPES.sub("", said.decode()).replace("\r", "").splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""  # whoever wrote has ended
