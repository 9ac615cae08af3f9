"""Those who ask too much of the server: nobody else notices, least of all an emergency."""

import http.client
import json
import select
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

from carelane.api.limits import ASK_SECONDS, BODY_BYTES
from carelane.base.unix_http import UnixHTTPConnection, short_address
from tests.e2e.test_tokens import by_token
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
CONNECTIONS = 1000


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
    if not select.select([connection], [], [], 0)[0]:
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
