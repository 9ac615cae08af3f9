"""What every Instances must do."""

from collections.abc import Mapping

import pytest

from carelane.base.errors import PlatformError
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.releases import ServiceVersion
from carelane.delivery.replicas.ports import Instances, Placement
from carelane.delivery.replicas.seen import InstanceSeen
from tests.waiting import until

PLACE = Placement("backend-1", "production", {})
TASK = Placement("backend.migrate-7", "production", {})


class InstancesContract:
    """Subclasses give the fixtures *workloads*, *version* (runs until told to end) and *migrating*.

    *migrating* has a migration that ends by itself with exit code 3.
    """

    @pytest.fixture
    def workloads(self) -> Instances:
        raise NotImplementedError

    @pytest.fixture
    def version(self) -> ServiceVersion:
        raise NotImplementedError

    @pytest.fixture
    def migrating(self) -> ServiceVersion:
        raise NotImplementedError

    def test_where_nothing_was_started_nothing_is_seen(self, workloads: Instances) -> None:
        assert workloads.observe() == {}

    def test_what_is_started_runs_supervised_with_a_port_and_a_pid(
        self, workloads: Instances, version: ServiceVersion
    ) -> None:
        workloads.start(PLACE, version)
        seen = wait_for(workloads, ProcessPhase.RUNNING)
        assert seen.supervised
        assert seen.restarts == 0
        assert seen.port is not None
        assert seen.place

    def test_started_twice_it_is_the_same(self, workloads: Instances, version: ServiceVersion) -> None:
        workloads.start(PLACE, version)
        first = wait_for(workloads, ProcessPhase.RUNNING)
        workloads.start(PLACE, version)
        second = wait_for(workloads, ProcessPhase.RUNNING)
        assert (first.place, first.port) == (second.place, second.port)

    def test_instances_have_ports_of_their_own(self, workloads: Instances, version: ServiceVersion) -> None:
        workloads.start(PLACE, version)
        workloads.start(Placement("backend-2", "production", {}), version)
        ports = {seen.port for seen in workloads.observe().values()}
        assert len(ports) == 2

    def test_what_is_stopped_ends_and_is_seen_until_it_is_forgotten(
        self, workloads: Instances, version: ServiceVersion
    ) -> None:
        workloads.start(PLACE, version)
        wait_for(workloads, ProcessPhase.RUNNING)
        workloads.stop(PLACE.instance, 5.0)
        workloads.stop(PLACE.instance, 5.0)
        wait_for(workloads, ProcessPhase.EXITED)
        workloads.forget(PLACE.instance)
        assert workloads.observe() == {}
        workloads.forget(PLACE.instance)

    def test_what_has_just_been_started_again_is_ended_and_not_forgotten(
        self, workloads: Instances, version: ServiceVersion
    ) -> None:
        """Who forgets it had seen it ended: nobody would know of what runs in its folder from then on."""
        workloads.start(PLACE, version)
        workloads.forget(PLACE.instance)
        assert PLACE.instance in workloads.observe()
        wait_for(workloads, ProcessPhase.EXITED)
        workloads.forget(PLACE.instance)
        assert workloads.observe() == {}

    def test_an_unknown_instance_can_be_stopped_and_forgotten(self, workloads: Instances) -> None:
        workloads.stop("nobody-1", 1.0)
        workloads.forget("nobody-1")
        assert workloads.observe() == {}

    def test_what_was_told_to_stop_does_not_start_again(
        self, workloads: Instances, version: ServiceVersion
    ) -> None:
        workloads.start(PLACE, version)
        wait_for(workloads, ProcessPhase.RUNNING)
        workloads.stop(PLACE.instance, 5.0)
        wait_for(workloads, ProcessPhase.EXITED)
        workloads.start(PLACE, version)
        for _ in range(5):
            assert workloads.observe()[PLACE.instance].phase is ProcessPhase.EXITED

    def test_a_task_runs_once_and_its_exit_code_stays(
        self, workloads: Instances, migrating: ServiceVersion
    ) -> None:
        workloads.start(PLACE, migrating, migrating.run.migrate)
        seen = wait_for(workloads, ProcessPhase.EXITED)
        assert seen.exit_code == 3
        assert workloads.observe()[PLACE.instance].exit_code == 3

    def test_a_task_says_whose_it_is_and_an_instance_is_none(
        self, workloads: Instances, version: ServiceVersion, migrating: ServiceVersion
    ) -> None:
        workloads.start(PLACE, version)
        workloads.start(TASK, migrating, migrating.run.migrate)
        assert {name: seen.task_of for name, seen in workloads.observe().items()} == {
            PLACE.instance: None,
            TASK.instance: "backend",
        }
        wait_for(workloads, ProcessPhase.EXITED, TASK.instance)
        assert workloads.observe()[TASK.instance].task_of == "backend"

    def test_what_is_a_task_never_becomes_an_instance_nor_the_other_way_round(
        self, workloads: Instances, version: ServiceVersion, migrating: ServiceVersion
    ) -> None:
        workloads.start(PLACE, migrating, migrating.run.migrate)
        with pytest.raises(PlatformError):
            workloads.start(PLACE, version)
        wait_for(workloads, ProcessPhase.EXITED)
        with pytest.raises(PlatformError):
            workloads.start(PLACE, version)
        workloads.start(TASK, version)
        with pytest.raises(PlatformError):
            workloads.start(TASK, migrating, migrating.run.migrate)


def wait_for(workloads: Instances, phase: ProcessPhase, instance: str = PLACE.instance) -> InstanceSeen:
    """The instance as seen once it is in *phase*."""
    latest: Mapping[str, InstanceSeen] = {}

    def there() -> bool:
        nonlocal latest
        latest = workloads.observe()
        return instance in latest and latest[instance].phase is phase

    until(there, 10.0, f"{instance} is {phase}")
    return latest[instance]
