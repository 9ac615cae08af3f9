"""Rolling replacement, on real processes behind real proxies."""

import sys
from collections.abc import Callable

from tests.load import Load, summary
from tests.systems.system import System, slow_to_start
from tests.waiting import until

Make = Callable[..., System]


def test_a_replacement_under_load_loses_nothing_and_ends_with_the_new_version_alone(system: System) -> None:
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=150) as load:
        system.deploy("v2")
        ended = max((a.ended for a in load.answers), default=0.0)
        until(lambda: load.answers[-1].sent > ended + 0.3, 10, "load after the end")
    lost = [a for a in load.answers if a.lost]
    assert not lost, summary(load.answers)
    assert {a.version for a in load.answers} == {"v1", "v2"}
    assert all(a.version == "v2" for a in load.answers if a.sent > ended + 0.2), summary(load.answers)
    service = system.service()
    assert (service["stable"], service["ready"], service["warm"]) == ("v2", 2, ["v1"])


def test_deploying_what_is_stable_already_is_a_no_op_that_says_so(system: System) -> None:
    system.shipped("v1")
    before = system.instances()
    ran = system.run("deploy", "production", "--release", "v1", "--wait")
    assert (ran.code, "already" in ran.out) == (0, True)
    assert system.instances() == before


def test_paused_aborted_and_retried_a_release_gets_there_in_the_end(make_system: Make) -> None:
    """Acceptance case 1, for rolling."""
    system = make_system(replicas=1)
    system.shipped("v1")
    system.release("v2", run=slow_to_start(1))
    system.must("deploy", "production", "--release", "v2")
    until(lambda: system.instances("v2"), 10, "an instance of v2 was started")
    system.must("rollout", "pause", "production", "--reason", "a look first")
    assert system.last_deployment()["phase"] == "Paused"
    until(lambda: any(i["ready"] for i in system.instances("v2")), 10, "v2 is ready, and held")
    assert [i["intent"] for i in system.instances("v1")] == ["serve"]
    system.must("rollout", "abort", "production", "--reason", "not today")
    system.until_phase("Failed")
    system.until_calm()
    assert [(i["label"], i["intent"]) for i in system.instances()] == [("v1", "serve")]
    rollout = system.last_deployment()["rollouts"]["web"]
    assert rollout["phase"] == "Degraded"
    system.must("rollout", "retry", "production", "--wait")
    assert [i["label"] for i in system.instances() if i["intent"] == "serve"] == ["v2"]
    assert system.history()[0]["release"] == "v2"


def test_a_new_release_in_the_middle_supersedes_the_old_one(make_system: Make) -> None:
    """Acceptance case 15, for rolling."""
    system = make_system(replicas=2)
    system.shipped("v1")
    system.release("v2", "unready")
    system.release("v3")
    system.must("deploy", "production", "--release", "v2")
    until(lambda: system.instances("v2"), 10, "an instance of v2 was started")
    with Load(system.port, rate=100) as load:
        system.deploy("v3")
    assert not [a for a in load.answers if a.lost], summary(load.answers)
    assert {a.version for a in load.answers} <= {"v1", "v3"}
    until(lambda: not system.instances("v2"), 15, "nothing is left of v2")
    first = system.run("deployments", "show", "2", "--output", "json").json()
    assert (first["phase"], first["rollouts"]["web"]["phase"]) == ("Superseded", "Degraded")


def test_several_services_go_in_declared_order_and_turn_back_together(make_system: Make) -> None:
    second = {
        "kind": "web",
        "source": ["service.py"],
        "run": [sys.executable, "service.py"],
        "routes": ["/second"],
        "probes": {"readiness": {"path": "/ready"}},
        "environment": {"APP_VERSION": "${version}", "APP_FAULT": ""},
    }
    system = make_system(
        replicas=1, extra_services={"second": second}, rollback={"progress_deadline_seconds": 4}
    )
    system.shipped("v1")
    second["environment"] = {"APP_VERSION": "${version}", "APP_FAULT": "unready"}
    system.release("v2", run=slow_to_start(2))
    system.must("deploy", "production", "--release", "v2")
    until(lambda: system.service("web")["canary"] == "v2", 10, "web goes first")
    assert system.service("second")["canary"] is None
    system.until_phase("Failed")
    system.until_calm()
    assert [system.service(name)["stable"] for name in ("web", "second")] == ["v1", "v1"]
    assert [i["label"] for i in system.instances()] == ["v1"]
    phases = {name: r["phase"] for name, r in system.last_deployment()["rollouts"].items()}
    assert phases == {"web": "Degraded", "second": "Degraded"}


def test_a_service_that_a_release_does_not_change_is_left_alone(make_system: Make) -> None:
    second = {
        "kind": "web",
        "source": ["service.py"],
        "run": [sys.executable, "service.py"],
        "routes": ["/second"],
        "probes": {"readiness": {"path": "/ready"}},
        "environment": {"APP_VERSION": "${version}"},
    }
    system = make_system(replicas=1, extra_services={"second": second})
    system.shipped("v1")
    before = system.instances(service="second")
    system.shipped("v2")
    assert system.instances(service="second") == before
    assert list(system.last_deployment()["rollouts"]) == ["web"]
