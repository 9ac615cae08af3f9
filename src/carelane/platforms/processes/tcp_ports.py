"""Free ports on loopback, from below the range that outgoing connections take theirs from."""

import random
import socket
import threading
import time

LOWEST, HIGHEST = 20_000, 29_999
PROMISED_SECONDS = 60.0
_promised: dict[int, float] = {}
"""Ports that this server has just given to somebody who does not listen yet, and when."""
_choosing = threading.Lock()


def free_port(taken: set[int]) -> int:
    """A port nobody listens on, that is not *taken*, and was given to nobody in the last minute.

    Raises:
        OSError: If there is none.
    """
    with _choosing:
        now = time.monotonic()
        for port in [port for port, at in _promised.items() if now - at > PROMISED_SECONDS]:
            del _promised[port]
        for port in random.sample(range(LOWEST, HIGHEST + 1), HIGHEST - LOWEST + 1):
            if port not in taken and port not in _promised and is_free(port):
                _promised[port] = now
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
