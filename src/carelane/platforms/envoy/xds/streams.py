"""One proxy's side of the delta protocol: what it asked for, was sent, took and refused. Pure.

Facts behind the rules: https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from carelane.platforms.envoy.xds.documents import (
    CLUSTERS,
    ENDPOINTS,
    LISTENERS,
    ROUTES,
    WEIGHTS,
    Document,
    Resource,
    Snapshot,
)

ORDER = (WEIGHTS, ROUTES, CLUSTERS, ENDPOINTS, LISTENERS)
"""Weights first: a label has weight only once the proxies know it and hold it fit."""
EVERYTHING = frozenset({CLUSTERS, LISTENERS})
"""Types of which a proxy wants all that there are; of the others it names what it wants."""


@dataclass(frozen=True)
class Request:
    """What a proxy says: what it wants of a type, or what it made of an answer (*nonce*, *error*)."""

    type: str
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    has: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Answer:
    """What it is told of one type."""

    type: str
    nonce: str
    resources: tuple[Resource, ...]
    removed: tuple[str, ...] = ()


@dataclass
class _Type:
    """Of one type: the names it wants, and versions by name."""

    wanted: set[str] = field(default_factory=set)
    sent: dict[str, str] = field(default_factory=dict)
    took: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    open: dict[str, Answer] = field(default_factory=dict)
    answered: bool = False


class Stream:
    """One proxy's stream, from its connection to its end."""

    def __init__(self) -> None:
        self._types: dict[str, _Type] = {}
        self._nonces = itertools.count(1)

    def hear(self, request: Request) -> None:
        """Take note of *request*; `due` says what follows from it."""
        first = request.type not in self._types
        of = self._types.setdefault(request.type, _Type())
        if first:  # after a break: what it took before counts, and is not sent again
            of.sent, of.took = dict(request.has), dict(request.has)
            of.answered = bool(request.has)
        of.wanted = (of.wanted | {*request.wanted}) - {*request.unwanted}
        for name in (*request.wanted, *request.unwanted) if not first else request.unwanted:
            of.sent.pop(name, None)  # who asks again has dropped it
            of.took.pop(name, None)
        answer = of.open.pop(request.nonce, None)
        if answer is not None:
            self._settle(of, answer, request.error)

    def _settle(self, of: _Type, answer: Answer, error: str | None) -> None:
        if error is None:
            of.took.update({r.name: r.version for r in answer.resources})
            for resource in answer.resources:
                of.refused.pop(resource.name, None)
            for name in answer.removed:
                of.took.pop(name, None)
        elif len(answer.resources) + len(answer.removed) > 1:
            # Which of them is wrong shows when each is sent by itself, as it is from now on.
            for resource in answer.resources:
                of.sent.pop(resource.name, None)
        else:
            of.refused.update({r.name: (r.version, error) for r in answer.resources})

    def due(self, snapshot: Snapshot) -> Iterator[Answer]:
        """What it is to be told now, in order: all of a type at first, then one resource an answer.

        A rejection then names the very resource.
        """
        for kind in ORDER:
            of = self._types.get(kind)
            if of is None or (kind in EVERYTHING and not snapshot.knows(kind)):
                continue  # it goes on with what it has
            there = snapshot.resources.get(kind, {})
            fresh = tuple(
                r for name, r in there.items() if self._wants(kind, r) and of.sent.get(name) != r.version
            )
            gone = tuple(name for name in of.sent if name not in there) if kind in EVERYTHING else ()
            if of.answered:
                for resource in fresh:
                    yield self._answer(of, kind, (resource,), ())
                for name in gone:
                    yield self._answer(of, kind, (), (name,))
            elif fresh or kind in EVERYTHING:
                of.answered = True
                yield self._answer(of, kind, fresh, gone)

    def _answer(
        self, of: _Type, kind: str, resources: tuple[Resource, ...], removed: tuple[str, ...]
    ) -> Answer:
        answer = Answer(kind, str(next(self._nonces)), resources, removed)
        of.open[answer.nonce] = answer
        for name in removed:
            of.sent.pop(name, None)
        of.sent.update({r.name: r.version for r in resources})
        if kind == CLUSTERS and ENDPOINTS in self._types:
            # A cluster that changed is made anew, and waits for its endpoints.
            for resource in resources:
                self._types[ENDPOINTS].sent.pop(resource.name, None)
        return answer

    def _wants(self, kind: str, resource: Resource) -> bool:
        return kind in EVERYTHING or resource.name in self._types[kind].wanted

    def took(self, document: Document) -> bool:
        """Whether it has all of *document*, as it is, and nothing that left it."""
        kinds = {r.type for r in document.resources}
        leaving = any(
            a.removed for kind in kinds if kind in self._types for a in self._types[kind].open.values()
        )
        return (
            not document.unreadable
            and not leaving
            and all(
                r.type in self._types and self._types[r.type].took.get(r.name) == r.version
                for r in document.resources
            )
        )

    def refused(self, document: Document) -> str:
        """Why it refused something of *document* as it is; empty where it did not."""
        for resource in document.resources:
            of = self._types.get(resource.type)
            version, why = of.refused.get(resource.name, ("", "")) if of is not None else ("", "")
            if version == resource.version:
                return why
        return ""
