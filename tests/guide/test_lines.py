"""The lines of the guide that need no GitHub and no Kubernetes, as they are written there."""

import json
import os
import signal
from typing import Any

import pytest

from tests.systems.healthcare import Healthcare
from tests.systems.system import told
from tests.waiting import until

pytestmark = pytest.mark.guide


def bash(system: Healthcare, line: str, folder: str = ".") -> str:
    """Run a line of the guide, placeholders filled in."""
    for placeholder, environment in (
        ("$DEV_URL", "development"),
        ("http://staging-url", "staging"),
        ("http://production-url", "production"),
    ):
        line = line.replace(placeholder, system.url(environment))
    ran = system.shell(["bash", "-euo", "pipefail", "-c", line], folder)
    assert ran.code == 0, f"{line}: exit {ran.code}\n{ran.out}\n{ran.err}"
    return ran.out


def test_line_18_development_says_it_is_well(healthcare: Healthcare) -> None:
    assert json.loads(bash(healthcare, "curl -s $DEV_URL/api/health | jq '.'"))["status"] == "ok"


def test_line_25_staging_says_how_long_each_part_took(healthcare: Healthcare) -> None:
    line = 'curl -w "@curl-format.txt" -o /dev/null -s http://staging-url/api/health'
    said = bash(healthcare, line, "src-code")
    assert "total" in said.lower()
    assert any(character.isdigit() for character in said)


def test_line_27_staging_is_healthy(healthcare: Healthcare) -> None:
    assert json.loads(bash(healthcare, "curl -s http://staging-url/api/health"))["status"] == "ok"


def test_line_32_production_is_healthy(healthcare: Healthcare) -> None:
    assert json.loads(bash(healthcare, "curl -s http://production-url/api/health"))["status"] == "ok"


def test_line_35_production_has_the_three_metrics(healthcare: Healthcare) -> None:
    line = 'curl -s http://production-url/metrics | grep -E "(response_time|error_rate|throughput)"'
    said = bash(healthcare, line)
    for word in ("response_time", "error_rate", "throughput"):
        assert any(word in row and not row.startswith("#") for row in said.splitlines()), said


def test_line_41_production_says_its_version(healthcare: Healthcare) -> None:
    assert json.loads(bash(healthcare, "curl -s http://production-url/api/version"))["version"] == "v1.0"


def test_line_47_a_release_whose_health_fails_is_rolled_back(healthcare: Healthcare) -> None:
    """Its processes die again and again while it is on trial: it is undone by itself."""
    healthcare.carelane("deploy", "staging", "--release", "v5.0")
    until(lambda: _crashed_and_failed(healthcare), 60, "the deployment has failed")
    assert "crash loop" in _last(healthcare)["message"]
    assert json.loads(bash(healthcare, "curl -s http://staging-url/api/version"))["version"] == "v1.0"


def test_line_48_a_release_that_is_late_is_rolled_back(healthcare: Healthcare) -> None:
    healthcare.carelane("deploy", "development", "--release", "v5.0", "--wait", code=10)
    assert "deadline" in _last(healthcare)["message"]
    assert json.loads(bash(healthcare, "curl -s $DEV_URL/api/version"))["version"] == "v1.0"


def test_line_39_blue_green_by_its_script(healthcare: Healthcare) -> None:
    said = bash(healthcare, "./scripts/blue-green-deploy.sh production v2.0")
    assert "Succeeded" in said
    assert json.loads(bash(healthcare, "curl -s http://production-url/api/version"))["version"] == "v2.0"
    healthcare.carelane("rollback", "production", "--reason", "the next line begins with v1.0", "--wait")


def test_line_45_a_canary_is_promoted_by_its_script(healthcare: Healthcare) -> None:
    healthcare.carelane("deploy", "production", "--release", "v2.0")
    until(lambda: _backend(healthcare)["canary_percent"] == 10, 60, "the canary has its share")
    said = bash(healthcare, "./scripts/promote-canary.sh production")
    assert "Succeeded" in said
    assert json.loads(bash(healthcare, "curl -s http://production-url/api/version"))["version"] == "v2.0"
    healthcare.carelane("rollback", "production", "--reason", "the next line begins with v1.0", "--wait")


def test_line_49_a_canary_with_too_many_errors_is_rolled_back(healthcare: Healthcare) -> None:
    """One request in twenty: the staff's own traffic ends it, while it has a tenth of them."""
    with healthcare.traffic("production", rate=60):
        until(lambda: _requests(healthcare) > 5, 60, "the staff works")
        healthcare.carelane("deploy", "production", "--release", "v3.0", "--wait", code=10)
    assert "backend: analysis: canary failed" in _last(healthcare)["message"]
    assert json.loads(bash(healthcare, "curl -s http://production-url/api/version"))["version"] == "v1.0"


def _backend(system: Healthcare) -> dict[str, Any]:
    view = system.carelane("env", "show", "production", "--output", "json").json()
    return next(s for s in view["services"] if s["name"] == "backend")


def _requests(system: Healthcare) -> float:
    return float(_backend(system)["requests_per_second"] or 0)


def test_line_54_the_emergency_script_goes_back_at_once(healthcare: Healthcare) -> None:
    healthcare.carelane("deploy", "production", "--release", "v2.0", "--strategy", "rolling", "--wait")
    said = bash(healthcare, "./scripts/emergency-rollback.sh production")
    for part in ("check", "switch", "verify", "scale down", "notify"):
        assert any(row.strip().startswith(part) and "ms" in row for row in said.splitlines()), said
    assert json.loads(bash(healthcare, "curl -s http://production-url/api/version"))["version"] == "v1.0"


def _last(system: Healthcare) -> dict[str, str]:
    found: dict[str, str] = system.carelane("deployments", "list", "--limit", "1", "--output", "json").json()[
        0
    ]
    return found


def _crashed_and_failed(system: Healthcare) -> bool:
    """Crash what is on trial, as often as it comes back; whether its deployment has failed."""
    for pid in _canary_pids(system):
        os.kill(pid, signal.SIGKILL)
    return _last(system)["phase"] == "Failed"


def _canary_pids(system: Healthcare) -> list[int]:
    view = system.carelane("env", "show", "staging", "--output", "json").json()
    return [
        pid
        for s in view["services"]
        for i in s["instances"]
        if i["label"] == "v5.0" and i["phase"] == "running" and (pid := told(i["place"])["pid"])
    ]
