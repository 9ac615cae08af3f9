"""Commands beside Pods, as `kubectl exec` runs them: over a WebSocket to the cluster's API.

A cluster has no way to end a command but to hang up on it: one in a terminal is told so, another goes on
until it notices that nobody reads what it says.
"""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from carelane.base.errors import ConflictError, InputError, RefusedError, Unavailable
from carelane.delivery.looking import Beginning, Ran, Screen

IN, OUT, ERR, STATUS, SIZE, CLOSE = 0, 1, 2, 3, 4, 255
"""The channels of the protocol: the first byte of each message. CLOSE names another that is closed."""
PROTOCOL = Subprotocol("v5.channel.k8s.io")
OPEN_SECONDS, CLOSE_SECONDS = 10.0, 1.0
HUNG_UP = -1
"""The code of a command that was hung up on (SIGHUP)."""
FORBIDDEN = {401, 403}
Dial = Callable[[str, list[tuple[str, str]]], ClientConnection]


@dataclass(frozen=True)
class Dialer:
    """Opens WebSockets to the API that *config* names."""

    config: SingleConfig

    def __call__(self, path: str, asked: list[tuple[str, str]]) -> ClientConnection:
        """One to *path*.

        Raises:
            RefusedError: If this user may not.
            ConflictError: If there is nothing at *path*, or what is there does not run.
            Unavailable: If the cluster does not answer.
        """
        server = self.config.cluster.server.rstrip("/")
        url = f"{server.replace('http', 'ws', 1)}{path}?{urlencode(asked)}"
        try:
            return connect(
                url,
                ssl=self._verified() if url.startswith("wss") else None,
                subprotocols=[PROTOCOL],
                additional_headers=self._headers(server + path),
                open_timeout=OPEN_SECONDS,
                close_timeout=CLOSE_SECONDS,
                max_size=None,
                proxy=None,
            )
        except InvalidHandshake as error:
            raise _refused(error) from error
        except (OSError, TimeoutError, ConfigError, InvalidURI, ValueError) as error:
            raise Unavailable(f"the cluster does not answer {path}: {error}") from error

    def _verified(self) -> ssl.SSLContext:
        user = self.config.user or User()
        return verify_cluster(self.config.cluster, user, self.config.abs_file, trust_env=False)

    def _headers(self, url: str) -> dict[str, str]:
        """What says who we are, where no certificate does."""
        auth, request = user_auth(self.config.user), httpx2.Request("GET", url)
        if auth is not None:
            request = next(auth.sync_auth_flow(request))
        said = request.headers.get("authorization")
        return {} if said is None else {"Authorization": said}


def _refused(error: InvalidHandshake) -> RefusedError | ConflictError | Unavailable:
    answer = getattr(error, "response", None)
    if answer is None:
        return Unavailable(f"the cluster does not take a WebSocket: {error}")
    body = bytes(answer.body or b"")
    try:
        words = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        words = f"HTTP {answer.status_code}"
    if answer.status_code in FORBIDDEN:
        return RefusedError(
            f"the cluster says: {words}", hint="docs/kubernetes.md has what it must be allowed"
        )
    if answer.status_code < 500:
        return ConflictError(f"the cluster says: {words}")
    return Unavailable(f"the cluster says: {words}")


class PodTerminal:
    """The Terminal port: a command beside a Pod; in a terminal where it is said to be."""

    def __init__(self, connection: ClientConnection, *, in_terminal: bool, command: str) -> None:
        self._connection, self._in_terminal, self._command = connection, in_terminal, command
        self._code: int | None = None

    def read(self, within_seconds: float | None = None) -> tuple[int, bytes] | None:
        """What is said next, and as which stream; None once all was said.

        Raises:
            InputError: If there is no such command.
            TimeoutError: If nothing is said *within_seconds*.
        """
        while True:
            try:
                message = self._connection.recv(within_seconds)
            except ConnectionClosed:
                return None
            said = message if isinstance(message, bytes) else message.encode()
            channel, rest = (said[0], said[1:]) if said else (OUT, b"")
            if channel in {OUT, ERR} and rest:
                return channel, rest
            if channel == STATUS:
                self._code = _code_of(json.loads(rest), self._command)
                return None

    def write(self, typed: bytes) -> None:
        """Type it; what nobody takes any more is dropped."""
        self._send(IN, typed)

    def end_input(self) -> None:
        """Nothing more is typed; in a terminal the person says that by typing it."""
        if not self._in_terminal:
            self._send(CLOSE, bytes([IN]))

    def resize(self, screen: Screen) -> None:
        """The person's terminal has another size now."""
        if self._in_terminal:
            self._send(SIZE, json.dumps({"Width": screen.columns, "Height": screen.rows}).encode())

    def _send(self, channel: int, said: bytes) -> None:
        try:
            self._connection.send(bytes([channel]) + said)
        except ConnectionClosed:
            return

    def end(self) -> None:
        """Hang up."""
        self._connection.close()

    def close(self) -> int:
        """Hang up; its exit code, or that of one that was hung up on."""
        self.end()
        return HUNG_UP if self._code is None else self._code


def _code_of(status: Mapping[str, Any], command: str) -> int:
    """The exit code that the cluster tells at the end."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise InputError(f"cannot run {command}: {status.get('message', 'the cluster does not say why')}")


class PodCommands:
    """Runs commands beside the Pods of one namespace, until each has ended or all are hung up on."""

    def __init__(self, dial: Dial, namespace: str) -> None:
        self._dial, self._namespace = dial, namespace
        self._lock = threading.Lock()
        self._open: set[PodTerminal] = set()
        self._over = False

    def open(
        self, pod: str, container: str, command: tuple[str, ...], screen: Screen | None, *, typed: bool = True
    ) -> PodTerminal:
        """Begin *command*; raises as `Dialer` does."""
        in_terminal = screen is not None
        asked = [("container", container), *(("command", word) for word in command)]
        asked += [("stdin", str(typed).lower()), ("stdout", "true"), ("tty", str(in_terminal).lower())]
        if not in_terminal:
            asked.append(("stderr", "true"))
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/exec"
        opened = PodTerminal(self._dial(path, asked), in_terminal=in_terminal, command=command[0])
        if screen is not None:
            opened.resize(screen)
        return opened

    def run(self, pod: str, container: str, command: tuple[str, ...], timeout_seconds: float) -> Ran:
        """Run it to its end, or for so long."""
        opened = self.open(pod, container, command, None, typed=False)
        with self._lock:
            if self._over:
                opened.end()
                raise ConflictError("the server is ending: nothing is begun any more")
            self._open.add(opened)
        try:
            return _heard(opened, time.monotonic() + timeout_seconds)
        finally:
            with self._lock:
                self._open.discard(opened)
            opened.end()

    def end(self) -> None:
        """Hang up on all that somebody waits for, and begin none any more."""
        with self._lock:
            self._over = True
            waiting = list(self._open)
        for opened in waiting:
            opened.end()


def _heard(opened: PodTerminal, until: float) -> Ran:
    said = {OUT: Beginning(), ERR: Beginning()}
    code: int | None = None
    with contextlib.suppress(TimeoutError):
        while (part := opened.read(max(0.0, until - time.monotonic()))) is not None:
            said[part[0]].add(part[1])
        code = opened.close()
    out, err = said[OUT], said[ERR]
    return Ran(code, out.text(), err.text(), out.cut or err.cut)
