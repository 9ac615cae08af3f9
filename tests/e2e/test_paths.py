"""Paths that move between services, at real proxies: nobody is sent to who is not ready."""

from collections.abc import Callable

import pytest
import yaml

from tests.load import Load, summary
from tests.systems.system import System, slow_to_start

Make = Callable[..., System]


def renamed(system: System) -> None:
    """From now on `web` is called `site`."""
    written = system.folder / "carelane.yaml"
    described = yaml.safe_load(written.read_text())
    described["services"]["site"] = described["services"].pop("web")
    described["environments"]["production"]["replicas"] = {"site": 2}
    written.write_text(yaml.safe_dump(described, sort_keys=False))


@pytest.mark.parametrize("verb", ["emergency-rollback", "rollback"])
def test_going_back_from_a_service_with_another_name_loses_no_request(make_system: Make, verb: str) -> None:
    system = make_system(replicas=2)
    system.release("v1", run=slow_to_start(2))
    system.deploy("v1")
    system.on_change = renamed
    system.release("v2")
    with Load(system.port, rate=40) as load:
        system.deploy("v2")
        waits = ["--wait"] if verb == "rollback" else []
        system.must(verb, "production", "--reason", "errors", *waits)
        system.until_calm()
    assert not [a for a in load.answers if a.lost], summary(load.answers)
    assert [a.version for a in load.answers][-1] == "v1"
    assert {a.version for a in load.answers} == {"v1", "v2"}


def with_api(system: System) -> None:
    """`web` knows where it reaches `api`, a service of its own."""
    written = system.folder / "carelane.yaml"
    described = yaml.safe_load(written.read_text())
    api = {**described["services"]["web"], "routes": ["/api"], "health": None, "version": None}
    described["services"]["api"] = {name: value for name, value in api.items() if value is not None}
    environment = {**described["services"]["web"]["environment"], "GREETING": "${services.api.url}"}
    described["services"]["web"] = {**described["services"]["web"], "environment": environment}
    written.write_text(yaml.safe_dump(described, sort_keys=False))


@pytest.mark.parametrize("keeps", [True, False])
def test_a_service_that_is_described_no_more_has_its_address_for_as_long_as_one_can_go_back(
    make_system: Make, *, keeps: bool
) -> None:
    system = make_system(replicas=1)
    system.on_change = with_api
    system.release("v1")
    unknown = system.deploy("v1", expect=2)
    assert "web v1 needs ${services.api.url}, which this server does not know" in unknown.err
    system.must("down")
    system.up()
    system.deploy("v1")
    address = system.get(system.port)["greeting"]
    system.on_change = None
    system.release("v2")
    system.deploy("v2")
    system.must("down", *(["--keep-running"] if keeps else []))
    system.up()
    system.must("emergency-rollback", "production", "--reason", "errors")
    assert system.get(system.port)["greeting"] == address
    assert system.get(int(address.rpartition(":")[2]))["version"] == "v1", "it is answered there"
