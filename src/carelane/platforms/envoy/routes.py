"""Envoy's routes: who gets which version of a service. A pure function of the routing."""

from carelane.delivery.routing import Routing, ServiceRoute
from carelane.platforms.envoy.documents import (
    COOKIE,
    FRONT,
    HAND_HEADER,
    IDENTITY_HEADER,
    PREVIEW,
    TYPE,
    Document,
    answer,
    cluster_name,
)

ROUTE_TIMEOUT = "30s"
SAFE_METHODS = "GET|HEAD|OPTIONS"


def routes(routing: Routing, listener: str) -> Document:
    """The routes of the front door, or of one service's inner listener."""
    if listener in {FRONT, PREVIEW}:
        pairs = [(p, name, s) for name, s in routing.services.items() for p in s.prefixes]
        pairs.sort(key=lambda pair: -len(pair[0]))
    else:
        pairs = [("/", listener, s) for name, s in routing.services.items() if name == listener]
    if listener == PREVIEW:
        made = [route for pair in pairs for route in _preview_routes(*pair)]
    else:
        # Services among themselves pass on their user's cookie; they are given none.
        made = [route for pair in pairs for route in _service_routes(*pair, gives_cookie=listener == FRONT)]
    nothing = {"status": 503, "body": {"inline_string": "nothing is deployed here yet\n"}}
    made.append({"name": "none", "match": {"prefix": "/"}, "direct_response": nothing})
    return answer(
        "config.route.v3.RouteConfiguration",
        [
            {
                "name": listener,
                "validate_clusters": False,
                "virtual_hosts": [{"name": listener, "domains": ["*"], "routes": made}],
            }
        ],
    )


def _preview_routes(prefix: str, name: str, service: ServiceRoute) -> list[Document]:
    """The version on trial, or the one that has the traffic."""
    chosen = service.canary or next(label for label, version in service.versions.items() if version.weight)
    return _by_hand(_where(prefix), [], cluster_name(name, chosen))


def _by_hand(where: Document, headers: list[Document], cluster: str) -> list[Document]:
    """To one version, tried again as users' requests are: what a preview answers may be judged."""
    return [
        {
            "name": "hand",
            "match": {**where, "headers": [*headers, *method]},
            "route": {"cluster": cluster, "timeout": ROUTE_TIMEOUT, "retry_policy": _retries(also)},
        }
        for method, also in _METHODS
    ]


def _service_routes(prefix: str, name: str, service: ServiceRoute, *, gives_cookie: bool) -> list[Document]:
    """By hand first (a header that names a version), then each user by a hash of who it is.

    A user is known by a cookie, given at first sight; so both versions' users are drawn alike, a
    user stays with one, and a canary that grows only adds users. Safe methods are tried again more.
    """
    where = _where(prefix)
    made: list[Document] = []
    for label in service.versions:
        header: Document = {"name": HAND_HEADER, "string_match": {"exact": label}}
        made += _by_hand(where, [header], cluster_name(name, label))
    weights = [
        {"name": cluster_name(name, label), "weight": version.weight}
        for label, version in service.versions.items()
        if version.weight
    ]
    salt = f"{name}:{service.canary or ''}:"
    known: list[Document] = [{"name": COOKIE, "string_match": {"safe_regex": {"regex": _IDENTITY}}}]
    by_cookie = _hash_policy("cookie", rf"^(.*?; ?)?{COOKIE}=([0-9a-f-]+).*$", salt + r"\2")
    at_first_sight = _hash_policy(IDENTITY_HEADER, "^", salt)
    for headers, also in _METHODS:
        action = _by_weight(weights, also)
        match = {**where, "headers": headers}
        made.append(
            {
                "name": "judged",
                "match": {**match, "cookies": known},
                "route": {**action, "hash_policy": by_cookie},
            }
        )
        made.append(
            {
                "name": "judged",
                "match": match,
                "route": {**action, "hash_policy": at_first_sight},
                "response_headers_to_add": [_NEW_COOKIE] if gives_cookie else [],
            }
        )
    return made


_SAFE: Document = {"name": ":method", "string_match": {"safe_regex": {"regex": SAFE_METHODS}}}
_METHODS: tuple[tuple[list[Document], str], ...] = (([_SAFE], ",reset"), ([], ""))
"""What a request's method allows: the headers to match, and when else it is tried again."""
_IDENTITY = "[0-9a-f]+(-[0-9a-f]+){4}"
_NEW_COOKIE: Document = {
    "append_action": "APPEND_IF_EXISTS_OR_ADD",
    "header": {
        "key": "set-cookie",
        "value": f"{COOKIE}=%REQ({IDENTITY_HEADER})%; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
    },
}


def _where(prefix: str) -> Document:
    return {"prefix": "/"} if prefix == "/" else {"path_separated_prefix": prefix}


def _hash_policy(header: str, pattern: str, substitution: str) -> list[Document]:
    rewrite = {"pattern": {"regex": pattern}, "substitution": substitution}
    return [{"header": {"header_name": header, "regex_rewrite": rewrite}}]


def _by_weight(weights: list[Document], also_retry_on: str) -> Document:
    return {
        "weighted_clusters": {"clusters": weights, "use_hash_policy": True},
        "timeout": ROUTE_TIMEOUT,
        "retry_policy": _retries(also_retry_on),
    }


def _retries(also_on: str) -> Document:
    """Retries stay with the version that was picked, or a good one would answer for a bad one."""
    previous = "envoy.retry_host_predicates.previous_hosts"
    predicate = f"{TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": f"connect-failure,refused-stream,reset-before-request{also_on}",
        "num_retries": 3,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.1s"},
        "retry_host_predicate": [{"name": previous, "typed_config": {"@type": predicate}}],
        "host_selection_retry_max_attempts": "5",
    }
