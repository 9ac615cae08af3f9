"""What a file names that is not there, and what it gives twice: read from the file as it stands.

As it stands, so that these are told together with wrong types: one look shows every mistake.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from carelane.config.documents import Path
from carelane.delivery.placeholders import Placeholders

PLACEHOLDERS = ("port", "version", "commit", "environment", "instance")
Wrong = tuple[Path, str]


@dataclass(frozen=True)
class _Names:
    """The services of each kind; one whose kind is wrong counts as any, lest one mistake shows as two."""

    web: frozenset[str]
    backing: frozenset[str]
    released: frozenset[str]

    def placeholders(self) -> list[str]:
        own = [f"services.{name}.url" for name in sorted(self.web)]
        return [*PLACEHOLDERS, *own, *(f"backing.{name}.url" for name in sorted(self.backing))]


def wrong(data: dict[str, Any]) -> list[Wrong]:
    """Every name that leads nowhere, by its place, and what would be right."""
    services = {name: s for name, s in mapping(data, "services").items() if isinstance(s, dict)}
    names = _Names(
        frozenset(_of_kind(services, "web")),
        frozenset(_of_kind(services, "backing")),
        frozenset(_of_kind(services, "web", "worker")),
    )
    environments = mapping(data, "environments")
    found = list(_in_environments(environments, names))
    found += _workers_twice(environments, set(_of_kind(services, "worker")) - names.web)
    found += _replicas_twice(environments)
    settings: dict[Path, dict[str, Any]] = {
        ("services", n): service for n, service in services.items() if service.get("kind") != "backing"
    }
    for place, service in {**settings, **_own_settings(environments)}.items():
        found += _a_text_and_a_secret(place, service)
        for path, text in _texts(service):
            found += [((*place, *path), said) for said in _in_text(text, names)]
    return [*found, *_same_routes(services)]


def _own_settings(environments: dict[str, Any]) -> dict[Path, dict[str, Any]]:
    """What environments have of services, by its place."""
    return {
        ("environments", name, "services", service): own
        for name, environment in environments.items()
        for service, own in mapping(environment, "services").items()
        if isinstance(own, dict)
    }


def _a_text_and_a_secret(place: Path, service: dict[str, Any]) -> Iterator[Wrong]:
    for variable in mapping(service, "secrets"):
        if variable in mapping(service, "environment"):
            path = (*place, "secrets", variable)
            yield path, f"{variable} is in environment too: a variable is a text or a secret"


def _in_environments(environments: dict[str, Any], names: _Names) -> Iterator[Wrong]:
    for name, environment in environments.items():
        for part, known, kind in (
            ("replicas", names.released, "released service"),
            ("services", names.released, "released service"),
            ("backing", names.backing, "backing service"),
        ):
            for service in mapping(environment, part):
                if service not in known:
                    path = ("environments", name, part, service)
                    yield path, f"{service} is no {kind}; there are: {_listed(known)}"
        for service in mapping(mapping(environment, "strategy"), "services"):
            if service not in names.web:
                place = ("environments", name, "strategy", "services", service)
                yield place, f"{service} is no web service; there are: {_listed(names.web)}"


def _replicas(environment: Any) -> Iterator[tuple[str, Path, Any]]:  # noqa: ANN401 - any YAML
    """How many of which service are wanted, and where in *environment* that is said."""
    for service, count in mapping(environment, "replicas").items():
        yield service, ("replicas", service), count
    for service, own in mapping(environment, "services").items():
        if isinstance(own, dict) and "replicas" in own:
            yield service, ("services", service, "replicas"), own["replicas"]


def _workers_twice(environments: dict[str, Any], workers: set[str]) -> Iterator[Wrong]:
    for name, environment in environments.items():
        for service, place, count in _replicas(environment):
            if service in workers and isinstance(count, int) and count > 1:
                yield ("environments", name, *place), f"{service} is a worker: it never runs twice"


def _replicas_twice(environments: dict[str, Any]) -> Iterator[Wrong]:
    for name, environment in environments.items():
        said: set[str] = set()
        for service, place, _ in _replicas(environment):
            if service in said:
                yield (
                    ("environments", name, *place),
                    f"said twice: environments.{name}.replicas has {service} too",
                )
            said.add(service)


def _texts(service: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every text of a service that is filled in."""
    for part in ("run", "migrate"):
        given = service.get(part)
        for index, text in enumerate(given if isinstance(given, list) else ()):
            if isinstance(text, str):
                yield (part, index), text
    for key, text in mapping(service, "environment").items():
        if isinstance(text, str):
            yield ("environment", key), text


def _in_text(text: str, names: _Names) -> Iterator[str]:
    for match in Placeholders.pattern.finditer(text):
        if match["invalid"] is not None:
            yield "a $ begins a placeholder; write $$ for a dollar sign"
            continue
        name = match["named"] or match["braced"]
        if name is None or name in names.placeholders():
            continue
        kind, _, rest = name.partition(".")
        target = rest.removesuffix(".url")
        if kind in {"services", "backing"} and rest.endswith(".url"):
            known = names.web if kind == "services" else names.backing
            yield f"{kind}.{target} is not there; there are: {_listed(known)}"
        else:
            yield f"unknown placeholder ${{{name}}}{_meant(name, names)}"


def _meant(name: str, names: _Names) -> str:
    near = difflib.get_close_matches(name.lower(), names.placeholders(), 1, 0.6)
    if near:
        return f"; did you mean ${{{near[0]}}}?"
    return f"; there are: {', '.join(names.placeholders())}; write $$ for a dollar sign"


def _same_routes(services: dict[str, Any]) -> Iterator[Wrong]:
    taken: dict[str, str] = {}
    for name, service in services.items():
        routes = service.get("routes")
        for index, route in enumerate(routes if isinstance(routes, list) else ()):
            if isinstance(route, dict):
                route = route.get("path")  # noqa: PLW2901 - the longer form of the same
            if not isinstance(route, str):
                continue
            if route in taken:
                path = ("services", name, "routes", index)
                yield path, f"{route} is a route of {taken[route]} already: each route leads to one service"
            taken.setdefault(route, name)


def _of_kind(services: dict[str, Any], *kinds: str) -> Iterator[str]:
    for name, service in services.items():
        kind = service.get("kind")
        if kind in kinds or kind not in ("web", "worker", "backing"):
            yield name


def mapping(data: Any, key: str) -> dict[str, Any]:  # noqa: ANN401 - any YAML
    """What *data* has at *key*, by name; nothing where either is of another kind: that is told elsewhere."""
    value = data.get(key) if isinstance(data, dict) else None
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
