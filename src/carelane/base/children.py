"""Waiting for a process by its descriptor: it cannot be mistaken for another that has its number later."""

import os
import select


def ends_within(pid: int, seconds: float) -> bool:
    """Whether process *pid* ends within *seconds*; one that is not there has. It is not waited for."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(handle)
