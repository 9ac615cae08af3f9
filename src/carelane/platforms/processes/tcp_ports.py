"""Free ports on loopback, from below the range that outgoing connections take theirs from."""

import contextlib
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

LOWEST, HIGHEST = 20_000, 29_999
REMEMBERED = 200
_LISTENING = "0A"


class Ports:
    """Chooses ports for all environments of a system together: no two of them get the same.

    A port that was chosen is not listened on yet, so the machine alone cannot say that it is taken.
    """

    def __init__(self, reserved: Iterable[int] = ()) -> None:
        self._reserved = set(reserved)
        self._chosen: deque[int] = deque(maxlen=REMEMBERED)  # until what they are for is written down
        self._known: list[Callable[[], set[int]]] = []
        self._one_at_a_time = threading.Lock()

    def heed(self, known: Callable[[], set[int]]) -> None:
        """From now on leave alone what *known* says is written down."""
        self._known.append(known)

    def reserve(self, port: int) -> None:
        """Leave *port* alone for good."""
        self._reserved.add(port)

    def choose(self) -> int:
        """A port that nobody listens on, nobody was given, and nobody will be given again soon.

        Raises:
            OSError: If there is none.
        """
        with self._one_at_a_time:
            taken = self._reserved.union(self._chosen, *(known() for known in self._known))
            port = free_port(taken)
            self._chosen.append(port)
            return port


def free_port(taken: set[int]) -> int:
    """A port nobody listens on and that is not *taken*.

    Raises:
        OSError: If there is none.
    """
    for port in random.sample(range(LOWEST, HIGHEST + 1), HIGHEST - LOWEST + 1):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST}")


def is_free(port: int) -> bool:
    """Whether *port* on loopback can be listened on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on *port*, as far as this user may know: ``python3 (pid 17)``, else another program."""
    wanted = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == _LISTENING:
                    wanted.add(f"socket:[{fields[9]}]")
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if str(descriptor.readlink()) in wanted:
                process = descriptor.parent.parent
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return "another program"
