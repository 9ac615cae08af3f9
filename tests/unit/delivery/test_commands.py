"""What people ask for while something is under way, and when nothing is."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery.deployments import Kind, Phase, RolloutPhase
from carelane.delivery.policies import Pace
from carelane.delivery.replicas.fleet import Intent
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.releases import MIGRATING
from tests.fakes.simulation import Simulation, policy


def half_way(**rollback: float) -> Simulation:
    """Two of v1, and v2 on its way with one instance ready and one that takes long."""
    simulation = Simulation(policy(2, Pace(0, 1), **rollback)).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=10))
    simulation.deploy("v2", "a new form")
    simulation.until(lambda: simulation.weights() == {"v1": 1, "v2": 1})
    return simulation


# -- pause and resume


def test_a_pause_holds_everything_where_it_is() -> None:
    simulation = half_way()
    simulation.pause()
    simulation.tick(60)
    assert simulation.phase is Phase.PAUSED
    assert simulation.weights() == {"v1": 1, "v2": 1} or simulation.weights() == {"v1": 1, "v2": 2}
    assert len(simulation.instances("v1", Intent.SERVE)) == 1


def test_a_resumed_deployment_arrives() -> None:
    simulation = half_way()
    simulation.pause()
    simulation.tick(20)
    simulation.resume()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.weights() == {"v2": 2}


def test_time_spent_paused_does_not_count_against_the_deadline() -> None:
    simulation = half_way(progress_deadline_seconds=60.0)
    simulation.pause()
    simulation.tick(1, seconds=3600.0)
    simulation.resume()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_a_pause_that_nobody_ends_turns_back_when_it_expires() -> None:
    simulation = half_way()
    simulation.use(replace(simulation.engine.policy, pause_expires_seconds=7200.0))
    simulation.tick()
    simulation.pause()
    simulation.tick(1, seconds=7100.0)
    assert simulation.deployment.phase is Phase.PAUSED
    simulation.tick(1, seconds=200.0)
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message == "nobody resumed it within 7200 s"
    assert simulation.weights() == {"v1": 2}


def test_what_is_not_paused_cannot_be_resumed_and_what_is_paused_not_paused_again() -> None:
    simulation = half_way()
    with pytest.raises(ConflictError, match="deployment 2 is Progressing, not Paused"):
        simulation.resume()
    simulation.pause()
    with pytest.raises(ConflictError, match="is Paused and cannot become Paused"):
        simulation.pause()


def test_who_paused_and_why_is_in_the_trail() -> None:
    simulation = half_way()
    simulation.pause("the ward is busy")
    entry = simulation.entries("deployment.paused")[-1]
    assert (entry.actor, entry.reason, entry.environment) == ("alice", "the ward is busy", "production")


# -- abort


def test_an_abort_gives_the_old_version_all_traffic_in_the_same_decision() -> None:
    simulation = half_way(keep_warm=1)
    simulation.abort()
    assert simulation.weights() == {"v1": 2}
    assert simulation.phase is Phase.FAILED
    simulation.settle()
    assert simulation.running() == {"v1": 2}


def test_an_abort_wins_over_a_promotion_that_could_have_been_next() -> None:
    simulation = half_way(keep_warm=0)
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=20)
    simulation.workloads.behaviours["v2"] = Behaviour()
    simulation.abort()
    assert simulation.deployment.phase is Phase.ABORTING
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.weights() == {"v1": 2}
    assert [r.release for r in simulation.history] == ["v1"]


def test_an_abort_of_a_paused_deployment_turns_back() -> None:
    simulation = half_way()
    simulation.pause()
    simulation.abort()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_an_abort_before_anything_happened_cancels() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    assert simulation.abort("wrong window").phase is Phase.CANCELLED
    simulation.tick(5)
    assert simulation.running() == {"v1": 2}


def test_an_aborting_deployment_cannot_be_aborted_paused_or_resumed() -> None:
    simulation = half_way(keep_warm=0)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.abort()
    assert simulation.phase is Phase.ABORTING
    with pytest.raises(ConflictError, match="is aborting already"):
        simulation.abort()
    with pytest.raises(ConflictError, match="cannot become Paused"):
        simulation.pause()
    with pytest.raises(ConflictError, match="not Paused"):
        simulation.resume()


def test_where_nothing_moves_nothing_can_be_held_or_ended() -> None:
    simulation = Simulation().shipped("v1")
    for verb in (simulation.abort, simulation.pause, simulation.resume):
        with pytest.raises(ConflictError, match="nothing is moving in production"):
            verb()


def test_a_refused_abort_changes_nothing_and_is_in_the_trail() -> None:
    """cases.md A, argo-rollouts#1292."""
    simulation = Simulation().shipped("v1")
    before = (simulation.snapshot, simulation.acts())
    with pytest.raises(ConflictError):
        simulation.abort()
    assert (simulation.snapshot, simulation.acts()) == (before[0], [*before[1], "request.refused"])
    refused = simulation.entries("request.refused")[0]
    assert (refused.actor, refused.subject) == ("alice", "abort")
    assert refused.reason == "nothing is moving in production"


# -- superseding


def test_a_superseding_deployment_takes_the_first_one_out_of_the_routing_at_once() -> None:
    simulation = half_way(keep_warm=1)
    simulation.release("v3")
    simulation.deploy("v3")
    assert simulation.weights() == {"v1": 2}
    assert simulation.instances("v2", Intent.SERVE) == []
    first = simulation.repository.deployment(2)
    assert (first.phase, first.message) == (Phase.SUPERSEDED, "superseded by deployment 3 of v3")
    assert first.rollouts["backend"].phase is RolloutPhase.DEGRADED
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.weights() == {"v3": 2}
    assert "v2" not in simulation.running()
    assert [r.release for r in simulation.history] == ["v3", "v1"]


def test_a_superseding_deployment_keeps_the_promise_where_nothing_is_warm() -> None:
    simulation = half_way(keep_warm=0)
    simulation.release("v3")
    simulation.deploy("v3")
    while not simulation.settled():
        assert sum(simulation.weights().values()) >= 2
        simulation.tick()
    assert simulation.weights() == {"v3": 2}


def test_the_release_that_is_under_way_can_be_asked_for_again_without_effect() -> None:
    simulation = half_way()
    again = simulation.deploy("v2")
    assert again.deployment is not None
    assert again.deployment.id == 2
    assert again.message == "deployment 2 of v2 is under way already"
    assert len(simulation.repository.deployments(None, 10)) == 2


def test_deploying_the_stable_release_supersedes_what_is_on_its_way() -> None:
    simulation = half_way()
    simulation.deploy("v1")
    assert simulation.weights() == {"v1": 2}
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.running() == {"v1": 2}


def test_a_superseded_deployment_that_was_waiting_never_started() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2")
    simulation.release("v3")
    simulation.deploy("v2")
    simulation.deploy("v3")
    simulation.settle()
    assert simulation.repository.deployment(2).phase is Phase.SUPERSEDED
    assert not [i for i in simulation.workloads.processes.values() if i.version.label == "v2"]


# -- the emergency


def test_an_emergency_rollback_switches_in_the_very_decision_that_records_it() -> None:
    simulation = Simulation(policy(3, keep_warm=1)).shipped("v1", "v2")
    committed, routed = simulation.repository.commits, len(simulation.router.routings)
    outcome = simulation.emergency()
    first = simulation.router.routings[routed].services["backend"].versions
    assert {label: v.weight for label, v in first.items()} == {"v1": 3, "v2": 0}
    assert simulation.repository.commits == committed + 2, "one switches, one ends what is in force"
    assert outcome.deployment is not None
    assert (outcome.deployment.kind, outcome.deployment.phase) == (Kind.EMERGENCY, Phase.SUCCEEDED)
    simulation.settle()
    assert simulation.running() == {"v1": 3}


def test_an_emergency_rollback_says_when_its_review_is_due() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    now = simulation.clock.now()
    simulation.emergency("lab results are mixed up")
    review = simulation.entries("review.required")[0]
    assert review.actor == "alice"
    assert review.subject == "3"
    due = str(review.details["due_at"])
    assert due[:10] == "2026-01-03"
    assert now.isoformat()[:10] == "2026-01-01"


def test_without_a_warm_instance_an_emergency_starts_one_and_switches_as_soon_as_it_is_ready() -> None:
    simulation = Simulation(policy(3, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=4)
    simulation.emergency()
    assert simulation.weights() == {"v2": 3}
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, within=8)
    assert set(simulation.weights()) == {"v1"}
    simulation.settle()
    assert simulation.weights() == {"v1": 3}


def test_an_emergency_during_a_deployment_goes_to_stable() -> None:
    simulation = half_way(keep_warm=1)
    outcome = simulation.emergency()
    assert simulation.weights() == {"v1": 2}
    assert outcome.deployment is not None
    assert outcome.deployment.release == "v1"
    assert simulation.repository.deployment(2).phase is Phase.SUPERSEDED
    simulation.settle()
    assert simulation.running() == {"v1": 2}


def test_an_emergency_waits_for_no_database_and_runs_no_migration() -> None:
    simulation = Simulation(policy(2), {"backend": MIGRATING}).shipped("v1", "v2")
    simulation.backing.slow, simulation.backing.runs = True, False
    simulation.tick()
    simulation.emergency()
    assert simulation.weights() == {"v1": 2}
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2"]


def test_an_emergency_starts_its_version_even_though_the_database_cannot_be_started() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.backing.broken, simulation.backing.runs = True, False
    for _ in range(10):
        try:
            simulation.tick()
        except Exception as error:  # noqa: BLE001 - as the engine's loop does
            simulation.reported.append(error)
        if simulation.deployment.id == 2:
            simulation.emergency()
    assert simulation.weights() == {"v1": 2}


def test_an_emergency_replaces_a_warm_instance_that_is_not_well() -> None:
    simulation = Simulation(policy(1, keep_warm=1)).shipped("v1", "v2")
    sick = simulation.instances("v1", Intent.WARM)[0].id
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name != sick and ready(name)
    simulation.tick()
    simulation.emergency()
    simulation.until(lambda: simulation.weights() == {"v1": 1}, within=20)
