"""Traffic against the whole system, and against its failures."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.services import SOURCE, Process, Starter, run
from tests.system import front_doors


def test_the_system_serves_its_traffic_without_loss(
    backends: tuple[Process, Process], frontends: tuple[Process, Process], tmp_path: Path
) -> None:
    """Every kind of request, no error, nothing lost; progress by the second and a record of every request."""
    record = tmp_path / "record.jsonl"
    options = ("--rate", "50", "--seconds", "3", "--users", "100", "--output", "json", "--progress")
    with front_doors.opened(backends[0].port, frontends[1].port) as url:
        done = run("traffic", "--url", url, *options, "--record", str(record))
    assert done.returncode == 0, done.stderr
    *progress, report = [json.loads(line) for line in done.stdout.splitlines()]
    assert report["sent"] == report["requests"] == len(record.read_text().splitlines())
    assert 100 < report["sent"] < 200
    assert (report["lost"], set(report["versions"])) == (0, {"v1.0", "v2.0"})
    assert {int(status) // 100 for status in report["statuses"]} <= {2, 3, 4}
    assert set(report["statuses"]) <= {"200", "201", "204", "303", "409"}
    seen = sum(sum(counts.values()) for line in progress for counts in line["versions"].values())
    assert seen == report["requests"]
    assert [line["second"] for line in progress][:3] == [1, 2, 3]


def test_what_the_proxy_made_up_is_lost_and_what_the_application_said_is_not(
    starter: Starter, shared_database: str
) -> None:
    """A backend that fails on purpose answers 500 with its version; a frontend that is gone answers nothing."""
    backend = starter.start("backend", DATABASE_URL=shared_database, HEALTHCARE_FAULT="errors:0.5")
    options = ("--rate", "40", "--seconds", "2", "--output", "json")
    with front_doors.opened(backend.port, 9) as url:
        report = json.loads(run("traffic", "--url", url, *options).stdout)
    assert report["lost_by_reason"].keys() == {"proxy 503"}
    assert report["lost"] == report["statuses"]["503"]
    answered = report["versions"]["v1.0"]
    failed = answered["statuses"]["500"]
    assert (failed, answered["requests"]) == (report["statuses"]["500"], report["requests"] - report["lost"])
    assert answered["error_ratio"] == round(failed / answered["requests"], 5)


def test_a_slow_system_is_not_sent_less(starter: Starter, shared_database: str) -> None:
    """One connection and 300 ms a page: the queue is the user's wait, and is told as such. One seed: enough pages."""
    backend = starter.start("backend", DATABASE_URL=shared_database)
    slow = starter.start("frontend", BACKEND_URL=f"http://127.0.0.1:{backend.port}", HEALTHCARE_FAULT="latency:300ms")
    options = ("--rate", "20", "--seconds", "0.8", "--connections", "1", "--seed", "7", "--output", "json")
    with front_doors.opened(backend.port, slow.port) as url:
        report = json.loads(run("traffic", "--url", url, *options).stdout)
    assert report["sent"] > 6
    assert report["latency_ms"]["p99"] > 600, "longer than one answer takes"


def test_a_signal_ends_early_with_the_report(
    backends: tuple[Process, Process], frontends: tuple[Process, Process]
) -> None:
    """What was sent until then is counted."""
    with front_doors.opened(backends[0].port, frontends[0].port) as url:
        command = [sys.executable, "-m", "traffic", "--url", url, "--rate", "20", "--seconds", "600", "--progress"]
        with subprocess.Popen([*command, "--output", "json"], cwd=SOURCE, stdout=subprocess.PIPE, text=True) as traffic:
            assert traffic.stdout
            traffic.stdout.readline()
            traffic.send_signal(signal.SIGTERM)
            report = json.loads(traffic.stdout.read().splitlines()[-1])
    assert (traffic.returncode, report["lost"]) == (0, 0)
    assert report["sent"] > 0


def test_wrong_options_are_refused() -> None:
    """With exit code 2 and what would be right."""
    for options in (("--url", "localhost"), ("--url", "http://localhost", "--rate", "0")):
        refused = run("traffic", *options)
        assert (refused.returncode, "error:" in refused.stderr) == (2, True)
