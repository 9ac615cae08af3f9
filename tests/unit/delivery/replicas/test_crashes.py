"""What became of instances is in the trail: once, with exit code and count, and never a flood."""

from dataclasses import replace

import pytest

from carelane.audit.entries import Entry
from carelane.delivery.replicas.fleet import Crew, Intent
from tests.fakes.instances import HANGING, Behaviour
from tests.fakes.simulation import Simulation, policy

ACTS = ("instance.crashed", "instance.restarted", "instance.adopted", "instance.replaced")


def shipped(replicas: int = 1) -> tuple[Simulation, str]:
    """v1 runs; the name of its first instance."""
    simulation = Simulation(policy(replicas)).shipped("v1")
    return simulation, simulation.instances("v1")[0].id


def told(simulation: Simulation) -> list[Entry]:
    """What the trail says became of instances."""
    return [p.entry for p in simulation.trail.after(0, 10_000) if p.entry.act in ACTS]


def test_an_instance_that_ended_by_itself_is_told_once_with_its_exit_code() -> None:
    simulation, name = shipped()
    simulation.workloads.crash(name, 139)
    simulation.tick(5)
    (entry,) = told(simulation)
    assert (entry.act, entry.subject, entry.actor) == ("instance.crashed", name, "carelane")
    assert entry.reason == "it ended by itself with exit code 139; it is started again"
    assert entry.details == {
        "service": "backend", "version": "v1", "exit_code": 139, "ends": 1, "ends_in_a_row": 1,
    }  # fmt: skip


def test_one_that_was_killed_with_what_keeps_it_is_told_when_it_was_started_again() -> None:
    simulation, name = shipped()
    simulation.workloads.kill(name)
    simulation.tick(5)
    (entry,) = told(simulation)
    assert (entry.act, entry.subject, entry.details["exit_code"]) == ("instance.restarted", name, None)
    assert entry.reason == "it ended, nobody saw how; it is started again"


def test_one_whose_keeper_was_killed_is_told_once_however_long_it_takes_to_get_another() -> None:
    simulation, name = shipped()
    simulation.workloads.processes[name].supervised = False
    simulation.workloads.failing_starts = 4
    simulation.tick(8)
    (entry,) = told(simulation)
    assert (entry.act, entry.subject) == ("instance.adopted", name)
    simulation.workloads.processes[name].supervised = False
    simulation.tick(3)
    assert len(told(simulation)) == 2


def test_one_replaced_for_its_liveness_is_told_once() -> None:
    simulation, name = shipped(2)
    simulation.workloads.behaviours["v1"] = HANGING
    simulation.tick()
    replaced = [e for e in told(simulation) if e.subject == name]
    assert [e.act for e in replaced] == ["instance.replaced"]
    assert replaced[0].details == {"service": "backend", "version": "v1"}


def test_a_new_server_tells_nothing_again() -> None:
    simulation, name = shipped(2)
    simulation.workloads.crash(name)
    simulation.workloads.processes[simulation.instances("v1")[1].id].supervised = False
    simulation.workloads.failing_starts = 1
    simulation.tick()
    assert len(told(simulation)) == 2
    for _ in range(3):
        simulation.restart_server()
        simulation.tick(2)
    assert len(told(simulation)) == 2


def test_what_ended_while_no_server_ran_is_told_by_the_next() -> None:
    simulation, name = shipped()
    simulation.workloads.crash(name)
    simulation.workloads.crash(name)
    simulation.restart_server()
    simulation.tick(2)
    (entry,) = told(simulation)
    assert "2 times since that was last told" in entry.reason
    assert entry.details["ends"] == 2


def test_of_a_crash_loop_the_first_end_is_told_and_then_at_growing_counts() -> None:
    simulation, name = shipped()
    simulation.workloads.behaviours["v1"] = Behaviour(crashes=True)
    simulation.workloads.processes[name].age = 0
    simulation.tick(1000)
    counts = [e.details["ends_in_a_row"] for e in told(simulation)]
    assert counts == [2**n for n in range(10)]


def test_lone_ends_are_told_at_once_but_not_more_often_than_every_ten_minutes() -> None:
    """One that ends whenever it has lived for a minute is no crash loop, and no reason for a flood."""
    simulation, name = shipped()
    for _ in range(120):
        simulation.workloads.crash(name, settled=True)
        simulation.tick(seconds=61.0)
    entries = told(simulation)
    assert 10 <= len(entries) <= 13
    simulation.workloads.processes[name].restarts = 0
    simulation.tick(2, seconds=700.0)
    assert told(simulation)[-1].details["ends"] == 120, "in the end, all are told"


def test_a_lone_end_long_after_another_is_told_at_once() -> None:
    simulation, name = shipped()
    for _ in range(3):
        simulation.workloads.crash(name, settled=True)
        simulation.tick()
        simulation.tick(seconds=3600.0)
    assert [e.details["ends"] for e in told(simulation)] == [1, 2, 3]


def test_an_end_that_was_asked_for_is_none_of_these() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1")
    simulation.workloads.behaviours["v1"] = Behaviour(ends_after=5)
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.instances("v1", Intent.STOP)))
    leaving = simulation.instances("v1", Intent.STOP)[0].id
    simulation.workloads.processes[leaving].supervised = False
    simulation.workloads.processes[leaving].ends += 1
    simulation.settle()
    assert told(simulation) == []


@pytest.mark.parametrize("ends", [0, 7])
def test_of_what_an_earlier_server_did_not_note_nothing_is_told(ends: int) -> None:
    simulation, name = shipped()
    before = tuple(replace(instance, ends=None) for instance in simulation.fleet.instances)
    simulation.fleets.keep(replace(simulation.fleet, crews={"backend": Crew(before)}), ())
    simulation.restart_server()
    simulation.workloads.processes[name].ends = ends
    simulation.tick(3)
    assert told(simulation) == []
    simulation.workloads.crash(name)
    simulation.tick()
    assert [e.details["ends"] for e in told(simulation)] == [ends + 1]
