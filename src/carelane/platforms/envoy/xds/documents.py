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

ROUTES = messages.PREFIX + ROUTE + "RouteConfiguration"
CLUSTERS = messages.PREFIX + CLUSTER + "Cluster"
ENDPOINTS = messages.PREFIX + ENDPOINT + "ClusterLoadAssignment"
WEIGHTS = messages.PREFIX + RUNTIME + "Runtime"
LISTENERS = messages.PREFIX + LISTENER + "Listener"
_NAMES = {ENDPOINTS: "cluster_name"}


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

    Where it cannot be read, why not, no version, and the resources of when it could.
    """

    version: str
    resources: tuple[Resource, ...] = ()
    unreadable: str = ""


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


class Folder:
    """Where the server writes documents; each is replaced by rename, and read again only then.

    What is damaged or gone counts as it was: nobody loses a route by a lost file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[_Mark, Document]] = {}
        self._parts: dict[str, Any] = {}

    def read(self) -> Snapshot:
        """What is there now."""
        seen: dict[str, tuple[_Mark, Document]] = {}
        used: dict[str, Any] = {}
        for entry in os.scandir(self._folder):
            if entry.name.startswith("."):
                continue
            known = self._seen.get(entry.name)
            last = known[1].resources if known is not None else ()
            try:
                stat = entry.stat()
                mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if known is None or known[0] != mark:
                    known = (mark, self._document(Path(entry.path).read_bytes(), used, last))
            except FileNotFoundError:
                continue
            except OSError as error:
                known = (_NO_MARK, Document("", last, str(error)))
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
            name: (_NO_MARK, Document("", document.resources, "it is gone"))
            for name, document in gone.items()
            if any(r.type != ENDPOINTS or r.name in clusters for r in document.resources)
        }

    def _document(self, text: bytes, used: dict[str, Any], last: tuple[Resource, ...]) -> Document:
        try:
            document = json.loads(text)
            made = tuple(self._resource(part, used) for part in document["resources"])
            return Document(document["version_info"], made)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return Document("", last, f"{type(error).__name__}: {error}")

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


def _typed(routes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return ({"@type": ROUTE + "Route", **route} for route in routes)
