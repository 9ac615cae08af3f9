"""Envoy's configuration, as the documents it reads; facts behind the choices are in docs/architecture.md.

Everything here is a pure function of the routing.
"""

from collections.abc import Mapping

from carelane.delivery.replicas.routing import Routing, VersionRoute
from carelane.platforms.envoy.documents import (
    DISCOVERY,
    IDENTITY_HEADER,
    OWN_HEADER,
    TYPE,
    Document,
    Source,
    answer,
    cluster_name,
    from_discovery,
    seconds,
)
from carelane.platforms.envoy.routes import WEIGHTS

CONNECTIONS = "overload.global_downstream_max_connections"
MOST_CONNECTIONS, FEWEST_CONNECTIONS = 50_000, 32
KEPT_DESCRIPTORS = 128
HEADERS_WITHIN = "10s"
"""How long a client may take to say what it wants."""
EVICTED_AFTER = "18000s"
"""Counters that nobody added to are forgotten: every label that ever was had some.

Envoy counts flushes of five seconds, and each look at its counters is one: at a look a second, an hour (two
where nobody asks for anything).
"""

READ: list[Document] = [{"prefix": "carelane."}, {"prefix": "http."}]
"""The counters that somebody reads. A cluster has some two hundred others, and each look goes through all."""


def most_connections(descriptors: int) -> int:
    """How many clients a proxy takes that may open so many *descriptors*.

    Each may need another one to an instance, and some are kept for who looks after the proxy: where clients
    could take them all, nobody could bring a change of the routing into force.
    """
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, (descriptors - KEPT_DESCRIPTORS) // 2))


def bootstrap(proxy: str, socket: str, descriptors: int) -> Document:
    """What a proxy is started with; all that changes comes over *socket*, a path from its folder."""
    http2 = {"connection_keepalive": {"interval": "5s", "timeout": "2s"}}
    options = {
        "@type": f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": http2},
    }
    beside = {
        "name": DISCOVERY,
        "type": "STATIC",
        "connect_timeout": "0.5s",
        "load_assignment": {
            "cluster_name": DISCOVERY,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": socket}}}}]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        },
    }
    again = {"retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"}}
    return {
        "node": {"id": proxy, "cluster": "carelane"},
        "stats_flush_on_admin": True,  # else histograms are up to five seconds old
        "stats_eviction_interval": EVICTED_AFTER,
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": READ}}},
        "admin": {"address": {"pipe": {"path": "admin.sock", "mode": 0o600}}},
        "static_resources": {"clusters": [beside]},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",  # a rejection names the one resource that is wrong
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": DISCOVERY, "retry_policy": again}}],
            },
            "lds_config": from_discovery("listeners"),
            "cds_config": from_discovery("clusters"),
        },
        "layered_runtime": {
            "layers": [
                {"name": "static", "static_layer": {CONNECTIONS: most_connections(descriptors)}},
                {"name": WEIGHTS, "rtds_layer": {"name": WEIGHTS, "rtds_config": from_discovery(WEIGHTS)}},
            ]
        },
    }


def listeners(source: Source, ports: Mapping[str, int], own: str, slow_ms: tuple[int, ...] = ()) -> Document:
    """A listener for each name: FRONT, PREVIEW, or an inner one by its service.

    What carries *own* in OWN_HEADER is counted nowhere. Answers that took *slow_ms* or longer are
    counted apart, for each of these thresholds.
    """
    by_users = _by_users(own)
    made = [_listener(source, name, port, by_users, slow_ms) for name, port in ports.items()]
    return answer("config.listener.v3.Listener", made)


def _listener(source: Source, name: str, port: int, by_users: Document, slow_ms: tuple[int, ...]) -> Document:
    identity = {"key": IDENTITY_HEADER, "value": "%UNIQUE_ID%"}
    mutation = f"{TYPE}extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    manager = {
        "@type": f"{TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "use_remote_address": True,
        "request_headers_timeout": HEADERS_WITHIN,
        "rds": {"route_config_name": name, "config_source": source(f"routes-{name}")},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}extensions.filters.http.router.v3.Router"},
            }
        ],
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": mutation,
                    "mutations": [
                        {"append": {"header": identity, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
                    ],
                },
            }
        ],
        "access_log": [
            _counts(name, by_users),
            *(_slow(name, threshold, by_users) for threshold in slow_ms),
        ],
    }
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _counts(name: str, by_users: Document) -> Document:
    """What users got, after retries and answers made by the proxy included, by version and code."""
    which = _which(name)
    how = [
        {"name": "code", "value_format": "%RESPONSE_CODE%"},
        {"name": "flags", "value_format": "%RESPONSE_FLAGS%"},
    ]
    duration = {"unit": "Milliseconds", "value_format": "%DURATION%", "stat": {"name": "ms", "tags": which}}
    counter = {"value_fixed": 1, "stat": {"name": "rq", "tags": which + how}}
    return {**_logger({"counters": [counter], "histograms": [duration]}), "filter": by_users}


def _slow(name: str, threshold_ms: int, by_users: Document) -> Document:
    """How many of them took so long: a counter is current and exact, a histogram neither."""
    value = {"default_value": threshold_ms, "runtime_key": f"carelane.slow_{threshold_ms}"}
    counter = {"value_fixed": 1, "stat": {"name": f"slow_{threshold_ms}", "tags": _which(name)}}
    slow = {"duration_filter": {"comparison": {"op": "GE", "value": value}}}
    filters = [by_users, slow, *_NO_STREAM]
    return {**_logger({"counters": [counter]}), "filter": {"and_filter": {"filters": filters}}}


def _unless(header: str, said: Document) -> Document:
    """Of requests in whose *header* that is not *said*."""
    matcher = {
        "name": header,
        "string_match": said,
        "invert_match": True,
        # Else a header that is missing matches nothing, inverted or not.
        "treat_missing_header_as_empty": True,
    }
    return {"header_filter": {"header": matcher}}


_NO_STREAM = (
    _unless("upgrade", {"safe_regex": {"regex": ".+"}}),
    _unless("accept", {"safe_regex": {"regex": r".*text/event-stream.*"}}),
)
"""What is meant to last is not slow: an upgraded connection, and who asks for a stream of events."""


def _by_users(own: str) -> Document:
    """What Carelane itself asks is no user's request; who only says to be Carelane is counted as a user."""
    return _unless(OWN_HEADER, {"exact": own})


def _which(name: str) -> list[Document]:
    return [
        {"name": "listener", "value_format": name},
        {"name": "route", "value_format": "%ROUTE_NAME%"},
        {"name": "version", "value_format": "%UPSTREAM_CLUSTER%"},
    ]


def _logger(counted: Document) -> Document:
    kind = f"{TYPE}extensions.access_loggers.stats.v3.Config"
    scope = {"prefix": "carelane", "enable_eviction": True}
    typed = {"@type": kind, "stats_scope": scope, **counted}
    return {"name": "envoy.access_loggers.stats", "typed_config": typed}


def clusters(source: Source, routing: Routing) -> dict[str, Document]:
    """A cluster for each label, by name."""
    return {name: _cluster(source, name, version) for name, version in _versions(routing).items()}


def answered_clusters(made: Mapping[str, Document]) -> Document:
    """The document of these clusters: of those that are wanted, and of some that routes may still name."""
    return answer("config.cluster.v3.Cluster", list(made.values()))


def _cluster(source: Source, name: str, version: VersionRoute) -> Document:
    probe = version.readiness
    check: Document = {
        "timeout": seconds(probe.timeout_seconds if probe else 1.0),
        "interval": seconds(probe.period_seconds if probe else 1.0),
        # A starting instance is noticed at once, in a cluster that has had traffic and in one that has not.
        "no_traffic_interval": "0.1s",
        "unhealthy_interval": "0.1s",
        "no_traffic_healthy_interval": seconds(probe.period_seconds if probe else 1.0),
        "unhealthy_threshold": probe.failures if probe else 3,
        "healthy_threshold": 1,
    }
    check |= {"http_health_check": {"path": probe.path}} if probe else {"tcp_health_check": {}}
    return {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {"eds_config": source(f"endpoints-{name}")},
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
                "@type": f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
                # Below the five seconds after which common servers close an idle connection.
                "common_http_protocol_options": {"idle_timeout": "4s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def endpoints(routing: Routing) -> dict[str, Document]:
    """Each cluster's endpoints; draining ones are still listed, so that they can be watched."""
    return {
        name: answer(
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


def _versions(routing: Routing) -> dict[str, VersionRoute]:
    return {
        cluster_name(name, label): version
        for name, service in routing.services.items()
        for label, version in service.versions.items()
    }
