"""Free ports on loopback, from below the range that outgoing connections take theirs from."""

import random
import socket

LOWEST, HIGHEST = 20_000, 29_999


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
