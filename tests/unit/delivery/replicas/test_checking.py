"""What cannot run on this machine is told before anything moves."""

from dataclasses import replace

import pytest

from carelane.base.errors import InputError
from carelane.delivery.releases import SecretReference
from tests.fakes.releases import WEB, version
from tests.fakes.simulation import Simulation, policy


def test_a_secret_that_only_a_cluster_keeps_is_refused() -> None:
    replicas = Simulation(policy(2), {"backend": WEB}).replicas
    there = version("backend", "v1")
    for run in (there.run, replace(there.run, secrets={"KEY": SecretReference(1, "key")})):
        replicas.check([replace(there, run=run)])
    kept_there = replace(there.run, secrets={"KEY": SecretReference(1, key="clinic/key")})
    with pytest.raises(InputError, match="takes KEY from a Secret, clinic/key, and production is not on"):
        replicas.check([replace(there, run=kept_there)])
