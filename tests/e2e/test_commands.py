"""The command line and the API beneath it: errors, exit codes, logs, events, keys."""

import http.client
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from carelane.base.unix_http import UnixHTTPConnection
from tests.systems.system import CARELANE, ENVIRONMENT, System, free_port
from tests.waiting import until

Make = Callable[..., System]


def ask(
    system: System, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """One request to the server, as it answers."""
    connection = UnixHTTPConnection(system.folder / ".carelane" / "run" / "api.sock", 10)
    payload = body if isinstance(body, str) else json.dumps(body)
    connection.request(
        method, f"/api/v1{path}", payload, {"Content-Type": "application/json", **(headers or {})}
    )
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.headers.items()}, json.loads(text or b"null")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["deploy", "nowhere", "--release", "v1"], 4, "there are: production"),
        (["deploy", "production", "--release", "v9"], 4, "no release 'v9'"),
        (["deploy", "production"], 2, "Missing option '--release'"),
        (["release", "create", "--commit", "nonsense"], 4, "no commit 'nonsense'"),
        (["release", "create", "--commit", "v1", "--name", "a/b"], 2, "cannot be a release's name"),
        (["rollback", "production", "--reason", "x"], 4, "no history"),
        (["rollback", "production", "--reason", " "], 2, "needs a reason"),
        (["rollback", "production"], 2, "Missing option '--reason'"),
        (["emergency-rollback", "production", "--reason", "x"], 4, "no history"),
        (["rollout", "abort", "production"], 5, "nothing is moving"),
        (["rollout", "resume", "production"], 5, "nothing is moving"),
        (["rollout", "retry", "production"], 5, "nothing to retry"),
        (["deployments", "show", "77"], 4, "no deployment 77"),
        (["release", "show", "a name/with ?"], 4, "no "),
        (["logs", "production", "web"], 4, "no log of web"),
        (["logs", "production", "web", "-p", "-f"], 2, "cannot be followed"),
        (["up", "--detach"], 5, "a server runs already"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_each_mistake_is_one_clear_error_with_its_exit_code(
    shared: System, arguments: list[str], code: int, said: str
) -> None:
    ran = shared.run(*arguments)
    assert (ran.code, said in ran.err) == (code, True), f"exit {ran.code}: {ran.err}"
    assert "Traceback" not in ran.err


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401 - a generator of a System
    """One system for all that changes nothing."""
    system = System(tmp_path_factory.mktemp("shared") / "system")
    system.commit("v1")
    system.up()
    yield system
    system.down()


def test_without_a_server_the_error_says_how_to_start_one(make_system: Make) -> None:
    system = make_system(up=False)
    ran = system.run("status")
    assert (ran.code, "carelane up" in ran.err) == (6, True)


def test_outside_a_system_the_error_says_what_is_missing(tmp_path: Path) -> None:
    ran = subprocess.run(
        [str(CARELANE), "status"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, "no carelane.yaml" in ran.stderr) == (4, True)


@pytest.mark.parametrize("command", [["status"], ["up", "--detach"], ["down"]])
def test_a_server_that_is_stopped_is_said_to_be_within_seconds(shared: System, command: list[str]) -> None:
    pid = shared.server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        ran = shared.run(*command, timeout=30)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ran.code == 6
    assert f"(pid {pid}) is stopped" in ran.err
    assert f"`kill -CONT {pid}`" in ran.err
    assert shared.run("status").code == 0


def test_what_is_not_committed_is_said_to_be_missing_from_a_release(system: System) -> None:
    system.release("v1")
    (system.folder / "service.py").write_text("# changed\n")
    (system.folder / "unrelated.txt").touch()
    ran = system.run("release", "create", "--name", "again")
    assert ran.err == "not in the release, for it is not committed: service.py\n"
    assert system.run("release", "create", "--commit", "v1", "--output", "json").json()["uncommitted"] == [
        "service.py"
    ]


def test_a_first_deployment_that_failed_says_why_where_one_looks_for_its_log(make_system: Make) -> None:
    """Its instances could not even be started: the database they need is no longer among the services."""
    system = make_system(up=False, extra_services={"database": {"kind": "backing", "engine": "postgresql"}})
    system.commit("v1", environment={"URL": "${backing.database.url}"})
    system.extra_services = {}
    system.describe()
    system.up()
    system.must("release", "create", "--commit", "v1")
    ran = system.deploy("v1", expect=10)
    assert "cannot be started: web-" in ran.err
    assert "cannot fill in '${backing.database.url}'" in ran.err
    said = system.run("logs", "production", "web")
    assert said.code == 4
    assert "deployment 1 failed: web: start: web-" in said.err


def test_a_front_door_whose_port_is_taken_is_said_clearly(make_system: Make) -> None:
    import socket

    system = make_system(up=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", system.port))
        other.listen()
        ran = system.run("up", "--detach")
    assert ran.code == 2
    assert f"port {system.port} of environment production is taken" in ran.err


def test_errors_of_the_api_are_problems_its_framework_s_own_included(shared: System) -> None:
    cases: list[tuple[str, str, object, int]] = [
        ("GET", "/environments/nowhere", None, 404),
        ("GET", "/no/such/route", None, 404),
        ("DELETE", "/environments", None, 405),
        ("POST", "/environments/production/deployments", {"release": 7}, 422),
        ("POST", "/environments/production/deployments", {"release": "v1", "relase": "v1"}, 422),
        ("POST", "/environments/production/deployments", "not json", 422),
        ("GET", "/deployments?limit=0", None, 422),
        ("POST", "/environments/production/abort", {"reason": ""}, 409),
    ]
    for method, path, body, status in cases:
        answered, headers, problem = ask(shared, method, path, body)
        assert (answered, headers["content-type"]) == (status, "application/problem+json"), path
        assert {"title", "status", "detail", "hint", "exit_code"} <= set(problem), path


def test_the_socket_is_this_user_s_alone(shared: System) -> None:
    run = shared.folder / ".carelane" / "run"
    assert run.parent.stat().st_mode & 0o777 == 0o700
    assert (run.parent / "server.log").stat().st_mode & 0o777 == 0o600
    assert run.stat().st_mode & 0o777 == 0o700
    assert (run / "api.sock").stat().st_mode & 0o777 == 0o600


def test_what_was_asked_twice_under_one_key_is_done_once(system: System) -> None:
    system.release("v1")
    path, body = "/environments/production/deployments", {"release": "v1", "reason": "once"}
    key = {"Idempotency-Key": "k-1"}
    first = ask(system, "POST", path, body, key)
    system.until_phase("Succeeded")
    again = ask(system, "POST", path, body, key)
    assert (first[0], again[0], again[2]) == (201, 201, first[2])
    assert again[1]["idempotency-replayed"] == "true"
    other = ask(system, "POST", path, {"release": "v2"}, key)
    assert other[0] == 422
    assert ask(system, "POST", f"{path}?again=1", body, key)[0] == 422
    assert len(system.run("deployments", "list", "--output", "json").json()) == 1


def test_an_environment_taken_out_while_it_runs_is_neither_forgotten_nor_left_running(system: System) -> None:
    system.shipped("v1")
    system.must("down", "--keep-running")
    file = system.folder / "carelane.yaml"
    described = file.read_text()
    file.write_text(
        described.replace("  production:", "  elsewhere:").replace(str(system.port), str(free_port()))
    )
    refused = system.run("up", "--detach")
    assert refused.code == 5
    assert "environment production is not in carelane.yaml any more, but still runs" in refused.err
    assert "put it back" in refused.err
    assert "`carelane down --environment production`" in refused.err
    assert "has ended" in system.must("down", "--environment", "production")
    system.up()
    file.write_text(described)


def test_the_trail_is_a_stream_that_can_be_taken_up_anywhere(system: System) -> None:
    system.shipped("v1")
    connection = UnixHTTPConnection(system.folder / ".carelane" / "run" / "api.sock", 10)
    connection.request("GET", "/api/v1/events?after=2")
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    first = [response.readline().decode().strip() for _ in range(3)]
    connection.close()
    assert first[0] == "id: 3"
    said = json.loads(first[2].removeprefix("data: "))
    assert said["entry"]["actor"] in {"carelane", _user()}
    listed = [json.loads(line) for line in system.must("events", "--output", "json").splitlines()]
    assert [p["position"] for p in listed] == list(range(1, len(listed) + 1)), "no gaps"
    requested = next(p["entry"] for p in listed if p["entry"]["act"] == "deployment.requested")
    assert requested["actor"] == _user()


def test_logs_show_the_tail_the_run_before_and_what_comes(system: System) -> None:
    system.shipped("v1")
    said = system.must("logs", "production", "web", "--tail", "5").splitlines()
    assert sorted(said) == ["web-1 | serving v1", "web-2 | serving v1"]
    assert system.run("logs", "production", "web", "--previous").code == 4
    pid = system.instances()[0]["pid"]
    os.kill(pid, 9)
    until(lambda: system.instances()[0]["pid"] not in {None, pid}, 10, "it is back")
    before = system.must("logs", "production", "web", "--previous").splitlines()
    assert before == ["web-1 | serving v1"]
    folder = system.folder / ".carelane" / "environments" / "production" / "instances" / "web-2"
    lines: list[str] = []
    with subprocess.Popen(
        [str(CARELANE), "logs", "production", "web", "--follow", "--tail", "0"],
        cwd=system.folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        reader = threading.Thread(target=lambda out: lines.append(out.readline()), args=(following.stdout,))
        reader.start()
        try:
            until(lambda: _printed(folder / "run-1.log") or lines, 10, "a line is shown as it is printed")
        finally:
            following.terminate()
            reader.join(5)
    assert lines == ["web-2 | a new line\n"]


def _printed(log: Path) -> bool:
    """Print a line as the process would; never more than one shows that following began after it."""
    with log.open("a") as file:
        file.write("a new line\n")
    return False


def test_people_are_told_after_the_fact_and_again_after_a_restart(make_system: Make) -> None:
    told: list[str] = []
    willing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if willing.is_set():
                told.append(body["title"])
            self.send_response(200 if willing.is_set() else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    port = listening.server_address[1]
    system = make_system(up=False)
    (system.folder / "address").write_text(f"json://127.0.0.1:{port}/")
    system.extra_settings = {"notifications": {"team": {"url": {"file": "address", "version": 1}}}}
    system.commit("v0")
    system.up()
    system.shipped("v1")
    assert told == []
    waiting = system.run("notifications", "--output", "json").json()
    assert waiting["destinations"] == ["team"]
    assert [(t["act"], t["done"]) for t in waiting["told"]] == [("deployment.succeeded", False)]
    system.must("down", "--keep-running")
    willing.set()
    system.up()
    until(lambda: "deployment succeeded 1 in production" in told, 20, "the team is told")
    until(lambda: "delivered" in system.must("notifications"), 10, "and that is written down")
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_the_commands(tmp_path: Path, shell: str) -> None:
    done = subprocess.run(
        [str(CARELANE), "completion", shell], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "_CARELANE_COMPLETE" in done.stdout


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def test_an_environment_with_nothing_deployed_says_so_at_its_front_door(shared: System) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=5)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, b"nothing is deployed" in answer.read()) == (503, True)
    connection.close()


def test_the_configuration_is_checked_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "carelane.yaml"
    file.write_text(
        "system: x\nservices:\n  a: {kind: web, sorce: [b], run: [c]}\nenvironments: {e: {port: 1x}}\n"
    )
    ran = subprocess.run(
        [str(CARELANE), "config", "check", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 2
    assert "carelane.yaml:3:18: services.a.sorce: unknown key; did you mean source?" in ran.stderr
    assert "carelane.yaml:4:" in ran.stderr
