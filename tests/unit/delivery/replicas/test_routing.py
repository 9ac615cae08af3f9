"""What the proxies are told of a fleet."""

from dataclasses import replace

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.releases import Probe, RouteSettings
from carelane.delivery.replicas.fleet import Crew, Fleet, Instance, Intent
from carelane.delivery.replicas.routing import Endpoint, Routing, routing
from carelane.delivery.replicas.seen import EndpointSeen, FleetSeen, InstanceSeen
from carelane.delivery.targets import ServiceTarget, Target
from tests.fakes.releases import MADE_AT, WORKER, version


def seen(fit: set[int], unfit: set[int] | None = None, exited: set[int] | None = None) -> FleetSeen:
    """Instances by number: port 20000 + number."""
    running = fit | (unfit or set())
    instances = {f"backend-{n}": InstanceSeen(ProcessPhase.RUNNING, port=20_000 + n) for n in running} | {
        f"backend-{n}": InstanceSeen(ProcessPhase.EXITED, port=20_000 + n) for n in exited or set()
    }
    return FleetSeen(instances, {f"backend-{n}": EndpointSeen(n in fit) for n in running})


def routed(
    *instances: tuple[int, str, Intent],
    looked: FleetSeen,
    stable: str | None = "v1",
    shares: dict[str, int] | None = None,
) -> Routing:
    """The routing of a fleet of the backend, as of generation 7."""
    labels = dict.fromkeys([label for _, label, _ in instances] + ([stable] if stable else []))
    versions = {label: version("backend", label) for label in labels}
    crew = Crew(tuple(Instance(f"backend-{n}", "backend", label, i, MADE_AT) for n, label, i in instances))
    copies = dict.fromkeys(shares if shares is not None else labels, Copies(Purpose.SERVE))
    wanted = ServiceTarget(home=stable, stable=stable, versions=versions, copies=copies, shares=shares)
    fleet = Fleet("production", 4, {"backend": crew}, {"backend": versions})
    return routing(Target(7, {"backend": wanted}), fleet, looked)


def weights(routed: Routing) -> dict[str, int]:
    return {label: v.weight for label, v in routed.services["backend"].versions.items()}


def test_a_labels_weight_is_the_number_of_its_ready_serving_instances() -> None:
    four = [(n, label, Intent.SERVE) for n, label in enumerate(("v1", "v1", "v2", "v2"), 1)]
    assert weights(routed(*four, looked=seen(fit={1, 2, 3}, unfit={4}))) == {"v1": 2, "v2": 1}


def test_with_shares_a_labels_weight_is_its_share_and_who_has_nobody_ready_leaves_it_to_the_others() -> None:
    two = ((1, "v1", Intent.SERVE), (2, "v2", Intent.SERVE))
    shares = {"v1": 9000, "v2": 1000}
    assert weights(routed(*two, looked=seen(fit={1, 2}), shares=shares)) == shares
    assert weights(routed(*two, looked=seen(fit={1}, unfit={2}), shares=shares)) == {"v1": 9000, "v2": 0}
    assert weights(routed(*two, looked=seen(fit={2}, unfit={1}), shares={"v1": 10_000})) == {
        "v1": 0,
        "v2": 1,
    }, "what has no share any more serves on where nobody else is ready"


def test_only_what_is_meant_to_serve_has_weight() -> None:
    four = [(n, f"v{n}", intent) for n, intent in enumerate(Intent, 1)]
    assert weights(routed(*four, looked=seen(fit={1, 2, 3, 4}))) == {"v1": 1, "v2": 0, "v3": 0, "v4": 0}


def test_where_none_is_ready_the_stable_label_keeps_the_traffic() -> None:
    two = ((1, "v1", Intent.SERVE), (2, "v2", Intent.SERVE))
    assert weights(routed(*two, looked=seen(fit=set(), unfit={1, 2}))) == {"v1": 1, "v2": 0}


def test_where_there_is_no_stable_label_the_first_has_the_traffic() -> None:
    one = (1, "v1", Intent.SERVE)
    assert weights(routed(one, stable=None, looked=seen(fit=set(), unfit={1}))) == {"v1": 1}


def test_leaving_instances_stay_known_as_draining_until_they_are_gone() -> None:
    intents = (Intent.SERVE, Intent.DRAIN, Intent.STOP, Intent.STOP)
    four = [(n, "v1", intent) for n, intent in enumerate(intents, 1)]
    made = routed(*four, looked=seen(fit={1, 2, 3}, exited={4}))
    assert made.services["backend"].versions["v1"].endpoints == (
        Endpoint("backend-1", 20_001),
        Endpoint("backend-2", 20_002, draining=True),
        Endpoint("backend-3", 20_003, draining=True),
    )


def test_an_instance_that_was_not_seen_yet_is_no_endpoint() -> None:
    made = routed((1, "v1", Intent.SERVE), looked=seen(fit=set()))
    assert made.services["backend"].versions["v1"].endpoints == ()


def test_the_front_door_shows_the_stable_versions_paths_and_each_label_has_its_own_probe() -> None:
    route = routed((1, "v1", Intent.SERVE), looked=seen(fit={1})).services["backend"]
    assert route.prefixes == ("/",)
    assert route.versions["v1"].readiness == Probe("/ready")


def test_a_label_is_asked_for_by_hand_while_somebody_of_it_answers() -> None:
    def offered(intent: Intent, *, fit: bool) -> bool:
        there = ((1, "v1", Intent.SERVE), (2, "v2", intent))
        looked = seen(fit={1, 2} if fit else {1}, unfit=set() if fit else {2})
        return routed(*there, looked=looked).services["backend"].versions["v2"].by_hand

    assert offered(Intent.SERVE, fit=True)
    assert offered(Intent.WARM, fit=True)
    assert offered(Intent.DRAIN, fit=True), "it answers as long as it is there"
    assert not offered(Intent.STOP, fit=True)
    assert not offered(Intent.SERVE, fit=False), "it is starting"


def test_what_two_versions_allow_over_a_path_is_what_either_does() -> None:
    long = RouteSettings(timeout_seconds=300.0, idle_seconds=90.0, upgrades=())
    short = RouteSettings(timeout_seconds=5.0, idle_seconds=10.0)
    versions = {
        label: replace(made, run=replace(made.run, routes=("/", "/api"), route_settings={"/api": settings}))
        for label, settings in (("v1", long), ("v2", short))
        for made in (version("backend", label),)
    }
    copies = dict.fromkeys(versions, Copies(Purpose.SERVE))
    wanted = ServiceTarget("v1", "v1", "v2", copies, {"v1": 1, "v2": 1}, versions)
    crew = Crew((Instance("backend-1", "backend", "v1", Intent.SERVE, MADE_AT),))
    fleet = Fleet("production", 2, {"backend": crew}, {"backend": versions})
    made = routing(Target(1, {"backend": wanted}), fleet, seen(fit={1})).services["backend"]
    assert made.settings == {"/": RouteSettings(), "/api": RouteSettings(300.0, 90.0)}
    alone = replace(wanted, shares={"v2": 1}, stable="v2", home="v2", trial=None)
    crew = Crew(tuple(Instance(f"backend-{n}", "backend", f"v{n}", Intent.SERVE, MADE_AT) for n in (1, 2)))
    fleet = Fleet("production", 2, {"backend": crew}, {"backend": versions})
    made = routing(Target(2, {"backend": alone}), fleet, seen(fit={1, 2})).services["backend"]
    assert made.settings["/api"] == short, "what is only warm allows nothing"
    either = long.or_more(RouteSettings())
    assert either.timeout_seconds is None, "no limit is more than any"


def test_a_path_that_nobody_has_yet_is_expected_where_somebody_is_to_have_it() -> None:
    wanted = {
        "backend": ServiceTarget("v1", versions={"v1": version("backend", "v1")}),
        "left": ServiceTarget(versions={"v1": version("left", "v1")}),
    }
    made = routing(Target(1, wanted), Fleet("production"), FleetSeen())
    assert made.expected == version("backend", "v1").run.routes
    assert routed((1, "v1", Intent.SERVE), looked=seen(fit={1})).expected == ()


def test_workers_and_services_that_never_ran_are_not_routed() -> None:
    worker = ServiceTarget(stable="v1", versions={"v1": version("reminders", "v1", WORKER)})
    target = Target(3, {"reminders": worker, "ghost": ServiceTarget()})
    assert routing(target, Fleet("production"), FleetSeen()) == Routing(3)


def test_the_routing_carries_the_generation_it_was_derived_from() -> None:
    assert routed((1, "v1", Intent.SERVE), looked=seen(fit={1})).generation == 7
