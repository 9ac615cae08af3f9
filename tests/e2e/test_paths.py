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
