from carelane.delivery.environments import EnvironmentState, Instance, Intent, ServiceState
from carelane.delivery.observations import EndpointSeen, InstanceSeen, Observation, ProcessPhase
from carelane.delivery.releases import Probe
from carelane.delivery.routing import Endpoint, Routing, routing
from tests.fakes.releases import MADE_AT, WORKER, version


def seen(fit: set[int], unfit: set[int] | None = None, exited: set[int] | None = None) -> Observation:
    """Instances by number: port 20000 + number."""
    running = fit | (unfit or set())
    instances = {f"backend-{n}": InstanceSeen(ProcessPhase.RUNNING, port=20_000 + n) for n in running} | {
        f"backend-{n}": InstanceSeen(ProcessPhase.EXITED, port=20_000 + n) for n in exited or set()
    }
    return Observation(instances, {f"backend-{n}": EndpointSeen(n in fit) for n in running})


def state(*instances: tuple[int, str, Intent], stable: str | None = "v1") -> EnvironmentState:
    labels = dict.fromkeys([label for _, label, _ in instances] + ([stable] if stable else []))
    service = ServiceState(
        stable=stable,
        versions={label: version("backend", label) for label in labels},
        instances=tuple(Instance(f"backend-{n}", "backend", label, i, MADE_AT) for n, label, i in instances),
    )
    return EnvironmentState("production", generation=7, services={"backend": service})


def weights(routed: Routing) -> dict[str, int]:
    return {label: v.weight for label, v in routed.services["backend"].versions.items()}


def test_a_labels_weight_is_the_number_of_its_ready_serving_instances() -> None:
    recorded = state(
        (1, "v1", Intent.SERVE), (2, "v1", Intent.SERVE), (3, "v2", Intent.SERVE), (4, "v2", Intent.SERVE)
    )
    assert weights(routing(recorded, seen(fit={1, 2, 3}, unfit={4}))) == {"v1": 2, "v2": 1}


def test_only_what_is_meant_to_serve_has_weight() -> None:
    recorded = state(
        (1, "v1", Intent.SERVE), (2, "v2", Intent.WARM), (3, "v3", Intent.DRAIN), (4, "v4", Intent.STOP)
    )
    routed = routing(recorded, seen(fit={1, 2, 3, 4}))
    assert weights(routed) == {"v1": 1, "v2": 0, "v3": 0, "v4": 0}


def test_where_none_is_ready_the_stable_label_keeps_the_traffic() -> None:
    recorded = state((1, "v1", Intent.SERVE), (2, "v2", Intent.SERVE))
    assert weights(routing(recorded, seen(fit=set(), unfit={1, 2}))) == {"v1": 1, "v2": 0}


def test_where_there_is_no_stable_label_the_first_has_the_traffic() -> None:
    recorded = state((1, "v1", Intent.SERVE), stable=None)
    assert weights(routing(recorded, seen(fit=set(), unfit={1}))) == {"v1": 1}


def test_leaving_instances_stay_known_as_draining_until_they_are_gone() -> None:
    recorded = state(
        (1, "v1", Intent.SERVE), (2, "v1", Intent.DRAIN), (3, "v1", Intent.STOP), (4, "v1", Intent.STOP)
    )
    routed = routing(recorded, seen(fit={1, 2, 3}, exited={4}))
    assert routed.services["backend"].versions["v1"].endpoints == (
        Endpoint("backend-1", 20_001),
        Endpoint("backend-2", 20_002, draining=True),
        Endpoint("backend-3", 20_003, draining=True),
    )


def test_an_instance_that_was_not_seen_yet_is_no_endpoint() -> None:
    routed = routing(state((1, "v1", Intent.SERVE)), seen(fit=set()))
    assert routed.services["backend"].versions["v1"].endpoints == ()


def test_the_front_door_shows_the_stable_versions_paths_and_each_label_has_its_own_probe() -> None:
    route = routing(state((1, "v1", Intent.SERVE)), seen(fit={1})).services["backend"]
    assert route.prefixes == ("/",)
    assert route.versions["v1"].readiness == Probe("/ready")


def test_workers_and_services_that_never_ran_are_not_routed() -> None:
    worker = ServiceState(stable="v1", versions={"v1": version("reminders", "v1", WORKER)})
    recorded = EnvironmentState("production", 3, services={"reminders": worker, "ghost": ServiceState()})
    assert routing(recorded, Observation()) == Routing(3)


def test_the_routing_carries_the_generation_it_was_derived_from() -> None:
    assert routing(state((1, "v1", Intent.SERVE)), seen(fit={1})).generation == 7
