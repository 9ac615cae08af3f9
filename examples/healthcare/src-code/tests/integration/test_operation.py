"""How the services start, answer their probes, fail on purpose, and end."""

import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.services import Process, Starter, answers, run, wait_until


def test_health_tells_what_it_checked(backends: tuple[Process, Process]) -> None:
    """The database, with its schema's revision."""
    answer = backends[0].ask("/api/health")
    told = answer.json()
    assert (answer.status, told["status"]) == (200, "ok")
    assert (told["checks"]["database"]["status"], told["checks"]["database"]["revision"]) == ("ok", "0001")


def test_metrics_name_routes_by_their_template(backends: tuple[Process, Process]) -> None:
    """And so never a patient."""
    backends[0].ask("/api/patients/77", token=backends[0].sign_in("clinician01"))
    text = backends[0].ask("/metrics").body
    assert 'http_requests_total{method="GET",route="/api/patients/{patient_id}",status="200"}' in text
    assert "/api/patients/77" not in text


@pytest.mark.parametrize("silent", [True, False], ids=["never answers", "is not there"])
def test_a_lost_database_breaks_health_and_not_the_probes(starter: Starter, silent: bool) -> None:  # noqa: FBT001
    """Within a bounded time, even when the database accepts connections and then says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen()
        url = f"postgresql://postgres:@127.0.0.1:{listener.getsockname()[1]}/postgres"
        backend = starter.start("backend", DATABASE_URL=url)
        started = time.monotonic()
        answer = backend.ask("/api/health")
        assert time.monotonic() - started < 3.0
        assert (answer.status, answer.json()["checks"]["database"]["status"]) == (503, "failed")
        assert (backend.ask("/ready").status, backend.ask("/live").status) == (200, 200)
        refused = backend.ask("/api/sessions", body={"username": "frontdesk01", "password": "x"})
        assert (refused.status, refused.headers["x-app-version"]) == (503, "v1.0")


def test_a_drain_finishes_every_request(starter: Starter, database: str) -> None:
    """Thirty requests in flight, and then new ones while readiness fails: all answered, exit code 0."""
    backend = starter.start("backend", DATABASE_URL=database, DRAIN_SECONDS="3", HEALTHCARE_FAULT="latency:700ms")
    token = backend.sign_in("frontdesk01")
    with ThreadPoolExecutor(40) as threads:
        flying = [threads.submit(backend.ask, "/api/clinicians", token=token) for _ in range(30)]
        wait_until(lambda: "in_progress 30.0" in backend.ask("/metrics").body, backend)
        signalled = time.monotonic()
        backend.popen.terminate()
        wait_until(lambda: answers(backend, "/ready", 503), backend)
        assert {answer.result(15).status for answer in flying} == {200}
        late = [threads.submit(backend.ask, "/api/clinicians", token=token) for _ in range(5)]
        assert backend.ask("/live").status == 200
        assert {answer.result(15).status for answer in late} == {200}
        assert {answer.result().headers["connection"] for answer in late} == {"close"}
    assert backend.popen.wait(10) == 0
    assert time.monotonic() - signalled < 10


def test_the_frontend_drains_too(starter: Starter) -> None:
    """A page that is being made is finished, and the process ends with 0."""
    frontend = starter.start("frontend", HEALTHCARE_FAULT="latency:500ms")
    with ThreadPoolExecutor(5) as threads:
        flying = [threads.submit(frontend.ask, "/sign-in") for _ in range(5)]
        wait_until(lambda: "in_progress 5.0" in frontend.ask("/frontend/metrics").body, frontend)
        assert frontend.terminate() == 0
        assert {answer.result().status for answer in flying} == {200}


def test_errors_on_trial_spare_probes_health_and_version(starter: Starter, database: str) -> None:
    """Every API request fails, and the instance still looks well: that is what analysis is for."""
    backend = starter.start("backend", DATABASE_URL=database, HEALTHCARE_FAULT="errors:1,leak:1MiB")
    assert {backend.ask("/api/clinicians").status for _ in range(5)} == {500}
    paths = ("/live", "/ready", "/api/health", "/api/version", "/metrics")
    assert {backend.ask(path).status for path in paths} == {200}
    assert "healthcare_error_rate_ratio 0.0" not in backend.ask("/metrics").body


def test_a_leak_on_trial_fills_memory(starter: Starter) -> None:
    """About as much as was said, for every request."""
    frontend = starter.start("frontend", HEALTHCARE_FAULT="leak:4MiB")

    def resident_bytes() -> float:
        text = frontend.ask("/frontend/metrics").body
        return float(text.partition("\nprocess_resident_memory_bytes ")[2].partition("\n")[0])

    before = resident_bytes()
    for _ in range(10):
        frontend.ask("/sign-in")
    assert resident_bytes() - before > 35 * 1024**2


def test_an_unready_release_never_gets_ready_and_still_ends_well(starter: Starter) -> None:
    """Alive, serving, and not ready."""
    frontend = starter.start("frontend", ready=False, HEALTHCARE_FAULT="unready")
    wait_until(lambda: answers(frontend, "/live"), frontend)
    assert frontend.ask("/ready").status == 503
    assert frontend.terminate() == 0


def test_a_crash_on_trial_ends_the_process(starter: Starter) -> None:
    """With a code that is not 0."""
    frontend = starter.start("frontend", ready=False, HEALTHCARE_FAULT="crash:100ms")
    assert frontend.popen.wait(10) == 1


def test_a_hang_on_trial_answers_nothing_any_more(starter: Starter) -> None:
    """Not even the liveness probe, and SIGTERM does not help."""
    frontend = starter.start("frontend", ready=False, HEALTHCARE_FAULT="hang:100ms")
    wait_until(lambda: "hanging on purpose" in frontend.log.read_text(), frontend)
    with pytest.raises(TimeoutError):
        frontend.ask("/live", seconds=0.5)
    frontend.popen.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        frontend.popen.wait(0.5)


@pytest.mark.parametrize("module", ["backend", "frontend", "reminders", "backend.migrations"])
def test_a_wrong_environment_is_refused_with_one_line(module: str) -> None:
    """Exit code 2 and everything that is wrong, without a traceback."""
    refused = run(module, HEALTHCARE_FAULT="sometimes", DATABASE_URL="", SESSION_KEY="short")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("refusing to start: ")
    assert refused.stderr.count("\n") == 1
    assert "HEALTHCARE_FAULT: 'sometimes' is not a fault; known: none, errors:SHARE" in refused.stderr


def test_migrations_run_twice_at_once_and_again(make_database: Callable[[], str]) -> None:
    """Both succeed on an empty database, one of them seeds it, and a third changes nothing."""
    url = make_database()
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: run("backend.migrations", DATABASE_URL=url), range(2)))
    done.append(run("backend.migrations", DATABASE_URL=url))
    assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
    assert sum('"before": null' in one.stdout for one in done) == 1
    with _connected(url) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in _SEEDED]
    assert counts == [(26,), (20,), (500,), (200,), (200,)]


_SEEDED = ("users", "clinicians", "patients", "appointments", "reminders")


def test_a_rollback_leaves_the_later_schema_alone(database: str) -> None:
    """The version before finds a revision that it does not know, and has nothing to do."""
    with _connected(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = run("backend.migrations", DATABASE_URL=database)
    assert (done.returncode, "later version" in done.stdout) == (0, True), done.stderr
    with _connected(database) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def _connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url)
