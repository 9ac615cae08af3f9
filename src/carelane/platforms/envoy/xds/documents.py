"""The documents in a folder, as resources of Envoy's protocol; what did not change is not parsed again.

A front door with fifty services has hundreds of routes, and parsing them is what takes time (93 ms; 20 ms
may pass until a weight is in force). So each part is kept by its text.
"""

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carelane.platforms.envoy.xds import messages
from carelane.platforms.envoy.xds.api import CLUSTER, ENDPOINT, LISTENER, ROUTE, RUNTIME
from carelane.platforms.envoy.xds.good import Good

ROUTES = messages.PREFIX + ROUTE + "RouteConfiguration"
CLUSTERS = messages.PREFIX + CLUSTER + "Cluster"
ENDPOINTS = messages.PREFIX + ENDPOINT + "ClusterLoadAssignment"
WEIGHTS = messages.PREFIX + RUNTIME + "Runtime"
LISTENERS = messages.PREFIX + LISTENER + "Listener"
_NAMES = {ENDPOINTS: "cluster_name"}
_WHOLE = {CLUSTERS: "clusters.json", LISTENERS: "listeners.json"}
"""The files that hold all that there is of a type."""

_Mark = tuple[int, int, int]
"""By what a file is known to be the same: its inode, time of change in ns, and size in bytes."""
_NO_MARK: _Mark = (0, 0, 0)


@dataclass(frozen=True)
class Resource:
    """One resource: its type's URL, name, version (of its content) and the Any that is sent."""

    type: str
    name: str
    version: str
    body: Any = field(compare=False, hash=False, repr=False)


@dataclass(frozen=True)
class Document:
    """A file: the version that the server gave it, and its resources.

    Where it cannot be read, why not, no version, and the resources of when it could; whether anybody knows
    these.
    """

    version: str
    resources: tuple[Resource, ...] = ()
    unreadable: str = ""
    known: bool = True


@dataclass(frozen=True)
class Snapshot:
    """What the proxies should have: each document by file, and all resources by type and name."""

    documents: Mapping[str, Document]

    @functools.cached_property
    def resources(self) -> Mapping[str, Mapping[str, Resource]]:
        """By type and name."""
        found: dict[str, dict[str, Resource]] = {}
        for document in self.documents.values():
            for resource in document.resources:
                found.setdefault(resource.type, {})[resource.name] = resource
        return found

    def knows(self, kind: str) -> bool:
        """Whether all that there is of *kind* is known: else nobody can say that something of it has left."""
        document = self.documents.get(_WHOLE.get(kind, ""))
        return document is not None and document.known


class Folder:
    """Where the server writes documents; each is replaced by rename, and read again only then.

    What is damaged or gone counts as it was, also before this process began (*good*): nobody loses a route
    by a lost file.
    """

    def __init__(self, folder: Path, good: Path) -> None:
        self._folder = folder
        self._good = Good(good)
        self._parts: dict[str, Any] = {}
        self._seen = {name: (_NO_MARK, made) for name, made in self._remembered()}

    def _remembered(self) -> Iterator[tuple[str, Document]]:
        """What an earlier process could read."""
        for name, text in self._good.read():
            made = self._document(text, self._parts, None)
            if made.known:
                yield name, made

    def keep(self) -> None:
        """Keep what could be read last, for the next process."""
        self._good.keep(self._seen)

    def read(self) -> Snapshot:
        """What is there now."""
        seen: dict[str, tuple[_Mark, Document]] = {}
        used: dict[str, Any] = {}
        for entry in os.scandir(self._folder):
            if entry.name.startswith(".") or not entry.name.endswith(".json"):
                continue
            known = self._seen.get(entry.name)
            last = known[1] if known is not None else None
            try:
                stat = entry.stat()
                mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if known is None or known[0] != mark:
                    text = Path(entry.path).read_bytes()
                    known = (mark, self._document(text, used, last))
                    if known[1].version:
                        self._good.note(entry.name, text)
            except FileNotFoundError:
                continue
            except OSError as error:
                known = (_NO_MARK, _as_it_was(last, str(error)))
            seen[entry.name] = known
        if used:
            self._parts = {**self._parts, **used} if len(self._parts) < _PARTS_KEPT else used
        self._seen = {**seen, **self._lost(seen)}
        return Snapshot({name: document for name, (_, document) in self._seen.items()})

    def _lost(self, seen: Mapping[str, tuple["_Mark", Document]]) -> dict[str, tuple["_Mark", Document]]:
        """What was there and is not any more, but for the endpoints of clusters that have left."""
        gone = {name: document for name, (_, document) in self._seen.items() if name not in seen}
        there = Snapshot({name: document for name, (_, document) in seen.items()} | gone).resources
        clusters = there.get(CLUSTERS, {})
        return {
            name: (_NO_MARK, _as_it_was(document, "it is gone"))
            for name, document in gone.items()
            if any(r.type != ENDPOINTS or r.name in clusters for r in document.resources)
        }

    def _document(self, text: bytes, used: dict[str, Any], last: Document | None) -> Document:
        try:
            document = json.loads(text)
            made = tuple(self._resource(part, used) for part in document["resources"])
            return Document(document["version_info"], made)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return _as_it_was(last, f"{type(error).__name__}: {error}")

    def _resource(self, document: Mapping[str, Any], used: dict[str, Any]) -> Resource:
        kind = document["@type"]
        message = self._routes(document, used) if kind == ROUTES else self._part(document, used)
        body = messages.packed(message)
        version = hashlib.sha256(body.value).hexdigest()[:16]
        return Resource(kind, document[_NAMES.get(kind, "name")], version, body)

    def _routes(self, document: Mapping[str, Any], used: dict[str, Any]) -> Any:  # noqa: ANN401 - a message
        """A whole listener's routes, put together from routes that are kept."""
        hosts = [{**host, "routes": []} for host in document["virtual_hosts"]]
        made: Any = messages.parsed({**document, "virtual_hosts": hosts})
        for host, described in zip(made.virtual_hosts, document["virtual_hosts"], strict=True):
            host.routes.extend(self._part(route, used) for route in _typed(described["routes"]))
        return made

    def _part(self, document: Mapping[str, Any], used: dict[str, Any]) -> Any:  # noqa: ANN401 - a message
        text = json.dumps(document)
        made = used.get(text) or self._parts.get(text) or messages.parsed(document)
        used[text] = made
        return made


_PARTS_KEPT = 20_000


def _as_it_was(last: Document | None, why: str) -> Document:
    """A document that cannot be read, and *why* not."""
    return Document("", last.resources if last else (), why, known=last is not None and last.known)


def _typed(routes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return ({"@type": ROUTE + "Route", **route} for route in routes)
