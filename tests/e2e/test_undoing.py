"""Releases that fail are undone by themselves; others by hand, in an instant if need be."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.load import Load, summary
from tests.systems.system import System, slow_to_start
from tests.waiting import until

Make = Callable[..., System]
VALUE = "a-value-nobody-else-has"


@pytest.mark.parametrize(
    ("fault", "said"),
    [("unready", "deadline"), ("crash", "crash loop"), ("hang:0.8", "liveness")],
)
def test_a_release_that_fails_is_undone_by_itself_and_users_notice_nothing(
    make_system: Make, fault: str, said: str
) -> None:
    """Acceptance case 4: the old version stays whole, nothing of the bad one is left."""
    hangs = fault.startswith("hang")
    system = make_system(
        replicas=4,
        strategy={
            "rolling": {"max_surge": 1, "max_unavailable": 0, "min_ready_seconds": 2.5 if hangs else 0}
        },
        rollback={"progress_deadline_seconds": 3 if fault == "unready" else 10},
    )
    system.shipped("v1")
    system.release("v2", fault)
    with Load(system.port, rate=100) as load:
        ran = system.deploy("v2", expect=10)
    assert said in ran.err, ran.err
    answered = {a.version for a in load.answers if not a.lost}
    if not hangs:
        assert not [a for a in load.answers if a.lost], summary(load.answers)
        assert answered == {"v1"}
    until(lambda: not system.instances("v2"), 20, "nothing is left of v2")
    assert system.service()["ready"] == 4
    assert system.history()[0]["release"] == "v1"


def test_a_second_bad_release_replaces_the_first_and_the_old_one_stays_whole(make_system: Make) -> None:
    """Acceptance case 4, its second half."""
    system = make_system(replicas=4, strategy={"rolling": {"max_surge": 1, "max_unavailable": 0}})
    system.shipped("v1")
    system.release("v2", "unready")
    system.release("v3", "unready")
    system.must("deploy", "production", "--release", "v2")
    until(lambda: len(system.instances("v2")) == 1, 10, "one of v2")
    system.must("deploy", "production", "--release", "v3")
    until(lambda: len(system.instances("v3")) == 1, 10, "one of v3")
    until(lambda: not system.instances("v2"), 15, "none of v2")
    assert [i["intent"] for i in system.instances("v1")] == ["serve"] * 4
    system.must("rollout", "abort", "production")
    system.until_phase("Failed")


def test_without_automatic_rollback_a_failed_release_waits_for_a_person(make_system: Make) -> None:
    """Acceptance case 5: off, the bad instance stays; abort takes it away."""
    system = make_system(replicas=1, rollback={"automatic": False, "progress_deadline_seconds": 4})
    system.shipped("v1")
    system.release("v2", "unready")
    system.must("deploy", "production", "--release", "v2")
    system.until_phase("Paused")
    assert "automatic rollback is off" in system.last_deployment()["message"]
    assert len(system.instances("v2")) == 1
    system.must("rollout", "abort", "production")
    until(lambda: not system.instances("v2"), 5, "the bad instance is gone")
    system.until_phase("Failed")


def test_a_bad_stable_does_not_block_its_own_fix(make_system: Make) -> None:
    system = make_system(replicas=2)
    system.release("v1", "hang:2")
    system.deploy("v1")
    until(lambda: system.service()["ready"] == 0, 20, "the stable version is broken")
    system.release("v2")
    system.deploy("v2")
    assert system.service()["ready"] == 2


def test_a_rollback_brings_the_configuration_of_that_time_back_with_the_code(system: System) -> None:
    system.release("v1", greeting="good morning")
    system.deploy("v1")
    system.release("v2", greeting="good night")
    system.deploy("v2")
    warm = {i["id"] for i in system.instances("v1")}
    system.must("rollback", "production", "--reason", "too early for that", "--wait")
    assert _greeting(system) == "good morning"
    assert {i["id"] for i in system.instances("v1")} == warm, "the warm instances are used"
    newest, undone, first = system.history()
    assert (newest["release"], newest["kind"], newest["reason"]) == ("v1", "rollback", "too early for that")
    assert (undone["undone_by"], first["undone_by"]) == (newest["deployment"], None)
    ran = system.run("rollback", "production", "--reason", "again", "--wait")
    assert ran.code == 4, "v2 was undone: it is not gone back to unless it is named"
    system.must("rollback", "production", "--to-revision", "2", "--reason", "it was right", "--wait")
    assert _greeting(system) == "good night"


def test_a_damaged_archive_refuses_a_rollback_and_no_emergency_to_what_is_warm(system: System) -> None:
    system.shipped("v1", "v2")
    v1 = system.run("release", "show", "v1", "--output", "json").json()
    archive = next(iter(v1["versions"].values()))["artifact"]["archive"]
    file = system.folder / ".carelane" / "artifacts" / "archives" / f"{archive}.tar"
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    ran = system.run("rollback", "production", "--reason", "a try")
    assert (ran.code, "not what its digest says" in ran.err) == (6, True), ran.err
    assert system.environment()["release"] == "v2"
    system.must("emergency-rollback", "production", "--reason", "what runs needs no archive")
    assert system.environment()["release"] == "v1"


def test_an_irreversible_release_cannot_be_rolled_back_past(system: System) -> None:
    system.shipped("v1")
    system.extra_settings = {"irreversible": True}
    system.shipped("v2")
    for verb in ("rollback", "emergency-rollback"):
        ran = system.run(verb, "production", "--reason", "a try")
        assert (ran.code, "irreversible" in ran.err, "fix forward" in ran.err) == (3, True, True)


def test_an_emergency_rollback_under_load_loses_nothing_and_is_timed(system: System) -> None:
    system.shipped("v1")
    system.release("v2", "errors:0.2")
    system.deploy("v2")
    with Load(system.port, rate=150) as load:
        until(lambda: any(a.status == 500 for a in load.answers), 10, "users see errors")
        outcome = system.run(
            "emergency-rollback", "production", "--reason", "errors", "--output", "json"
        ).json()
        switched = time.monotonic()
        until(lambda: load.answers[-1].sent > switched + 0.3, 10, "load after the switch")
    assert not [a for a in load.answers if a.lost], summary(load.answers)
    assert all(a.version == "v1" for a in load.answers if a.sent > switched), summary(load.answers)
    assert set(outcome["deployment"]["timings_ms"]) == {"check", "switch", "verify", "scale_down", "notify"}
    assert outcome["services"]["web"]["words"] == "switched to v1, verified: /health, /version"
    assert (outcome["switched"], outcome["verified"]) == (True, True)
    assert not system.instances("v2")
    acts = [json.loads(line)["entry"]["act"] for line in system.must("events", "-o", "json").splitlines()]
    assert "review.required" in acts


def test_an_emergency_rollback_in_the_middle_of_a_rollout_goes_to_the_stable_version(system: System) -> None:
    system.shipped("v1")
    system.release("v2", run=slow_to_start(2))
    system.must("deploy", "production", "--release", "v2")
    until(lambda: system.instances("v2"), 10, "v2 is on its way")
    system.must("emergency-rollback", "production", "--reason", "stop it")
    assert system.environment()["release"] == "v1"
    assert system.run("deployments", "show", "2", "--output", "json").json()["phase"] == "Superseded"


def test_what_is_kept_warm_follows_the_policy(make_system: Make) -> None:
    """Acceptance case 9: limit 2 keeps two earlier versions, limit 1 one."""
    system = make_system(replicas=1, rollback={"keep_warm": 2})
    system.shipped("v1", "v2", "v3", "v4")
    until(lambda: not system.instances("v1"), 15, "v1 is cold")
    assert [len(system.instances(v)) for v in ("v1", "v2", "v3", "v4")] == [0, 1, 1, 1]
    system.rollback = {"keep_warm": 1}
    system.describe()
    system.must("down", "--keep-running")
    system.up()
    until(lambda: not system.instances("v2"), 15, "v2 is cold")
    assert [len(system.instances(v)) for v in ("v1", "v2", "v3", "v4")] == [0, 0, 1, 1]


def _greeting(system: System) -> str:
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{system.port}/", timeout=5) as answer:
        said: str = json.load(answer)["greeting"]
    return said


def test_secrets_reach_the_process_and_not_the_disk(make_system: Make, tmp_path: Path) -> None:
    import urllib.request

    (tmp_path / "secret").write_text(f"{VALUE}\n")
    system = make_system(replicas=1)
    system.commit("v1", secrets={"SECRET": {"file": str(tmp_path / "secret"), "version": 1}})
    system.must("release", "create", "--commit", "v1")
    system.deploy("v1")
    with urllib.request.urlopen(f"http://127.0.0.1:{system.port}/", timeout=5) as answer:
        assert json.load(answer)["secret"] == VALUE
    state = system.folder / ".carelane"
    holding = [p for p in state.rglob("*") if p.is_file() and VALUE.encode() in p.read_bytes()]
    assert holding == []


def test_an_emergency_rollback_with_nothing_warm_starts_the_old_version_and_says_so(
    make_system: Make,
) -> None:
    system = make_system(replicas=1, rollback={"keep_warm": 0})
    system.shipped("v1", "v2")
    said = system.must("emergency-rollback", "production", "--reason", "errors")
    assert "NOT switched yet" in said
    assert "what was not ready was there" in said
    assert system.environment()["release"] == "v1"
    assert [i["label"] for i in system.instances()] == ["v1"]
    assert "NOT switched" not in system.last_deployment()["message"]
