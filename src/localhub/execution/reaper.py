"""Runs a command and ends all that it has started, where no sandbox does that: a process of its own.

Its descendants become its children when their parents end, in whatever session or group they are: so none
is left when the command has ended, when it is told to end (SIGTERM), or when the server dies.

    python -I -S reaper.py PARENT COMMAND ARGUMENT...
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from types import FrameType

PARENT_DIES, TAKE_ORPHANS = 1, 36
"""Of prctl(2): PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER."""


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:
        return []  # it has ended meanwhile
    return found + [each for child in found for each in _descendants(child)]


def _end_all() -> None:
    """Ends them again and again until none is left: some may be born while others are ended."""
    while True:
        for pid in _descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _told_to_end(_number: int, _frame: FrameType | None) -> None:
    _end_all()
    os._exit(128 + signal.SIGTERM)


def main(command: list[str], parent: int) -> int:
    """Runs the command; its exit code once all that it started has ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((TAKE_ORPHANS, 1), (PARENT_DIES, signal.SIGTERM)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    signal.signal(signal.SIGTERM, _told_to_end)
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    child = os.posix_spawn(command[0], command, os.environ, setsigdef=[signal.SIGTERM])
    while True:
        pid, status = os.wait()
        if pid == child:
            _end_all()
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], int(sys.argv[1])))
