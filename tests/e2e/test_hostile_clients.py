"""Those who ask too much of the server: nobody else notices, least of all an emergency."""

import hashlib
import http.client
import http.server
import io
import json
import select
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from carelane.api.limits import ASK_SECONDS, BODY_BYTES
from carelane.api.services import MOST_AT_ONCE
from carelane.base.unix_http import UnixHTTPConnection, short_address
from tests.e2e.test_tokens import by_token
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
CONNECTIONS = 1000
THREADS = 40
"""All that the server's routes have together."""


def packed(files: dict[str, str]) -> bytes:
    """A source package of these *files*."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def answer(system: System, method: str, path: str, body: object = None, *, by: str = "") -> tuple[int, str]:
    """Status and detail of one request, past the command line."""
    place = system.folder / ".carelane" / (by or "run/api.sock")
    connection = UnixHTTPConnection(place, 10.0)
    try:
        headers = {"Content-Type": "application/json", "X-Forwarded-For": "uid", "Forwarded": "for=uid"}
        sent = None if body is None else json.dumps(body)
        with suppress(BrokenPipeError):  # what is too long is not read to its end, but answered
            connection.request(method, f"/api/v1{path}", sent, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()


def test_a_thousand_connections_that_ask_nothing_keep_nobody_out(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1", "v2")
    value = json.loads(system.must("token", "create", "ci", "--output", "json"))["value"]
    place = system.folder / ".carelane" / "pipeline" / "carelane.sock"
    log = system.folder / ".carelane" / "server.log"
    before = log.stat().st_size
    with ExitStack() as opened:
        idle = []
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(5.0)
            try:
                with short_address(place) as address:
                    connection.connect(address)
            except OSError:
                continue  # that many wait already
            idle.append(connection)
        assert system.run("status", timeout=10).code == 0
        back = system.run("emergency-rollback", "production", "--reason", "while it lasts", timeout=30)
        assert back.code == 0, back.err
        assert by_token(system, value, "release", "list").code == 0, "another process has its share"
        until(lambda: all(closed(c) for c in idle), ASK_SECONDS + 10, "who asks nothing is not waited for")
    assert log.stat().st_size - before < 20_000


def closed(connection: socket.socket) -> bool:
    waiting = select.poll()  # of any descriptor: select knows a thousand
    waiting.register(connection, select.POLLIN)
    if not waiting.poll(0):
        return False
    try:
        return connection.recv(1) == b""
    except OSError:
        return True


def test_what_is_too_long_too_great_or_no_text_is_refused_and_a_header_makes_nobody_anybody(
    make_system: Make,
) -> None:
    system = make_system()
    system.shipped("v1")
    emergency = "/environments/production/emergency-rollback"
    assert answer(system, "POST", emergency, {"reason": "x" * BODY_BYTES})[0] == 413
    assert answer(system, "POST", emergency, {"reason": "x" * 3000})[0] == 422
    assert answer(system, "POST", emergency, {"reason": "a\0b"})[0] == 400
    assert answer(system, "GET", "/releases/a%00b")[0] == 400
    assert answer(system, "GET", f"/deployments/{2**63}")[0] == 400
    assert answer(system, "GET", f"/events/list?after={2**64}")[0] == 400
    assert answer(system, "POST", "/environments/production/rollback", {"reason": "", "to_revision": 2**70})[
        0
    ] in {400, 422}
    assert answer(system, "GET", "/environments", by="pipeline/carelane.sock")[0] == 401


NEVER = "import time\n\n\ndef build_wheel(*_a, **_k): time.sleep(600)\n"
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class NeverBuilt(http.server.BaseHTTPRequestHandler):
    """Gives whoever asks a source package whose build does not end."""

    packed = packed({"a-1/pyproject.toml": PROJECT, "a-1/backend.py": NEVER, "a-1/PKG-INFO": "Name: a\n"})

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.packed)

    def log_message(self, *_: object) -> None:
        pass


def test_a_pipeline_whose_releases_are_never_built_keeps_nobody_out(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1", "v2")
    value = json.loads(system.must("token", "create", "ci", "--release", "--output", "json"))["value"]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NeverBuilt) as packages:
        threading.Thread(target=packages.serve_forever, daemon=True).start()
        digest = hashlib.sha256(NeverBuilt.packed).hexdigest()
        address = f"http://127.0.0.1:{packages.server_port}/a-1.tar.gz"
        (system.folder / "lock.txt").write_text(f"a @ {address} --hash=sha256:{digest}\n")
        system.commit("v3", build={"requirements": "lock.txt"})
        last = [asks_and_leaves(system, value, "v3") for _ in range(THREADS + 8)][-1]
        assert last == 503
        assert system.run("status", timeout=20).code == 0
        back = system.run("emergency-rollback", "production", "--reason", "while it lasts", timeout=30)
        assert back.code == 0, back.err
        packages.shutdown()


def asks_and_leaves(system: System, token: str, commit: str) -> int | None:
    """Ask for a release by the pipelines' socket; the answer's status where it comes at once."""
    connection = UnixHTTPConnection(system.folder / ".carelane" / "pipeline" / "carelane.sock", 0.3)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        connection.request("POST", "/api/v1/releases", json.dumps({"commit": commit}), headers)
        return connection.getresponse().status
    except TimeoutError:
        return None
    finally:
        connection.close()


def test_commands_beside_instances_keep_nobody_out_and_no_server_from_ending(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1", "v2")
    instance = next(i["id"] for i in system.instances() if i["intent"] == "serve")
    asked = {"command": ["sleep", "120"], "timeout_seconds": 120}
    path = f"/environments/production/instances/{instance}/exec"
    answers: list[tuple[int, str]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(answer(system, "POST", path, asked)), daemon=True)
        for _ in range(THREADS + 5)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) == len(threads) - MOST_AT_ONCE, 10, "those beyond the limit are refused")
    assert {status for status, _ in answers} == {409}
    back = system.run("emergency-rollback", "production", "--reason", "while they run", timeout=30)
    assert back.code == 0, back.err
    began = time.monotonic()
    system.must("down", "--keep-running")
    assert time.monotonic() - began < 30, "it does not wait for them"
    system.up()
    assert system.environment()["release"] == "v1"


def test_idle_connections_at_the_front_door_keep_no_emergency_from_its_end(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1", "v2")
    system.must("down")
    limited = ["prlimit", "--nofile=512:512", str(system.carelane), "up", "--detach"]
    subprocess.run(limited, cwd=system.folder, env=system.variables, check=True, capture_output=True)
    until(lambda: all(i["ready"] for i in system.instances()), 30, "all are ready")
    with ExitStack() as opened:
        for _ in range(1200):
            connection = opened.enter_context(socket.socket())
            connection.settimeout(2.0)
            with suppress(OSError):
                connection.connect(("127.0.0.1", system.port))
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        back = system.run("emergency-rollback", "production", "--reason", "while it lasts", timeout=40)
        assert back.code in {0, 10}, back.err  # its verification may find no place at the front door
        until(lambda: system.last_deployment()["phase"] == "Succeeded", 10, "it is in force")
        until(lambda: answers_at(system) == "v1", 30, "who says nothing is not waited for for ever")


def answers_at(system: System) -> str | None:
    try:
        return str(system.get(system.port)["version"])
    except (OSError, http.client.HTTPException, ValueError):
        return None
