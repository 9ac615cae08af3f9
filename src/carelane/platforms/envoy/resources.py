"""Envoy's configuration, as the documents it reads; facts behind the choices are in docs/architecture.md.

Everything here is a pure function of the routing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carelane.delivery.routing import Routing, ServiceRoute, VersionRoute

Document = dict[str, Any]
_TYPE = "type.googleapis.com/envoy."
FRONT = "@front"
"""The front door's listener: a name that no service can have."""
HAND_HEADER = "x-carelane-version"
ROUTE_TIMEOUT = "30s"
SAFE_METHODS = "GET|HEAD|OPTIONS"


def cluster_name(service: str, label: str) -> str:
    """The cluster of one label of a service."""
    return f"{service}~{label}"


def bootstrap(folder: Path, proxy: str) -> Document:
    """What a proxy is started with; everything that changes is read from files in *folder*."""
    return {
        "node": {"id": proxy, "cluster": "carelane"},
        "stats_flush_on_admin": True,  # else histograms are up to five seconds old
        "admin": {"address": {"pipe": {"path": "admin.sock", "mode": 0o600}}},
        "dynamic_resources": {
            "lds_config": _from_file(folder / "listeners.json"),
            "cds_config": _from_file(folder / "clusters.json"),
        },
        "layered_runtime": {
            "layers": [
                {"name": "static", "static_layer": {"overload.global_downstream_max_connections": 50_000}}
            ]
        },
    }


def listeners(folder: Path, ports: Mapping[str, int]) -> Document:
    """A listener for each name: FRONT, or an inner one by its service."""
    return _answer("config.listener.v3.Listener", [_listener(folder, n, p) for n, p in ports.items()])


def _listener(folder: Path, name: str, port: int) -> Document:
    manager = {
        "@type": f"{_TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "use_remote_address": True,
        "rds": {"route_config_name": name, "config_source": _from_file(folder / f"routes-{name}.json")},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"},
            }
        ],
        "access_log": [_counts(name)],
    }
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _counts(name: str) -> Document:
    """What users got, after retries and answers made by the proxy included, by version and code."""
    which = [
        {"name": "listener", "value_format": name},
        {"name": "route", "value_format": "%ROUTE_NAME%"},
        {"name": "version", "value_format": "%UPSTREAM_CLUSTER%"},
    ]
    how = [
        {"name": "code", "value_format": "%RESPONSE_CODE%"},
        {"name": "flags", "value_format": "%RESPONSE_FLAGS%"},
    ]
    return {
        "name": "envoy.access_loggers.stats",
        "typed_config": {
            "@type": f"{_TYPE}extensions.access_loggers.stats.v3.Config",
            "stats_scope": {"prefix": "carelane"},
            "counters": [{"value_fixed": 1, "stat": {"name": "rq", "tags": which + how}}],
            "histograms": [
                {"unit": "Milliseconds", "value_format": "%DURATION%", "stat": {"name": "ms", "tags": which}}
            ],
        },
    }


def clusters(folder: Path, routing: Routing, kept: Mapping[str, Document]) -> Document:
    """A cluster for each label, and those *kept* a little longer because routes may still name them."""
    made = {name: _cluster(folder, name, version) for name, version in _versions(routing).items()}
    return _answer("config.cluster.v3.Cluster", list({**kept, **made}.values()))


def _cluster(folder: Path, name: str, version: VersionRoute) -> Document:
    probe = version.readiness
    check: Document = {
        "timeout": _seconds(probe.timeout_seconds if probe else 1.0),
        "interval": _seconds(probe.period_seconds if probe else 1.0),
        # A starting instance is noticed at once, in a cluster that has had traffic and in one that has not.
        "no_traffic_interval": "0.1s",
        "unhealthy_interval": "0.1s",
        "no_traffic_healthy_interval": _seconds(probe.period_seconds if probe else 1.0),
        "unhealthy_threshold": probe.failures if probe else 3,
        "healthy_threshold": 1,
    }
    check |= {"http_health_check": {"path": probe.path}} if probe else {"tcp_health_check": {}}
    return {
        "@type": f"{_TYPE}config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {"eds_config": _from_file(folder / f"endpoints-{name}.json")},
        "common_lb_config": {"update_merge_window": "0s", "healthy_panic_threshold": {"value": 0}},
        "ignore_health_on_host_removal": True,
        "health_checks": [check],
        "outlier_detection": {
            "consecutive_5xx": 1_000_000,  # a version's errors are the judge's business
            "consecutive_gateway_failure": 5,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_percent": 50,
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_retries": 1000,
                    "max_connections": 10_000,
                    "max_requests": 10_000,
                    "max_pending_requests": 10_000,
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
                # Below the five seconds after which common servers close an idle connection.
                "common_http_protocol_options": {"idle_timeout": "4s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def endpoints(routing: Routing) -> dict[str, Document]:
    """Each cluster's endpoints; draining ones are still listed, so that they can be watched."""
    return {
        name: _answer(
            "config.endpoint.v3.ClusterLoadAssignment",
            [
                {
                    "cluster_name": name,
                    "endpoints": [
                        {
                            "lb_endpoints": [
                                {
                                    "endpoint": {
                                        "address": {
                                            "socket_address": {"address": "127.0.0.1", "port_value": e.port}
                                        }
                                    },
                                    "health_status": "DRAINING" if e.draining else "HEALTHY",
                                }
                                for e in version.endpoints
                            ]
                        }
                    ],
                }
            ],
        )
        for name, version in _versions(routing).items()
    }


def routes(routing: Routing, listener: str) -> Document:
    """The routes of the front door, or of one service's inner listener."""
    if listener == FRONT:
        pairs = [(p, name, s) for name, s in routing.services.items() for p in s.prefixes]
        pairs.sort(key=lambda pair: -len(pair[0]))
    else:
        pairs = [("/", listener, s) for name, s in routing.services.items() if name == listener]
    made = [route for prefix, name, service in pairs for route in _service_routes(prefix, name, service)]
    nothing = {"status": 503, "body": {"inline_string": "nothing is deployed here yet\n"}}
    made.append({"name": "none", "match": {"prefix": "/"}, "direct_response": nothing})
    return _answer(
        "config.route.v3.RouteConfiguration",
        [
            {
                "name": listener,
                "validate_clusters": False,
                "virtual_hosts": [{"name": listener, "domains": ["*"], "routes": made}],
            }
        ],
    )


def _service_routes(prefix: str, name: str, service: ServiceRoute) -> list[Document]:
    """By hand first (a header that names a version), then by weight; safe methods retry more."""
    where: Document = {"prefix": "/"} if prefix == "/" else {"path_separated_prefix": prefix}
    made = []
    for label in service.versions:
        header = {"name": HAND_HEADER, "string_match": {"exact": label}}
        target: Document = {"cluster": cluster_name(name, label), "timeout": ROUTE_TIMEOUT}
        made.append({"name": "hand", "match": {**where, "headers": [header]}, "route": target})
    weights = [
        {"name": cluster_name(name, label), "weight": version.weight}
        for label, version in service.versions.items()
        if version.weight
    ]
    safe = {"name": ":method", "string_match": {"safe_regex": {"regex": SAFE_METHODS}}}
    for headers, also in (([safe], ",reset"), ([], "")):
        action = {
            "weighted_clusters": {"clusters": weights},
            "timeout": ROUTE_TIMEOUT,
            "retry_policy": {
                "retry_on": f"connect-failure,refused-stream,reset-before-request{also}",
                "num_retries": 3,
                "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.1s"},
                "retry_host_predicate": [
                    {
                        "name": "envoy.retry_host_predicates.previous_hosts",
                        "typed_config": {
                            "@type": f"{_TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                        },
                    }
                ],
                "host_selection_retry_max_attempts": "5",
            },
        }
        made.append({"name": "judged", "match": {**where, "headers": headers}, "route": action})
    return made


def _versions(routing: Routing) -> dict[str, VersionRoute]:
    return {
        cluster_name(name, label): version
        for name, service in routing.services.items()
        for label, version in service.versions.items()
    }


def _answer(kind: str, resources: list[Document]) -> Document:
    return {"resources": [{"@type": f"{_TYPE}{kind}", **resource} for resource in resources]}


def _from_file(path: Path) -> Document:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def _seconds(value: float) -> str:
    return f"{value:.3f}s"
