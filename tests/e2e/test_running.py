"""A service that runs is renewed and scaled, and no request is lost."""

from tests.load import Load
from tests.systems.system import Ran, System
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


def beside(system: System, instance: str, script: str, *options: str) -> Ran:
    return system.run("exec", *options, "production", instance, "--", "/bin/sh", "-c", script)


def test_a_command_runs_beside_an_instance_as_it_does(system: System) -> None:
    system.shipped("v1")
    one = system.instances("v1")[0]
    told = system.run(
        "exec", "production", one["id"], "--", "/bin/sh", "-c", "echo $PORT in $PWD; echo oh >&2; exit 7"
    )
    assert (told.code, told.err) == (7, "oh\n")
    assert told.out.startswith(f"{one['port']} in ")
    assert system.must("exec", "production", "web", "/bin/sh", "-c", "echo $APP_VERSION") == "v1\n"
    assert "instance.executed" in system.must("events")
    slow = system.run(
        "exec", "--timeout", "0.5", "production", "web", "--", "/bin/sh", "-c", "echo hi; sleep 60"
    )
    assert (slow.code, slow.out) == (11, "hi\n")
    much = system.run(
        "exec", "production", "web", "--", "/bin/sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"
    )
    assert (len(much.out), "a MiB" in much.err) == (1 << 20, True)
    absent = system.run("exec", "production", "web", "--", "no-such-thing")
    assert (absent.code, "cannot run no-such-thing" in absent.err) == (2, True)
    gone = system.run("exec", "production", "web-99", "--", "true")
    assert (gone.code, "web-99 does not run" in gone.err) == (5, True)
