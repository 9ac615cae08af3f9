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

PARENT_DIES, TAKE_ORPHANS = 1, 36
"""Of prctl(2): PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER."""
TOLD, SOMEBODY_ENDED = signal.SIGTERM, signal.SIGCHLD
AGAIN_SECONDS = 0.05
"""Between two looks at who is left: the kernel's list may lack somebody while others end."""


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
        left, kept = _descendants(os.getpid()), 0
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            except PermissionError:  # somebody else's, by a program that becomes another user
                kept += 1
        if kept and kept == len(left):
            return
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait({SOMEBODY_ENDED}, AGAIN_SECONDS)


def _ended(child: int) -> int | None:
    """The exit code of *child*, once it has one; of the others that have ended none is kept."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if not pid:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status) & 0xFF


def main(command: list[str], parent: int) -> int:
    """Runs the command; its exit code once all that it started has ended.

    Signals are waited for and never handled: a server that is killed says so once a thread, at any moment,
    and what is interrupted in the middle, by itself, may raise.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {TOLD, SOMEBODY_ENDED})
    signal.signal(SOMEBODY_ENDED, signal.SIG_DFL)  # who ignores it is told of nobody's end
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((TAKE_ORPHANS, 1), (PARENT_DIES, signal.SIGTERM)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        return 128 + TOLD
    child = os.posix_spawn(command[0], command, os.environ, setsigmask=[], setsigdef=[TOLD])
    while True:
        told = signal.sigwait({TOLD, SOMEBODY_ENDED}) == TOLD
        code = _ended(child)
        if code is None and told:
            code = 128 + TOLD
        if code is not None:
            _end_all()
            return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], int(sys.argv[1])))
