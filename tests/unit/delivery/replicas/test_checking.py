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


def test_an_address_that_nobody_has_is_told_and_one_of_a_database_that_is_not_there_yet_is_not() -> None:
    replicas = Simulation(policy(2), {"backend": WEB}).replicas
    there = version("backend", "v1")
    of_database = replace(there.run, environment={"DATABASE_URL": "${backing.database.url}"})
    replicas.check([replace(there, run=of_database)])
    of_nobody = replace(there.run, environment={"API": "${services.api.url}/v1"})
    with pytest.raises(
        InputError, match=r"backend v1 needs \$\{services.api.url\}, which this server does not"
    ):
        replicas.check([replace(there, run=of_nobody)])
