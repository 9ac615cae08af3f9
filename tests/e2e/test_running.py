"""A service that runs is renewed and scaled, and no request is lost."""

from tests.load import Load
from tests.systems.system import System
from tests.waiting import until


def test_a_restart_renews_every_instance_and_loses_no_request(system: System) -> None:
    system.shipped("v1")
    before = {i["pid"] for i in system.instances("v1")}
    with Load(system.port, rate=100, connections=8) as load:
        said = system.must("restart", "production", "web", "--wait", "--reason", "it leaks")
    assert "2 of 2 instances of web are renewed" in said
    system.until_calm()
    after = {i["pid"] for i in system.instances("v1")}
    assert len(after) == 2
    assert not after & before
    assert not [a for a in load.answers if a.lost]
    entry = next(line for line in system.must("events").splitlines() if "service.restarted" in line)
    assert "it leaks" in entry


def test_a_size_that_a_person_gives_holds_until_the_next_deployment(system: System) -> None:
    system.shipped("v1")
    with Load(system.port, rate=100, connections=8) as load:
        said = system.must("scale", "production", "web", "--replicas", "4")
        assert said == "web in production: 4 instances, until the next deployment has arrived\n"
        until(lambda: system.service()["ready"] == 4, 15, "four are ready")
        assert "4/4" in system.must("status")
        system.shipped("v2")
        until(lambda: system.service()["ready"] == 2, 15, "as carelane.yaml says")
        system.until_calm()
    assert not [a for a in load.answers if a.lost]
    again = system.run("scale", "production", "web", "--default")
    assert (again.code, "2 replicas already" in again.err) == (5, True)
    neither = system.run("scale", "production", "web")
    assert (neither.code, "--replicas N, or --default" in neither.err) == (2, True)
    nobody = system.run("restart", "production", "api")
    assert (nobody.code, "there are: web" in nobody.err) == (4, True)
