"""One server a state folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localhub.base.errors import ConflictError


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Holds the folder's lock.

    Raises:
        ConflictError: If another server has it.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"another localhub serves {state}", hint="stop it, or give another --state"
            ) from None
        yield
