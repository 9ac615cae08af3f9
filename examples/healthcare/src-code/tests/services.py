"""Real processes of the system, started and always ended."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[1]
SESSION_KEY = "test-key-that-is-the-same-everywhere"
PASSWORD = "carelane-demo"
DEADLINE_SECONDS = 30.0
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    def json(self) -> Any:  # noqa: ANN401 - it is JSON
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class Process:
    """One process of one service."""

    popen: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, path: str, *, token: str = "", body: object = None, method: str = "", seconds: float = 15) -> Answer:
        """Its answer to one request; a body is sent as JSON."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        payload = None if body is None else json.dumps(body)
        if payload is not None:
            headers["content-type"] = "application/json"
        return self.send(method or ("GET" if payload is None else "POST"), path, payload, headers, seconds)

    def send(self, method: str, path: str, payload: str | None, headers: dict[str, str], seconds: float = 15) -> Answer:
        """Its answer to any request, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def sign_in(self, username: str) -> str:
        """The token of a demo user."""
        answer = self.ask("/api/sessions", body={"username": username, "password": PASSWORD})
        assert answer.status == 201, answer
        token: str = answer.json()["token"]
        return token

    def terminate(self) -> int:
        """Its exit code after SIGTERM."""
        self.popen.terminate()
        return self.popen.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        """End it as a crash would."""
        self.popen.kill()
        self.popen.wait(DEADLINE_SECONDS)


@dataclass
class Starter:
    """Starts processes and ends those that a test left."""

    directory: Path
    processes: list[Process] = field(default_factory=list)

    def start(self, module: str, *, ready: bool = True, **environment: str) -> Process:
        """A process of *module*; *ready* waits for its probe."""
        port = free_port()
        log = self.directory / f"{module}-{len(self.processes)}.log"
        told = {"PORT": str(port), "SESSION_KEY": SESSION_KEY, "APP_VERSION": "v1.0", "DRAIN_SECONDS": "0.1"}
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=SOURCE,
                env=os.environ | told | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        process = Process(popen, port, log)
        self.processes.append(process)
        if ready:
            wait_until(lambda: answers(process, "/ready"), process)
        return process

    def end_all(self) -> None:
        """End what still runs."""
        for process in self.processes:
            if process.popen.poll() is None:
                process.popen.send_signal(signal.SIGCONT)
                process.kill()


def answers(process: Process, path: str, status: int = 200) -> bool:
    """Whether *process* answers *path* with *status* now."""
    try:
        return process.ask(path, seconds=2).status == status
    except OSError:
        return False


def wait_until(true: Callable[[], bool], process: Process | None = None) -> None:
    """Wait for a state itself, up to a deadline; a process that ended meanwhile fails at once."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        if process and process.popen.poll() is not None:
            message = f"ended with {process.popen.returncode}: {process.log.read_text()}"
            raise AssertionError(message)
        assert time.monotonic() < deadline, process.log.read_text() if process else "waited too long"
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What came of running *module* to its end."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=SOURCE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
