"""Envoy's routes: who gets which version of a service. A pure function of the routing.

How much each version gets stands in a document of its own, `weights`, so that changing it is a matter of a
few numbers: a front door with fifty services has 400 routes, and to take those anew costs Envoy 20 ms.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from carelane.delivery.releases import RouteSettings
from carelane.delivery.replicas.routing import Routing, ServiceRoute
from carelane.platforms.envoy.documents import (
    COOKIE,
    FRONT,
    HAND_HEADER,
    IDENTITY_HEADER,
    OWN_HEADER,
    PREVIEW,
    TYPE,
    Document,
    answer,
    cluster_name,
    seconds,
)

SAFE_METHODS = "GET|HEAD|OPTIONS"
ROOT = "/"

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
        return routing.services, routing.expected
    known = [
        (name, s.prefixes, s.canary, s.settings, [(label, v.by_hand) for label, v in s.versions.items()])
        for name, s in routing.services.items()
        if listener in {FRONT, name}
    ]
    return known, routing.expected if listener == FRONT else bool(known)


def routes(routing: Routing, listener: str, *, fixed: bool = False) -> Document:
    """The routes of the front door, or of one service's inner listener; with *fixed* weights in them."""
    outer = listener in {FRONT, PREVIEW}
    if outer:
        asked = [(p, name, s) for name, s in routing.services.items() for p in s.prefixes]
    else:
        own = [(name, s) for name, s in routing.services.items() if name == listener]
        asked = [(path, name, s) for name, s in own for path in {*s.settings, ROOT}]
    by_path = {path: list(_answered(listener, path, name, s, fixed=fixed)) for path, name, s in asked}
    by_path |= {path: [_nobody(path, STARTING)] for path in routing.expected if outer}
    made = [route for path in sorted(by_path, key=lambda path: (-len(path), path)) for route in by_path[path]]
    made.append(_nobody(ROOT, NOWHERE if outer and by_path else NOTHING))
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


NOTHING = (503, "nothing is deployed here yet")
STARTING = (503, "what answers here is not ready yet")
NOWHERE = (404, "no service has this path")
NO_VERSION = (503, "this version takes no requests")


def _nobody(path: str, said: tuple[int, str], headers: tuple[Document, ...] = ()) -> Document:
    """An answer by the proxy itself."""
    status, words = said
    body = {"inline_string": f"{words}\n"}
    match = {**_where(path), "headers": list(headers)}
    return {"name": "none", "match": match, "direct_response": {"status": status, "body": body}}


@dataclass(frozen=True)
class _Way:
    """One kind of request to a path: the headers that tell it, and what it may."""

    headers: tuple[Document, ...]
    action: Document


def _ways(settings: RouteSettings) -> Iterator[_Way]:
    """Connections that change to another protocol first, then requests; safe methods are tried again more."""
    if settings.upgrades:
        kinds = "|".join(map(re.escape, settings.upgrades))
        changes = {"name": "upgrade", "string_match": {"safe_regex": {"regex": f"(?i)({kinds})"}}}
        action = {
            "timeout": "0s",
            "idle_timeout": seconds(settings.upgraded_idle_seconds),
            "upgrade_configs": [{"upgrade_type": kind, "enabled": True} for kind in settings.upgrades],
            "retry_policy": _retries(""),
        }
        yield _Way((changes,), action)
    limits = {
        "timeout": seconds(settings.timeout_seconds or 0.0),
        "idle_timeout": seconds(settings.idle_seconds),
    }
    yield _Way((_SAFE,), {**limits, "retry_policy": _retries(",reset")})
    yield _Way((), {**limits, "retry_policy": _retries("")})


def _answered(
    listener: str, path: str, name: str, service: ServiceRoute, *, fixed: bool
) -> Iterator[Document]:
    """The routes of one path of a service."""
    ways = tuple(_ways(service.settings.get(path, RouteSettings())))
    if listener == PREVIEW:
        # The version on trial, or the one that has the traffic.
        shown = service.canary or next(label for label, version in service.versions.items() if version.weight)
        yield from _by_hand(path, ways, cluster_name(name, shown))
        return
    for label, version in service.versions.items():
        if version.by_hand:
            yield from _by_hand(path, ways, cluster_name(name, label), _asks_for(label))
    if listener != FRONT:
        # What Carelane itself asks a version is not to be answered by another one.
        yield _nobody(path, NO_VERSION, (_there(OWN_HEADER), _there(HAND_HEADER)))
    # Services among themselves pass on their user's cookie; they are given none.
    yield from _by_draw(path, ways, name, service, gives_cookie=listener == FRONT, fixed=fixed)


def _by_hand(path: str, ways: tuple[_Way, ...], cluster: str, *headers: Document) -> Iterator[Document]:
    """To one version, tried again as users' requests are: what a preview answers may be judged."""
    for way in ways:
        match = {**_where(path), "headers": [*headers, *way.headers]}
        yield {"name": "hand", "match": match, "route": {"cluster": cluster, **way.action}}


def _by_draw(
    path: str, ways: tuple[_Way, ...], name: str, service: ServiceRoute, *, gives_cookie: bool, fixed: bool
) -> Iterator[Document]:
    """Each user by a hash of who it is.

    A user is known by a cookie, given at first sight; so both versions' users are drawn alike, a
    user stays with one, and a canary that grows only adds users.
    """
    clusters = _fixed(name, service) if fixed else _by_layer(name, service)
    salt = f"{name}:{service.canary or ''}:"
    known: list[Document] = [{"name": COOKIE, "string_match": {"safe_regex": {"regex": _IDENTITY}}}]
    by_cookie = _hash_policy("cookie", rf"^(.*?; ?)?{COOKIE}=([0-9a-f-]+).*$", salt + r"\2")
    at_first_sight = _hash_policy(IDENTITY_HEADER, "^", salt)
    for way in ways:
        match = {**_where(path), "headers": list(way.headers)}
        action = {**clusters, **way.action}
        yield {
            "name": "judged",
            "match": {**match, "cookies": known},
            "route": {**action, "hash_policy": by_cookie},
        }
        yield {
            "name": "judged",
            "match": match,
            "route": {**action, "hash_policy": at_first_sight},
            "response_headers_to_add": [_NEW_COOKIE] if gives_cookie else [],
        }


def _asks_for(label: str) -> Document:
    return {"name": HAND_HEADER, "string_match": {"exact": label}}


def _there(header: str) -> Document:
    return {"name": header, "string_match": {"safe_regex": {"regex": ".+"}}}


_SAFE: Document = {"name": ":method", "string_match": {"safe_regex": {"regex": SAFE_METHODS}}}
_IDENTITY = "[0-9a-f]+(-[0-9a-f]+){4}"
_NEW_COOKIE: Document = {
    "append_action": "APPEND_IF_EXISTS_OR_ADD",
    "header": {
        "key": "set-cookie",
        "value": f"{COOKIE}=%REQ({IDENTITY_HEADER})%; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
    },
}


def _where(prefix: str) -> Document:
    return {"prefix": ROOT} if prefix == ROOT else {"path_separated_prefix": prefix}


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
