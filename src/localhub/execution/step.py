"""Runs a step's shell as GitHub's runner does: its output a pipe, its input empty, and no terminal to ask at.

act gives a step a terminal. With that `git clone` of a private address waits at a prompt until the job's
limit, `ls` prints columns and node writes colours. What goes on in the background writes into the pipe as
before: somebody reads it, and keeps nothing. This file is copied to where jobs find it, so it needs nothing
but the standard library and its neighbour.
"""

import contextlib
import fcntl
import os
import select
import signal
import sys
import termios
import time

OUT, ERR = 1, 2
CHUNK = 1 << 16
READ_SECONDS = 0.3
"""act waits for the last that a step says only where it ends well; where not, it is given time to read."""


def run(command: list[str]) -> int:
    """Run *command* to its end, and tell what it says; its exit code, as a shell has it."""
    said, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(command, says)
    os.close(says)
    ended = os.pidfd_open(pid)
    poll = select.poll()
    for each in (said, ended):
        poll.register(each, select.POLLIN)
    whole = False
    while not any(each == ended for each, _ in poll.poll()):
        if not _told(said):
            poll.unregister(said)
            whole = True
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _tell_the_rest(said, whole=whole)
    return code if code >= 0 else 128 - code


def _become(command: list[str], says: int) -> None:
    """The child: without a terminal, what it says into the pipe, and none of what Python ignores ignored."""
    for each in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(each, signal.SIG_DFL)
    with contextlib.suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(terminal, termios.TIOCNOTTY)
        os.close(terminal)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(says, OUT)
    os.dup2(says, ERR)
    try:
        os.execvp(command[0], command)  # noqa: S606 - a step's own
    except OSError as error:
        os.write(ERR, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _told(said: int) -> bool:
    """Pass on what there is; False once there is nobody who could say more."""
    text = os.read(said, CHUNK)
    left = text
    while left:
        left = left[os.write(OUT, left) :]
    return bool(text)


def _tell_the_rest(said: int, *, whole: bool) -> None:
    """What it had said when it ended; who goes on in the background is read by nobody who matters."""
    while not whole and select.select([said], [], [], 0)[0]:
        whole = not _told(said)
    if whole or os.fork() != 0:
        return
    null = os.open(os.devnull, os.O_RDWR)
    for each in (0, OUT, ERR):
        os.dup2(null, each)
    while os.read(said, CHUNK):
        pass
    os._exit(0)


def main() -> int:
    """Run the step, then check what it wrote for others; as a shell says it."""
    code = run(sys.argv[1:])
    files = (os.environ.get(name, "") for name in ("GITHUB_OUTPUT", "GITHUB_ENV"))
    if any(os.path.exists(file) and os.path.getsize(file) for file in files):  # noqa: PTH110, PTH202 - it starts at every step
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - as above
        import file_commands  # type: ignore[import-not-found]

        wrong = file_commands.main()
        code = code or wrong
    if code:
        time.sleep(READ_SECONDS)
    return code


if __name__ == "__main__":
    sys.exit(main())
