"""Envoy's routes: who gets which version of a service. A pure function of the routing.

How much each version gets stands in a document of its own, `weights`, so that changing it is a matter of a
few numbers: a front door with fifty services has 400 routes, and to take those anew costs Envoy 20 ms.
"""

from collections.abc import Mapping

from carelane.delivery.replicas.routing import Routing, ServiceRoute
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


WEIGHTS = "weights"
"""The name of the layer of Envoy's runtime that has them, and the beginning of its keys."""


def weights(routing: Routing, before: Mapping[str, ServiceRoute]) -> Document:
    """The weight of each label of *routing*, and of those that the routes *before* still name.

    The proxies take it before routes that changed with it. So a label that leaves has none from now on; or
    goes on as it was where no other label of the routes before has any.
    """
    layer: dict[str, int] = {}
    for name, service in routing.services.items():
        now = {label: version.weight for label, version in service.versions.items()}
        known = before[name].versions if name in before else {}
        left = {label: version.weight for label, version in known.items() if label not in now}
        if any(now.get(label) for label in known):
            left = dict.fromkeys(left, 0)
        shares = {**left, **now}
        layer |= {f"{WEIGHTS}.{cluster_name(name, label)}": weight for label, weight in shares.items()}
    return answer("service.runtime.v3.Runtime", [{"name": WEIGHTS, "layer": layer}])


def shape(routing: Routing, listener: str, *, fixed: bool) -> object:
    """What the routes of *listener* depend on: while it is the same, so are they."""
    if fixed or listener == PREVIEW:
        return routing.services
    return [
        (name, s.prefixes, tuple(s.versions), s.canary)
        for name, s in routing.services.items()
        if listener in {FRONT, name}
    ]


def routes(routing: Routing, listener: str, *, fixed: bool = False) -> Document:
    """The routes of the front door, or of one service's inner listener; with *fixed* weights in them."""
    if listener in {FRONT, PREVIEW}:
        pairs = [(p, name, s) for name, s in routing.services.items() for p in s.prefixes]
        pairs.sort(key=lambda pair: -len(pair[0]))
    else:
        pairs = [("/", listener, s) for name, s in routing.services.items() if name == listener]
    if listener == PREVIEW:
        made = [route for pair in pairs for route in _preview_routes(*pair)]
    else:
        # Services among themselves pass on their user's cookie; they are given none.
        made = [
            route
            for pair in pairs
            for route in _service_routes(*pair, gives_cookie=listener == FRONT, fixed=fixed)
        ]
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


def _service_routes(
    prefix: str, name: str, service: ServiceRoute, *, gives_cookie: bool, fixed: bool
) -> list[Document]:
    """By hand first (a header that names a version), then each user by a hash of who it is.

    A user is known by a cookie, given at first sight; so both versions' users are drawn alike, a
    user stays with one, and a canary that grows only adds users. Safe methods are tried again more.
    """
    where = _where(prefix)
    made: list[Document] = []
    for label in service.versions:
        header: Document = {"name": HAND_HEADER, "string_match": {"exact": label}}
        made += _by_hand(where, [header], cluster_name(name, label))
    clusters = _fixed(name, service) if fixed else _by_layer(name, service)
    salt = f"{name}:{service.canary or ''}:"
    known: list[Document] = [{"name": COOKIE, "string_match": {"safe_regex": {"regex": _IDENTITY}}}]
    by_cookie = _hash_policy("cookie", rf"^(.*?; ?)?{COOKIE}=([0-9a-f-]+).*$", salt + r"\2")
    at_first_sight = _hash_policy(IDENTITY_HEADER, "^", salt)
    for headers, also in _METHODS:
        action = {**clusters, "timeout": ROUTE_TIMEOUT, "retry_policy": _retries(also)}
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


def _by_layer(name: str, service: ServiceRoute) -> Document:
    """By the weights of the layer; it is there before any route is. Their sum here must not be zero."""
    clusters = [
        {"name": cluster_name(name, label), "weight": int(place == 0)}
        for place, label in enumerate(service.versions)
    ]
    return {
        "weighted_clusters": {"clusters": clusters, "use_hash_policy": True, "runtime_key_prefix": WEIGHTS}
    }


def _fixed(name: str, service: ServiceRoute) -> Document:
    """By weights that stand here, for proxies of an earlier version."""
    clusters = [
        {"name": cluster_name(name, label), "weight": version.weight}
        for label, version in service.versions.items()
        if version.weight
    ]
    return {"weighted_clusters": {"clusters": clusters, "use_hash_policy": True}}


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
