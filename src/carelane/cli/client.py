"""Speaking to the server of the system one stands in."""

import contextlib
import http.client
import json
import os
import secrets
import select
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from carelane.base.acknowledging import ACKNOWLEDGED
from carelane.base.errors import (
    BY_EXIT_CODE,
    CarelaneError,
    NotFoundError,
    PlatformError,
    RefusedError,
    Stuck,
    Unavailable,
)
from carelane.base.unix_http import UnixHTTPConnection

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

FILE = "carelane.yaml"
SOCKET = Path(".carelane", "run", "api.sock")
"""Where a system's server listens, from the system's folder."""
_CREDENTIALS = struct.Struct("3i")
PATIENCE_SECONDS = 900.0
"""For an answer that takes its time, a release's dependencies for one."""
REACHABLE_SECONDS = 5.0
"""For a sign of life: within this time a server that is well answers what it can answer at once."""


def find_system(directory: str) -> Path:
    """The folder with carelane.yaml at or above *directory*, or with a server's socket.

    A server that runs is asked whatever became of the file: an emergency needs none.

    Raises:
        NotFoundError: If there is none.
    """
    here = Path(directory).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file() or _listens(folder):
            return folder
    raise NotFoundError(
        f"no {FILE} in {here} or above it", hint="go to your system's folder, or name it with -C FOLDER"
    )


def _listens(folder: Path) -> bool:
    try:
        return (folder / SOCKET).is_socket()
    except PermissionError:  # another user's
        return False


class Client:
    """One conversation with the server: of the system one stands in, or of the socket in CARELANE_SERVER.

    With CARELANE_TOKEN it is the token's bearer who asks; else the user, whom the kernel names.
    """

    def __init__(self, directory: str, reachable_seconds: float | None = None) -> None:
        self._reachable_seconds = REACHABLE_SECONDS if reachable_seconds is None else reachable_seconds
        self._token = os.environ.get("CARELANE_TOKEN")
        named = os.environ.get("CARELANE_SERVER")
        if named:
            self.system, self.socket = Path(directory).resolve(), Path(named)
        else:
            self.system = find_system(directory)
            self.socket = self.system / SOCKET

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON is of any shape
        """The answer to GET; raises the error that the server tells of."""
        return self._ask("GET", path, None, query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON is of any shape
        """The answer to POST, under a fresh idempotency key."""
        return self._ask("POST", path, body or {})

    def lines(self, path: str, **query: object) -> Iterator[str]:
        """The answer to GET, line by line as it comes."""
        connection = self._connect()
        try:
            connection.request("GET", f"/api/v1{_with(path, query)}", headers=self._bearing())
            self._await_answer(connection)
            response = connection.getresponse()
            if response.status >= 400:
                raise _told(response.status, response.read())
            for line in response:
                yield line.decode(errors="replace").rstrip("\n")
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    @contextlib.contextmanager
    def socket_to(self, path: str, query: list[tuple[str, str]]) -> "Iterator[ClientConnection]":
        """A WebSocket to *path*.

        Raises:
            RefusedError: If whoever asks may not have one.
            Unavailable: If no server answers.
        """
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect
        from websockets.typing import Subprotocol

        connection = self._connect()
        address = f"ws://localhost/api/v1{quote(path)}?{urlencode(query)}"
        try:
            connection.connect()
            opened = connect(
                address,
                sock=connection.sock,
                additional_headers=self._bearing(),
                compression=None,
                max_size=None,
                ping_interval=None,
                open_timeout=self._reachable_seconds,
                subprotocols=[Subprotocol(ACKNOWLEDGED)],
            )
        except InvalidStatus as error:
            connection.close()
            raise RefusedError(
                f"the server refused it ({error.response.status_code})",
                hint="what is typed into is a person's, by the server's own socket",
            ) from None
        except (OSError, WebSocketException) as error:
            connection.close()
            raise self._silent(error) from error
        with opened as socket:
            yield socket

    def answers(self) -> bool:
        """Whether a server is there and well.

        Raises:
            Unavailable: If one is there, but gives no sign of life.
        """
        try:
            self.get("/system")
        except Stuck:
            raise
        except CarelaneError:
            return False
        return True

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None, query: dict[str, object] | None = None
    ) -> Any:  # noqa: ANN401 - JSON is of any shape
        headers = {"Content-Type": "application/json", **self._bearing()}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(8)
        connection = self._connect()
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1{_with(path, query or {})}", payload, headers)
            self._await_answer(connection)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()
        if status >= 400:
            raise _told(status, text)
        return json.loads(text)

    def _bearing(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _connect(self, timeout_seconds: float = PATIENCE_SECONDS) -> UnixHTTPConnection:
        return UnixHTTPConnection(self.socket, timeout_seconds)

    def _await_answer(self, connection: UnixHTTPConnection) -> None:
        """Wait until the answer begins, as long as the server gives signs of life meanwhile.

        Raises:
            Stuck: If it gives none.
        """
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        while not poll.poll(self._reachable_seconds * 1000):
            if not self._lives():
                raise _stuck(connection, self.system)

    def _lives(self) -> bool:
        beside = self._connect(self._reachable_seconds)
        try:
            beside.request("GET", "/api/v1/system", headers=self._bearing())
            return beside.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            beside.close()

    def _silent(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"no server answers for {self.system} ({error.__class__.__name__})",
            hint="`carelane up --detach` starts it",
        )


def _with(path: str, query: dict[str, object]) -> str:
    path = quote(path)
    given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items() if v is not None}
    said = urlencode(given, doseq=True)  # one that is given several times is named several times
    return f"{path}?{said}" if said else path


def _stuck(connection: UnixHTTPConnection, system: Path) -> Stuck:
    """What can be said of a silent server: the kernel knows whose socket it is."""
    told = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid = _CREDENTIALS.unpack(told)[0]
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        state = ""
    if state in {"T", "t"}:
        return Stuck(
            f"the server of {system} (pid {pid}) is stopped", hint=f"`kill -CONT {pid}` lets it go on"
        )
    return Stuck(
        f"the server of {system} (pid {pid}) gives no sign of life within {REACHABLE_SECONDS:g} s",
        hint=f"see .carelane/server.log; what it runs goes on while you `kill {pid}`, `carelane up --detach`",
    )


def _told(status: int, text: bytes) -> CarelaneError:
    try:
        return told(json.loads(text))
    except (ValueError, KeyError, TypeError):
        return PlatformError(f"the server answered {status} without saying why")


def told(problem: Mapping[str, Any]) -> CarelaneError:
    """The server's problem as the error it was."""
    kind = BY_EXIT_CODE.get(problem["exit_code"], CarelaneError)
    return kind(problem["detail"], hint=problem.get("hint", ""))
