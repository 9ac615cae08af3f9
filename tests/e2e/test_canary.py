"""A canary on real processes and Envoy, judged by what its users got."""

import os
import signal
from collections.abc import Callable
from typing import Any

from tests.load import Load, summary
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]


def canary(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"canary": {"steps": list(steps)}}


ANALYSED = canary(
    {"weight": 20}, {"analysis": {"seconds": 60}}, {"weight": 50}, {"analysis": {"seconds": 60}}
)


def lost(load: Load) -> str:
    return summary(load.answers) if any(a.lost for a in load.answers) else ""


def test_a_bad_canary_is_ended_by_its_own_traffic_and_a_good_one_promoted(make_system: Make) -> None:
    """Acceptance case 14: caught within one look, in a few seconds, after a handful of errors."""
    system = make_system(strategy=ANALYSED)
    system.shipped("v1")
    system.release("v2", "errors:0.2")
    system.release("v3")
    with Load(system.port, rate=150) as load:
        until(lambda: len(load.answers) > 300, 10, "there is traffic")
        ran = system.deploy("v2", expect=10)
        bad = list(load.answers)
        good = system.deploy("v3")
    assert "with false-alarm probability under 1 %" in ran.err, ran.err
    errors = sum(a.status == 500 for a in bad)
    assert 2 <= errors <= 40, summary(bad)
    assert "Succeeded" in good.out
    assert system.service()["stable"] == "v3"
    assert not lost(load), lost(load)
    counted = system.run("deployments", "show", "2", "--output", "json").json()
    assert counted["phase"] == "Failed"


def test_what_was_counted_is_what_users_saw_request_for_request(make_system: Make) -> None:
    system = make_system(strategy=canary({"weight": 25}, {"pause": {}}))
    system.release("v1", "errors:0.01")  # as many as of the canary: it is not to fail by chance
    system.deploy("v1")
    system.release("v2", "errors:0.01")
    with Load(system.port, rate=150) as load:
        system.must("deploy", "production", "--release", "v2")
        system.until_phase("Paused")
        until(lambda: sum(a.version == "v2" for a in load.answers) > 300, 40, "the canary had 300 requests")
        had = sum(a.version == "v2" for a in load.answers)
        system.must("rollout", "promote", "production", "--full")
        system.until_phase("Succeeded")
    (run,) = system.client().get("/deployments/2/analyses")
    seen = [w["canary"] for w in run["windows"]]
    users = [a for a in load.answers if a.version == "v2"]
    counted = sum(c["requests"] for c in seen)
    assert had - 150 < counted <= len(users), (
        "all that it had but what came since the last look; nothing twice"
    )
    assert sum(c["errors"] for c in seen) <= sum(a.status == 500 for a in users)
    assert not lost(load), lost(load)


def test_a_user_stays_with_one_version_and_a_rising_weight_only_adds_users(system: System) -> None:
    """Acceptance case 16: the share of users is the weight, and at an abort all of them leave."""
    system.strategy = canary({"weight": 20}, {"pause": {}}, {"weight": 50}, {"pause": {}})
    system.describe()
    system.must("down", "--keep-running")
    system.up()
    system.shipped("v1")
    system.release("v2")
    users = system.users(400)
    system.must("deploy", "production", "--release", "v2")
    system.until_phase("Paused")
    at_20 = users.versions()
    assert users.versions() == at_20, "the same user, the same version"
    assert 45 <= sum(v == "v2" for v in at_20) <= 120
    system.must("rollout", "promote", "production")
    system.until_phase("Paused")
    at_50 = users.versions()
    assert all(later == "v2" for before, later in zip(at_20, at_50, strict=True) if before == "v2")
    assert 150 <= sum(v == "v2" for v in at_50) <= 250
    system.must("rollout", "abort", "production", "--reason", "enough")
    assert set(users.versions()) == {"v1"}


def test_blue_green_has_a_preview_and_switches_at_once(make_system: Make) -> None:
    """Acceptance cases 7 and 8."""
    preview = System.free_port()
    strategy = {
        "blue_green": {"check": {"path": "/health", "seconds": 4}, "hold": True, "preview_port": preview}
    }
    system = make_system(strategy=strategy)
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=150) as load:
        system.must("deploy", "production", "--release", "v2")
        system.until_phase("Paused")
        assert system.get(preview)["version"] == "v2"
        assert system.get(system.port)["version"] == "v1"
        assert {a.version for a in load.answers if not a.lost} == {"v1"}
        system.must("rollout", "promote", "production", "--wait")
        until(lambda: load.answers[-1].version == "v2", 5, "users have v2")
        system.must("deploy", "production", "--release", "v1")
        system.until_phase("Paused")  # though v1 is warm: only a rollback goes at once
        assert load.answers[-1].version == "v2"
        system.must("rollback", "production", "--to-revision", "1", "--reason", "v1 was better", "--wait")
        until(lambda: load.answers[-1].version == "v1", 5, "users have v1 again")
    assert not lost(load), lost(load)
    system.release("v3", "errors:1")
    ran = system.deploy("v3", expect=10)
    assert "check: not right within 4 s" in ran.err
    assert system.get(system.port)["version"] == "v1"


def test_blue_green_s_check_can_be_an_analysis_of_what_reaches_its_preview(make_system: Make) -> None:
    preview = System.free_port()
    checked = {"analysis": {"seconds": 60}, "preview_port": preview}
    system = make_system(strategy={"blue_green": checked})
    system.shipped("v1")
    system.release("v2", "errors:0.3")
    system.release("v3")
    with Load(system.port, rate=100) as users:
        with Load(preview, rate=60):
            ran = system.deploy("v2", expect=10)
        with Load(preview, rate=60):
            system.deploy("v3")
    assert "analysis: canary failed" in ran.err
    assert "worse, with false-alarm probability under 1 %" in ran.err
    assert {a.version for a in users.answers if not a.lost} <= {"v1", "v3"}, "no user had the bad one"
    assert not any(a.status == 500 for a in users.answers)
    assert not lost(users), lost(users)
    assert system.service()["stable"] == "v3"
    assert "the same, bit for bit" in system.must("analysis", "verify", "2")
    (run,) = system.client().get("/deployments/3/analyses")
    assert (run["preview"], run["evidence"]["verdict"]) == (True, "pass")
    system.release("v4")
    ran = system.run("deploy", "production", "--release", "v4", "--timeout", "3")
    assert ran.code == 11, "nobody looks at its preview: nothing is shown"
    assert system.service()["stable"] == "v3"


def test_a_canary_can_be_planned_shown_and_judged_again(make_system: Make) -> None:
    system = make_system(strategy=canary({"weight": 20}, {"analysis": {"seconds": 300}}))
    system.shipped("v1")
    system.release("v2", "errors:0.3")
    with Load(system.port, rate=100):
        until(lambda: (system.service()["requests_per_second"] or 0) > 85, 20, "there is traffic")
        plan = system.must("deploy", "production", "--release", "v2", "--plan")
        assert system.last_deployment()["id"] == 1, "a plan changes nothing"
        system.deploy("v2", expect=10)
    assert "web: v1 -> v2, canary, 2 replicas" in plan
    assert "- weight 20 %" in plan
    assert "a healthy release passes in about" in plan
    shown = system.must("rollout", "show", "production")
    assert "log E" in shown
    assert "worse, with false-alarm probability under 1 %" in shown
    assert "the same, bit for bit" in system.must("analysis", "verify", "2")
    run = system.client().get("/deployments/2/analyses")[0]
    assert run["evidence"]["verdict"] == "fail"
    assert system.run("analysis", "verify", "1").code == 4


def test_a_killed_server_loses_nothing_of_what_a_canary_was_judged_by(make_system: Make) -> None:
    system = make_system(strategy=canary({"weight": 30}, {"pause": {}}))
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=100) as load:
        system.must("deploy", "production", "--release", "v2")
        system.until_phase("Paused")
        until(lambda: sum(a.version == "v2" for a in load.answers) > 100, 20, "the canary had 100 requests")
        os.kill(system.server_pid(), signal.SIGKILL)
        before = sum(a.version == "v2" for a in load.answers)
        until(lambda: sum(a.version == "v2" for a in load.answers) > before + 60, 20, "60 more meanwhile")
        system.up()
    seen = sum(a.version == "v2" for a in load.answers)
    until(lambda: counted(system) >= seen, 10, f"all {seen} are counted, request for request")
    assert counted(system) == seen
    assert not lost(load), lost(load)
    assert "the same, bit for bit" in system.must("analysis", "verify", "2")


def counted(system: System) -> int:
    (run,) = system.client().get("/deployments/2/analyses")
    return sum(w["canary"]["requests"] for w in run["windows"])
