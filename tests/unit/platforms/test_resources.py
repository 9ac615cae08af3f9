"""Envoy's documents, as functions of the routing."""

from dataclasses import replace
from typing import Any

import pytest

from carelane.delivery.releases import Probe, RouteSettings
from carelane.delivery.replicas.routing import Endpoint, Routing, ServiceRoute, VersionRoute
from carelane.platforms.envoy import resources
from carelane.platforms.envoy import routes as made_routes
from carelane.platforms.envoy.documents import FRONT, PREVIEW, cluster_name, from_discovery

BACKEND = ServiceRoute(
    ("/api", "/api/v2"),
    {
        "v1": VersionRoute(3, (Endpoint("backend-1", 20_001), Endpoint("backend-2", 20_002, draining=True))),
        "v2": VersionRoute(0, (), Probe("/ready", 0.5, 2.0, 4)),
    },
)
FRONTEND = ServiceRoute(("/",), {"v1": VersionRoute(1)})
ROUTING = Routing(7, {"frontend": FRONTEND, "backend": BACKEND})


def routes(listener: str) -> list[dict[str, Any]]:
    (answer,) = made_routes.routes(ROUTING, listener)["resources"]
    (host,) = answer["virtual_hosts"]
    return list(host["routes"])


def judged(listener: str) -> list[dict[str, Any]]:
    return [route for route in routes(listener) if route["name"] == "judged"]


def test_longer_prefixes_come_first_and_the_rest_is_told_that_nothing_is_there() -> None:
    prefixes = [r["match"].get("path_separated_prefix", r["match"].get("prefix")) for r in judged(FRONT)]
    assert prefixes == [p for p in ("/api/v2", "/api", "/") for _ in range(6)]
    assert routes(FRONT)[-1]["direct_response"]["status"] == 404


def test_a_path_is_refused_for_a_reason() -> None:
    def said(routing: Routing, listener: str = FRONT) -> list[tuple[str, int]]:
        (answer,) = made_routes.routes(routing, listener)["resources"]
        return [
            (next(iter(route["match"].values())), route["direct_response"]["status"])
            for route in answer["virtual_hosts"][0]["routes"]
            if "direct_response" in route and len(route["match"]["headers"]) == 0
        ]

    assert said(Routing(1)) == [("/", 503)], "nothing is there"
    assert said(Routing(1), "backend") == [("/", 503)]
    backend = Routing(2, {"backend": BACKEND}, ("/",))
    assert said(backend) == [("/", 503), ("/", 404)], "the portal is still to come"
    assert said(replace(backend, expected=())) == [("/", 404)], "nobody is to have it"
    shapes = [made_routes.shape(r, FRONT, fixed=False) for r in (backend, replace(backend, expected=()))]
    assert shapes[0] != shapes[1]


def test_who_starts_or_leaves_is_not_offered_by_hand_and_carelane_itself_is_told_so() -> None:
    gone = replace(BACKEND.versions["v1"], by_hand=False)
    routing = Routing(1, {"backend": replace(BACKEND, versions={**BACKEND.versions, "v1": gone})})
    (answer,) = made_routes.routes(routing, "backend")["resources"]
    made = answer["virtual_hosts"][0]["routes"]
    assert {r["route"]["cluster"] for r in made if r["name"] == "hand"} == {"backend~v2"}
    names = [r["name"] for r in made]
    refused = names.index("none")
    assert [h["name"] for h in made[refused]["match"]["headers"]] == ["x-carelane-own", "x-carelane-version"]
    assert set(names[:refused]) == {"hand"}, "before who is drawn for another version"
    shapes = [made_routes.shape(r, "backend", fixed=False) for r in (routing, ROUTING)]
    assert shapes[0] != shapes[1]


def test_a_route_has_its_own_times_and_upgrades() -> None:
    said = RouteSettings(timeout_seconds=5.0, idle_seconds=9.0, upgraded_idle_seconds=8.0)
    routing = Routing(1, {"backend": replace(BACKEND, settings={"/api": said})})
    (answer,) = made_routes.routes(routing, FRONT)["resources"]
    of_api = [
        r["route"]
        for r in answer["virtual_hosts"][0]["routes"]
        if r["name"] == "judged" and r["match"]["path_separated_prefix"] == "/api"
    ]
    upgraded, plain = of_api[0], of_api[-1]
    assert upgraded["upgrade_configs"] == [{"upgrade_type": "websocket", "enabled": True}]
    assert (upgraded["timeout"], upgraded["idle_timeout"]) == ("0s", "8.000s")
    assert (plain["timeout"], plain["idle_timeout"]) == ("5.000s", "9.000s")
    (answer,) = made_routes.routes(routing, "backend")["resources"]
    inner = answer["virtual_hosts"][0]["routes"]
    assert {r["match"].get("path_separated_prefix", "/") for r in inner} == {"/api", "/"}


def test_only_labels_with_weight_get_any_and_others_can_be_reached_by_hand() -> None:
    assert layer(ROUTING) == {
        "weights.backend~v1": 3,
        "weights.backend~v2": 0,
        "weights.frontend~v1": 1,
    }
    by_hand = [r["route"]["cluster"] for r in routes("backend") if r["name"] == "hand"]
    assert by_hand == ["backend~v1"] * 3 + ["backend~v2"] * 3


def shares(**weights: int) -> ServiceRoute:
    return ServiceRoute(("/",), {label: VersionRoute(weight) for label, weight in weights.items()})


def layer(routing: Routing, before: dict[str, ServiceRoute] | None = None) -> dict[str, int]:
    (runtime,) = made_routes.weights(routing, before or {})["resources"]
    return dict(runtime["layer"])


def test_routes_name_every_label_and_stay_as_they_are_while_only_weights_change() -> None:
    clusters = judged("backend")[0]["route"]["weighted_clusters"]
    assert [c["name"] for c in clusters["clusters"]] == ["backend~v1", "backend~v2"]
    assert sum(c["weight"] for c in clusters["clusters"]) > 0, "Envoy refuses a sum of zero"
    v1, v2 = BACKEND.versions.values()
    changed = replace(BACKEND, versions={"v1": replace(v1, weight=0), "v2": replace(v2, weight=5)})
    other = Routing(8, {**ROUTING.services, "backend": changed})
    for listener in (FRONT, "backend", "frontend"):
        assert made_routes.routes(other, listener) == made_routes.routes(ROUTING, listener)
        shapes = [made_routes.shape(r, listener, fixed=False) for r in (other, ROUTING)]
        assert shapes[0] == shapes[1]


def test_a_proxy_of_an_earlier_version_finds_weights_in_its_routes() -> None:
    (answer,) = made_routes.routes(ROUTING, "backend", fixed=True)["resources"]
    route = next(r for r in answer["virtual_hosts"][0]["routes"] if r["name"] == "judged")["route"]
    assert route["weighted_clusters"]["clusters"] == [{"name": "backend~v1", "weight": 3}]
    assert "runtime_key_prefix" not in route["weighted_clusters"]


def test_a_label_that_leaves_has_nothing_any_more_where_routes_that_name_it_have_another() -> None:
    assert layer(ROUTING, {"backend": shares(v0=4, v1=1)})["weights.backend~v0"] == 0


def test_where_no_label_of_the_routes_goes_on_the_old_ones_keep_what_they_have() -> None:
    made = layer(ROUTING, {"backend": shares(v0=4)})
    assert (made["weights.backend~v0"], made["weights.backend~v1"]) == (4, 3)


def test_an_inner_listener_has_its_own_service_only() -> None:
    assert {c["name"] for r in judged("frontend") for c in r["route"]["weighted_clusters"]["clusters"]} == {
        "frontend~v1"
    }


def test_only_safe_methods_are_repeated_after_a_reset() -> None:
    *_, safe, _, other, _ = judged("frontend")
    assert safe["match"]["headers"][0]["string_match"]["safe_regex"]["regex"] == "GET|HEAD|OPTIONS"
    assert safe["route"]["retry_policy"]["retry_on"].endswith(",reset")
    assert not other["route"]["retry_policy"]["retry_on"].endswith(",reset")
    assert other["match"]["headers"] == []


def test_draining_endpoints_are_listed_as_such() -> None:
    (assignment,) = resources.endpoints(ROUTING)["backend~v1"]["resources"]
    listed = assignment["endpoints"][0]["lb_endpoints"]
    assert [e["health_status"] for e in listed] == ["HEALTHY", "DRAINING"]


def test_each_label_is_asked_by_its_own_probe_or_else_only_for_a_connection() -> None:
    made = resources.clusters(from_discovery, ROUTING)
    checks = {name: cluster["health_checks"][0] for name, cluster in made.items()}
    assert checks["backend~v2"]["http_health_check"] == {"path": "/ready"}
    assert checks["backend~v2"]["interval"] == "0.500s"
    assert checks["backend~v2"]["unhealthy_threshold"] == 4
    assert "tcp_health_check" in checks["backend~v1"]


def test_a_service_may_be_called_front_and_is_still_not_the_front_door() -> None:
    routing = Routing(1, {"front": ROUTING.services["backend"]})
    inner = made_routes.routes(routing, "front")["resources"][0]["virtual_hosts"][0]["routes"]
    assert {r["route"]["cluster"] for r in inner if r["name"] == "hand"} <= {
        cluster_name("front", label) for label in ROUTING.services["backend"].versions
    }
    assert FRONT != "front"


CANARY = Routing(
    8,
    {"web": ServiceRoute(("/",), {"v1": VersionRoute(9000), "v2": VersionRoute(1000)}, canary="v2")},
)


def canary_routes(listener: str) -> list[dict[str, Any]]:
    (answer,) = made_routes.routes(CANARY, listener)["resources"]
    return [r for r in answer["virtual_hosts"][0]["routes"] if r["name"] != "none"]


def test_a_canary_comes_last_so_that_a_growing_weight_only_adds_users() -> None:
    route = next(r for r in canary_routes(FRONT) if r["name"] == "judged")["route"]["weighted_clusters"]
    assert [c["name"] for c in route["clusters"]] == ["web~v1", "web~v2"]
    assert layer(CANARY) == {"weights.web~v1": 9000, "weights.web~v2": 1000}
    assert route["use_hash_policy"] is True


def test_users_are_drawn_anew_for_each_canary_by_a_salt() -> None:
    salts = {
        r["route"]["hash_policy"][0]["header"]["regex_rewrite"]["substitution"]
        for r in canary_routes(FRONT)
        if r["name"] == "judged"
    }
    assert salts == {r"web:v2:\2", "web:v2:"}


def test_only_the_front_door_gives_out_cookies_and_only_to_those_who_have_none() -> None:
    giving = [r for r in canary_routes(FRONT) if r.get("response_headers_to_add")]
    assert [("cookies" in r["match"]) for r in giving] == [False, False, False]
    assert not [r for r in canary_routes("web") if r.get("response_headers_to_add")]


def test_the_preview_shows_the_version_on_trial_and_is_no_user_s_route() -> None:
    assert [(r["name"], r["route"]["cluster"]) for r in canary_routes(PREVIEW)] == [("hand", "web~v2")] * 3


def test_a_preview_is_tried_again_as_users_are_for_it_is_compared_with_what_they_get() -> None:
    by_users = [r["route"]["retry_policy"] for r in canary_routes(FRONT) if r["name"] == "judged"]
    assert [r["route"]["retry_policy"] for r in canary_routes(PREVIEW)] == by_users[::2]


def test_slow_answers_are_counted_for_each_threshold() -> None:
    (listener,) = resources.listeners(from_discovery, {FRONT: 80}, "secret", (800, 2000))["resources"]
    logs = listener["filter_chains"][0]["filters"][0]["typed_config"]["access_log"]
    every, *slow = [log["filter"] for log in logs]
    users, limits, *lasting = zip(*(part["and_filter"]["filters"] for part in slow), strict=True)
    assert [part["duration_filter"]["comparison"]["value"]["default_value"] for part in limits] == [800, 2000]
    assert [every, *users] == [every] * 3, "what Carelane itself asks is counted nowhere"
    assert every["header_filter"]["header"]["name"] == "x-carelane-own"
    assert every["header_filter"]["header"]["string_match"] == {"exact": "secret"}
    of_streams = [part["header_filter"]["header"] for parts in lasting for part in parts]
    assert [(h["name"], h["invert_match"]) for h in of_streams] == [("upgrade", True)] * 2 + [
        ("accept", True)
    ] * 2


@pytest.mark.parametrize(
    ("descriptors", "clients"), [(256, 64), (1024, 448), (20_000, 9936), (10**6, 50_000), (64, 32)]
)
def test_clients_never_take_the_descriptors_by_which_a_proxy_is_told(descriptors: int, clients: int) -> None:
    assert resources.most_connections(descriptors) == clients
    layer = resources.bootstrap("proxy-0", "beside.sock", descriptors)["layered_runtime"]["layers"][0]
    assert layer["static_layer"] == {"overload.global_downstream_max_connections": clients}
