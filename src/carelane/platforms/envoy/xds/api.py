"""Those messages and fields of Envoy's API that the product uses, with their numbers in the protocol.

Published Python packages of the whole API lag behind the pinned Envoy (fields that we need are not in them)
and take the import name ``envoy`` that the proxy's own package has. So what is used is declared here. A field
that is not declared cannot be sent: parsing is strict (`messages`). That every number is right is shown by
the proxy itself: it takes the same documents as files, by name, and says in both cases what it understood
(``tests/contract/test_xds.py``).

Source: https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api; the numbers are those of its .proto files.
"""

from collections.abc import Mapping

CORE = "envoy.config.core.v3."
ROUTE = "envoy.config.route.v3."
CLUSTER = "envoy.config.cluster.v3."
ENDPOINT = "envoy.config.endpoint.v3."
LISTENER = "envoy.config.listener.v3."
LOG = "envoy.config.accesslog.v3."
TYPE = "envoy.type.v3."
MATCHER = "envoy.type.matcher.v3."
MUTATION = "envoy.config.common.mutation_rules.v3."
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3."
EARLY = "envoy.extensions.http.early_header_mutation.header_mutation.v3."
STATS = "envoy.extensions.access_loggers.stats.v3."
UPSTREAM = "envoy.extensions.upstreams.http.v3."
DISCOVERY = "envoy.service.discovery.v3."
RUNTIME = "envoy.service.runtime.v3."
GOOGLE = "google.protobuf."

Kind = str | list[str] | dict[str, str]
"""A scalar's name, a message's or an enumeration's; in a list if repeated; a map by its key's kind."""
Fields = Mapping[str, tuple[int, Kind]]

DURATION = GOOGLE + "Duration"
ANY = GOOGLE + "Any"
COUNT = GOOGLE + "UInt32Value"
BOOL = GOOGLE + "BoolValue"

ENUMERATIONS: Mapping[str, Mapping[str, int]] = {
    CORE + "ApiVersion": {"AUTO": 0, "V2": 1, "V3": 2},
    CORE + "HealthStatus": {"UNKNOWN": 0, "HEALTHY": 1, "UNHEALTHY": 2, "DRAINING": 3},
    CORE + "HeaderValueOption_HeaderAppendAction": {
        "APPEND_IF_EXISTS_OR_ADD": 0,
        "ADD_IF_ABSENT": 1,
        "OVERWRITE_IF_EXISTS_OR_ADD": 2,
    },
    CLUSTER + "Cluster_DiscoveryType": {"STATIC": 0, "EDS": 3},
    CLUSTER + "Cluster_LbPolicy": {"ROUND_ROBIN": 0, "LEAST_REQUEST": 1},
    LOG + "ComparisonFilter_Op": {"EQ": 0, "GE": 1, "LE": 2},
    STATS + "Config_Histogram_Unit": {"Unspecified": 0, "Milliseconds": 3},
}

_ROUTES: Mapping[str, Fields] = {
    ROUTE + "RouteConfiguration": {
        "name": (1, "string"),
        "virtual_hosts": (2, [ROUTE + "VirtualHost"]),
        "validate_clusters": (7, BOOL),
    },
    ROUTE + "VirtualHost": {
        "name": (1, "string"),
        "domains": (2, ["string"]),
        "routes": (3, [ROUTE + "Route"]),
    },
    ROUTE + "Route": {
        "match": (1, ROUTE + "RouteMatch"),
        "route": (2, ROUTE + "RouteAction"),
        "direct_response": (7, ROUTE + "DirectResponseAction"),
        "response_headers_to_add": (10, [CORE + "HeaderValueOption"]),
        "name": (14, "string"),
    },
    ROUTE + "RouteMatch": {
        "prefix": (1, "string"),
        "headers": (6, [ROUTE + "HeaderMatcher"]),
        "path_separated_prefix": (14, "string"),
        "cookies": (17, [ROUTE + "CookieMatcher"]),
    },
    ROUTE + "CookieMatcher": {"name": (1, "string"), "string_match": (2, MATCHER + "StringMatcher")},
    ROUTE + "HeaderMatcher": {
        "name": (1, "string"),
        "invert_match": (8, "bool"),
        "string_match": (13, MATCHER + "StringMatcher"),
        "treat_missing_header_as_empty": (14, "bool"),
    },
    ROUTE + "RouteAction": {
        "cluster": (1, "string"),
        "weighted_clusters": (3, ROUTE + "WeightedCluster"),
        "timeout": (8, DURATION),
        "retry_policy": (9, ROUTE + "RetryPolicy"),
        "hash_policy": (15, [ROUTE + "RouteAction_HashPolicy"]),
        "idle_timeout": (24, DURATION),
        "upgrade_configs": (25, [ROUTE + "RouteAction_UpgradeConfig"]),
    },
    ROUTE + "RouteAction_UpgradeConfig": {"upgrade_type": (1, "string"), "enabled": (2, BOOL)},
    ROUTE + "RouteAction_HashPolicy": {"header": (1, ROUTE + "RouteAction_HashPolicy_Header")},
    ROUTE + "RouteAction_HashPolicy_Header": {
        "header_name": (1, "string"),
        "regex_rewrite": (2, MATCHER + "RegexMatchAndSubstitute"),
    },
    ROUTE + "WeightedCluster": {
        "clusters": (1, [ROUTE + "WeightedCluster_ClusterWeight"]),
        "runtime_key_prefix": (2, "string"),
        "use_hash_policy": (5, BOOL),
    },
    ROUTE + "WeightedCluster_ClusterWeight": {"name": (1, "string"), "weight": (2, COUNT)},
    ROUTE + "RetryPolicy": {
        "retry_on": (1, "string"),
        "num_retries": (2, COUNT),
        "retry_host_predicate": (5, [ROUTE + "RetryPolicy_RetryHostPredicate"]),
        "host_selection_retry_max_attempts": (6, "int64"),
        "retry_back_off": (8, ROUTE + "RetryPolicy_RetryBackOff"),
    },
    ROUTE + "RetryPolicy_RetryBackOff": {"base_interval": (1, DURATION), "max_interval": (2, DURATION)},
    ROUTE + "RetryPolicy_RetryHostPredicate": {"name": (1, "string"), "typed_config": (3, ANY)},
    ROUTE + "DirectResponseAction": {"status": (1, "uint32"), "body": (2, CORE + "DataSource")},
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate": {},
}

_CLUSTERS: Mapping[str, Fields] = {
    CLUSTER + "Cluster": {
        "name": (1, "string"),
        "type": (2, CLUSTER + "Cluster_DiscoveryType"),
        "eds_cluster_config": (3, CLUSTER + "Cluster_EdsClusterConfig"),
        "connect_timeout": (4, DURATION),
        "lb_policy": (6, CLUSTER + "Cluster_LbPolicy"),
        "health_checks": (8, [CORE + "HealthCheck"]),
        "circuit_breakers": (10, CLUSTER + "CircuitBreakers"),
        "outlier_detection": (19, CLUSTER + "OutlierDetection"),
        "common_lb_config": (27, CLUSTER + "Cluster_CommonLbConfig"),
        "ignore_health_on_host_removal": (32, "bool"),
        "typed_extension_protocol_options": (36, {"string": ANY}),
    },
    CLUSTER + "Cluster_EdsClusterConfig": {"eds_config": (1, CORE + "ConfigSource")},
    CLUSTER + "Cluster_CommonLbConfig": {
        "healthy_panic_threshold": (1, TYPE + "Percent"),
        "update_merge_window": (4, DURATION),
    },
    CLUSTER + "OutlierDetection": {
        "consecutive_5xx": (1, COUNT),
        "interval": (2, DURATION),
        "base_ejection_time": (3, DURATION),
        "max_ejection_percent": (4, COUNT),
        "enforcing_success_rate": (6, COUNT),
        "consecutive_gateway_failure": (10, COUNT),
        "enforcing_consecutive_gateway_failure": (11, COUNT),
    },
    CLUSTER + "CircuitBreakers": {"thresholds": (1, [CLUSTER + "CircuitBreakers_Thresholds"])},
    CLUSTER + "CircuitBreakers_Thresholds": {
        "max_connections": (2, COUNT),
        "max_pending_requests": (3, COUNT),
        "max_requests": (4, COUNT),
        "max_retries": (5, COUNT),
    },
    UPSTREAM + "HttpProtocolOptions": {
        "common_http_protocol_options": (1, CORE + "HttpProtocolOptions"),
        "explicit_http_config": (3, UPSTREAM + "HttpProtocolOptions_ExplicitHttpConfig"),
    },
    UPSTREAM + "HttpProtocolOptions_ExplicitHttpConfig": {
        "http_protocol_options": (1, CORE + "Http1ProtocolOptions")
    },
}

_ENDPOINTS: Mapping[str, Fields] = {
    ENDPOINT + "ClusterLoadAssignment": {
        "cluster_name": (1, "string"),
        "endpoints": (2, [ENDPOINT + "LocalityLbEndpoints"]),
    },
    ENDPOINT + "LocalityLbEndpoints": {"lb_endpoints": (2, [ENDPOINT + "LbEndpoint"])},
    ENDPOINT + "LbEndpoint": {
        "endpoint": (1, ENDPOINT + "Endpoint"),
        "health_status": (2, CORE + "HealthStatus"),
    },
    ENDPOINT + "Endpoint": {"address": (1, CORE + "Address")},
}

_LISTENERS: Mapping[str, Fields] = {
    LISTENER + "Listener": {
        "name": (1, "string"),
        "address": (2, CORE + "Address"),
        "filter_chains": (3, [LISTENER + "FilterChain"]),
    },
    LISTENER + "FilterChain": {"filters": (3, [LISTENER + "Filter"])},
    LISTENER + "Filter": {"name": (1, "string"), "typed_config": (4, ANY)},
    MANAGER + "HttpConnectionManager": {
        "stat_prefix": (2, "string"),
        "rds": (3, MANAGER + "Rds"),
        "http_filters": (5, [MANAGER + "HttpFilter"]),
        "access_log": (13, [LOG + "AccessLog"]),
        "use_remote_address": (14, BOOL),
        "request_headers_timeout": (41, DURATION),
        "early_header_mutation_extensions": (52, [CORE + "TypedExtensionConfig"]),
    },
    MANAGER + "Rds": {"config_source": (1, CORE + "ConfigSource"), "route_config_name": (2, "string")},
    MANAGER + "HttpFilter": {"name": (1, "string"), "typed_config": (4, ANY)},
    "envoy.extensions.filters.http.router.v3.Router": {},
    EARLY + "HeaderMutation": {"mutations": (1, [MUTATION + "HeaderMutation"])},
    MUTATION + "HeaderMutation": {"append": (2, CORE + "HeaderValueOption")},
    LOG + "AccessLog": {
        "name": (1, "string"),
        "filter": (2, LOG + "AccessLogFilter"),
        "typed_config": (4, ANY),
    },
    LOG + "AccessLogFilter": {
        "duration_filter": (2, LOG + "DurationFilter"),
        "and_filter": (6, LOG + "AndFilter"),
        "header_filter": (8, LOG + "HeaderFilter"),
    },
    LOG + "HeaderFilter": {"header": (1, ROUTE + "HeaderMatcher")},
    LOG + "AndFilter": {"filters": (1, [LOG + "AccessLogFilter"])},
    LOG + "DurationFilter": {"comparison": (1, LOG + "ComparisonFilter")},
    LOG + "ComparisonFilter": {"op": (1, LOG + "ComparisonFilter_Op"), "value": (2, CORE + "RuntimeUInt32")},
    STATS + "Config": {
        "histograms": (3, [STATS + "Config_Histogram"]),
        "counters": (4, [STATS + "Config_Counter"]),
        "stats_scope": (6, TYPE + "Scope"),
    },
    STATS + "Config_Tag": {"name": (1, "string"), "value_format": (2, "string")},
    STATS + "Config_Stat": {"name": (1, "string"), "tags": (2, [STATS + "Config_Tag"])},
    STATS + "Config_Histogram": {
        "stat": (1, STATS + "Config_Stat"),
        "unit": (2, STATS + "Config_Histogram_Unit"),
        "value_format": (3, "string"),
    },
    STATS + "Config_Counter": {
        "stat": (1, STATS + "Config_Stat"),
        "value_fixed": (3, GOOGLE + "UInt64Value"),
    },
}

_COMMON: Mapping[str, Fields] = {
    CORE + "Address": {"socket_address": (1, CORE + "SocketAddress")},
    CORE + "SocketAddress": {"address": (2, "string"), "port_value": (3, "uint32")},
    CORE + "AggregatedConfigSource": {},
    CORE + "ConfigSource": {
        "ads": (3, CORE + "AggregatedConfigSource"),
        "initial_fetch_timeout": (4, DURATION),
        "resource_api_version": (6, CORE + "ApiVersion"),
    },
    CORE + "DataSource": {"inline_string": (3, "string")},
    CORE + "HeaderValue": {"key": (1, "string"), "value": (2, "string")},
    CORE + "HeaderValueOption": {
        "header": (1, CORE + "HeaderValue"),
        "append_action": (3, CORE + "HeaderValueOption_HeaderAppendAction"),
    },
    CORE + "HealthCheck": {
        "timeout": (1, DURATION),
        "interval": (2, DURATION),
        "unhealthy_threshold": (4, COUNT),
        "healthy_threshold": (5, COUNT),
        "http_health_check": (8, CORE + "HealthCheck_HttpHealthCheck"),
        "tcp_health_check": (9, CORE + "HealthCheck_TcpHealthCheck"),
        "no_traffic_interval": (12, DURATION),
        "unhealthy_interval": (14, DURATION),
        "no_traffic_healthy_interval": (24, DURATION),
    },
    CORE + "HealthCheck_HttpHealthCheck": {"path": (2, "string")},
    CORE + "HealthCheck_TcpHealthCheck": {},
    CORE + "Http1ProtocolOptions": {},
    CORE + "HttpProtocolOptions": {"idle_timeout": (1, DURATION)},
    CORE + "RuntimeUInt32": {"default_value": (2, "uint32"), "runtime_key": (3, "string")},
    CORE + "TypedExtensionConfig": {"name": (1, "string"), "typed_config": (2, ANY)},
    TYPE + "Percent": {"value": (1, "double")},
    TYPE + "Scope": {"enable_eviction": (4, "bool"), "prefix": (5, "string")},
    MATCHER + "RegexMatcher": {"regex": (2, "string")},
    MATCHER + "RegexMatchAndSubstitute": {
        "pattern": (1, MATCHER + "RegexMatcher"),
        "substitution": (2, "string"),
    },
    MATCHER + "StringMatcher": {"exact": (1, "string"), "safe_regex": (5, MATCHER + "RegexMatcher")},
}

_DISCOVERY: Mapping[str, Fields] = {
    RUNTIME + "Runtime": {"name": (1, "string"), "layer": (2, GOOGLE + "Struct")},
    CORE + "Node": {"id": (1, "string")},
    "google.rpc.Status": {"code": (1, "int32"), "message": (2, "string")},
    DISCOVERY + "DeltaDiscoveryRequest": {
        "node": (1, CORE + "Node"),
        "type_url": (2, "string"),
        "resource_names_subscribe": (3, ["string"]),
        "resource_names_unsubscribe": (4, ["string"]),
        "initial_resource_versions": (5, {"string": "string"}),
        "response_nonce": (6, "string"),
        "error_detail": (7, "google.rpc.Status"),
    },
    DISCOVERY + "DeltaDiscoveryResponse": {
        "resources": (2, [DISCOVERY + "Resource"]),
        "type_url": (4, "string"),
        "nonce": (5, "string"),
        "removed_resources": (6, ["string"]),
    },
    DISCOVERY + "Resource": {"version": (1, "string"), "resource": (2, ANY), "name": (3, "string")},
}

MESSAGES: Mapping[str, Fields] = {**_ROUTES, **_CLUSTERS, **_ENDPOINTS, **_LISTENERS, **_COMMON, **_DISCOVERY}
"""By full name, with ``_`` before the name of a nested one."""
