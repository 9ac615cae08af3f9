"""HTTP over a unix socket, by the standard library's client.

A socket's path may have 107 bytes, a checkout's can have more: the socket is reached through
its folder's descriptor, so that the length of the folder's name does not matter.
"""

import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address of *path* that fits into a socket address, valid within the block.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class UnixHTTPConnection(http.client.HTTPConnection):
    """An HTTP connection to the server behind the unix socket at *path*."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect; raises OSError where nobody listens."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with short_address(self._path) as address:
            self.sock.connect(address)


Answer = tuple[int, bytes]


class KeptConnection:
    """A kept-alive connection that is made anew once when the other side has closed it."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection]) -> None:
        self._connect = connect
        self._connection: http.client.HTTPConnection | None = None
        self._reused = False
        self._one_at_a_time = threading.Lock()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Status and body of GET *path*.

        Raises:
            OSError: If nobody answers in time.
            http.client.HTTPException: If the answer is not HTTP.
        """
        with self._one_at_a_time:
            try:
                return self._get(path, headers or {})
            except (OSError, http.client.HTTPException):
                reused = self._reused
                self.close()
                if not reused:
                    raise
            try:
                return self._get(path, headers or {})
            except (OSError, http.client.HTTPException):
                self.close()
                raise

    def _get(self, path: str, headers: dict[str, str]) -> Answer:
        self._reused = self._connection is not None
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        """Close it; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
