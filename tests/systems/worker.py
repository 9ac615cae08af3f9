"""A worker that says, in a file shared by all versions, when it works and when it ends."""

import os
import signal
import sys
import time

VERSION = os.environ["APP_VERSION"]
DIARY = os.environ["DIARY"]


def note(what: str) -> None:
    """Append a line in one write."""
    with open(DIARY, "a") as diary:  # noqa: PTH123 - as small as can be
        diary.write(f"{VERSION} {os.getpid()} {what}\n")


def end(*_: object) -> None:
    """Finish and leave."""
    note("ends")
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
note("begins")
while True:
    time.sleep(0.05)
