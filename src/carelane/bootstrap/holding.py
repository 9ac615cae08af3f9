"""The lock of the one server of a system."""

import fcntl
import os

from carelane.base.errors import ConflictError
from carelane.bootstrap.places import Places


def hold(places: Places) -> int:
    """Take the lock of the one server of this system; the descriptor holds it until the process ends.

    Raises:
        ConflictError: If another server has it.
    """
    places.prepare()
    lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise ConflictError(
            f"a server runs already for {places.system}",
            hint="`carelane status` asks it; `carelane down` ends it",
        ) from None
    return lock
