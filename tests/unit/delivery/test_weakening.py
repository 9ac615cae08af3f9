"""What goes round the steps that an environment asks for: another strategy, or another name."""

from dataclasses import replace

import pytest

from carelane.base.errors import RefusedError
from carelane.delivery.policies import Policy
from carelane.delivery.requesting import Wanted
from carelane.delivery.strategies import DEFAULTS, StrategyKind
from tests.fakes.releases import WEB
from tests.fakes.simulation import PRODUCTION, Simulation, policy

RENAMED = "the steps of canary for site, which takes users of backend over at once"


def by_canary(**replicas: int) -> Policy:
    return replace(policy(replicas), strategy=DEFAULTS[StrategyKind.CANARY])


def renamed() -> Simulation:
    """v2 has site in the place of backend, at the same path."""
    simulation = Simulation(by_canary(backend=1, site=1)).shipped("v1")
    simulation.release("v2", services={"site": WEB})
    return simulation


def test_a_pipeline_does_not_go_round_the_canary_by_another_name() -> None:
    simulation = renamed()
    with pytest.raises(RefusedError) as caught:
        simulation.operations.deploy(
            PRODUCTION, "v2", "token ci", "", Wanted(by_token=True, may_weaken=False)
        )
    assert caught.value.message == f"token ci may not deploy into production, without {RENAMED}"
    assert simulation.weights() == {"v1": 1}


def test_a_path_that_moves_to_a_new_service_goes_round_the_canary_too() -> None:
    both = replace(WEB, routes=("/", "/site"))
    simulation = Simulation(by_canary(backend=1, site=1), {"backend": both}).shipped("v1")
    simulation.release("v2", services={"backend": WEB, "site": replace(WEB, routes=("/site",))})
    asks = Wanted(by_token=True, may_weaken=False)
    with pytest.raises(RefusedError, match="for site, which takes users of backend over at once"):
        simulation.operations.deploy(PRODUCTION, "v2", "token ci", "", asks)


def test_who_may_is_recorded_to_have() -> None:
    simulation = renamed()
    simulation.deploy("v2")
    (weakened,) = simulation.entries("policy.weakened")
    assert (weakened.actor, weakened.reason) == ("alice", f"without {RENAMED}")


@pytest.mark.parametrize(
    "services", [{"backend": WEB}, {"backend": WEB, "site": replace(WEB, routes=("/site",))}]
)
def test_a_new_service_beside_is_nobody_s_way_round(services: dict[str, object]) -> None:
    simulation = Simulation(by_canary(backend=1, site=1)).shipped("v1")
    simulation.release("v2", services=services, changes=("site",))  # type: ignore[arg-type]
    simulation.operations.deploy(PRODUCTION, "v2", "token ci", "", Wanted(by_token=True, may_weaken=False))
    assert not simulation.entries("policy.weakened")
