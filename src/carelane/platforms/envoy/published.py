"""A routing as documents in a folder: written in order, replaced by rename, the same left alone."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from carelane.base import json_files
from carelane.base.errors import not_written
from carelane.delivery.replicas.routing import Routing, ServiceRoute
from carelane.platforms.envoy import resources, routes
from carelane.platforms.envoy.documents import Document, Source, cluster_name

RETIRED_SECONDS = 3.0
"""For how long a label that left stays known, so that no request meets a route without its cluster."""


class Published:
    """The documents of one environment, for proxies that find what changes by *source*.

    *good*: where the documents are kept as they could be read last. *fixed*: weights stand in the routes, as
    proxies of an earlier version know them.
    """

    def __init__(
        self, folder: Path, source: Source, *, good: Path | None = None, fixed: bool = False
    ) -> None:
        self.folder = folder
        self._good = good
        self._source = source
        self._fixed = fixed
        self._shapes: dict[str, object] = {}
        self._written: dict[str, str] = {}
        self._listeners: tuple[str, ...] = ()
        self._services: Mapping[str, ServiceRoute] | None = None
        self._clusters: dict[str, Document] = {}
        self._left: dict[str, float] = {}
        self.versions: dict[str, str] = {}
        """By file, the version of what was written last."""

    def begin(
        self, ports: Mapping[str, int], own: str, slow_ms: tuple[int, ...], *, known: bool = False
    ) -> None:
        """Write the listeners, and routes and clusters where there are none yet.

        *known*: somebody knows those that are lost, and goes by them until the first routing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._listeners = tuple(ports)
        self._remember()
        if not known:
            self._write_empty()
        self._write("listeners.json", resources.listeners(self._source, ports, own, slow_ms))

    def _write_empty(self) -> None:
        """What no service has any part in, where nothing was ever written.

        What is damaged is left until the first routing: the proxies may run, and have what it said.
        """
        empty = Routing(0)
        for name in self._listeners:
            if not self._written_before(f"routes-{name}.json"):
                self._write(f"routes-{name}.json", routes.routes(empty, name))
        if not self._fixed and not self._written_before("weights.json"):
            self._write("weights.json", routes.weights(empty, {}))
        if not self._written_before("clusters.json"):
            self._write("clusters.json", resources.answered_clusters({}))

    def _places(self, name: str) -> list[Path]:
        return [place / name for place in (self.folder, self._good) if place is not None]

    def _written_before(self, name: str) -> bool:
        return any(path.exists() or path.is_symlink() for path in self._places(name))

    def _remember(self) -> None:
        """Read back what an earlier server wrote: its clusters leave like any others."""
        for path in self._places("clusters.json"):
            try:
                known = json.loads(path.read_bytes())["resources"]
                self._clusters = {cluster["name"]: cluster for cluster in known}
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue
            return

    @property
    def retiring(self) -> bool:
        """Whether something that left is still known."""
        return bool(self._left)

    def publish(self, routing: Routing) -> None:
        """Write *routing*. Weights first: a label has weight only once the proxies know it and hold it fit.

        Raises:
            PlatformError: If it cannot be written.
        """
        self.publish_weights(routing)
        now = routing.services
        # What was written before this server began is not known: then everything is written.
        last = self._services or {}
        changed = {name for name in {*last, *now} if last.get(name) != now.get(name)}
        changed |= set(self._listeners) if self._services is None else set()
        for name in self._listeners:
            self._write_routes(routing, name)
        for name, made in resources.endpoints(routing.only(changed)).items():
            self._write(f"endpoints-{name}.json", made)
        self._write_clusters(routing, changed)
        self._services = now

    def publish_weights(self, routing: Routing) -> None:
        """Write who gets how much, which is in force before the rest is written.

        Raises:
            PlatformError: If it cannot be written.
        """
        if not self._fixed:
            self._write("weights.json", routes.weights(routing, self._services or {}))

    def _write_routes(self, routing: Routing, listener: str) -> None:
        """The routes of *listener*, unless they are what they were."""
        shape = routes.shape(routing, listener, fixed=self._fixed)
        if self._shapes.get(listener) != shape:
            self._write(f"routes-{listener}.json", routes.routes(routing, listener, fixed=self._fixed))
            self._shapes[listener] = shape

    def _write_clusters(self, routing: Routing, changed: set[str]) -> None:
        wanted = {cluster_name(name, label) for name, s in routing.services.items() for label in s.versions}
        made = resources.clusters(self._source, routing.only(changed))
        left = {name: document for name, document in self._clusters.items() if name not in wanted}
        now = time.monotonic()
        kept = {name: since for name in left if now - (since := self._left.get(name, now)) < RETIRED_SECONDS}
        known = {**self._clusters, **made}
        clusters = {name: known[name] for name in known if name in wanted or name in kept}
        if clusters != self._clusters or "clusters.json" not in self.versions:
            self._write("clusters.json", resources.answered_clusters(clusters))
        self._clusters = clusters
        self._left = kept
        for name in set(left) - set(kept):
            file = f"endpoints-{name}.json"
            (self.folder / file).unlink(missing_ok=True)
            self._written.pop(file, None)
            self.versions.pop(file, None)

    def mend(self, damaged: Iterable[str]) -> None:
        """Write what is *damaged* or not there any more as it was written last.

        Raises:
            PlatformError: If one cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with os.scandir(self.folder) as found:
                there = {each.name for each in found if each.is_file(follow_symlinks=False)}
        except OSError as error:
            raise not_written("the routing", error) from error
        for name in {*damaged, *(name for name in self._written if name not in there)}:
            if name in self._written:
                self._replace(name, self._written[name])

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document; its version comes back from the proxies once they took it."""
        text = text_of(document)
        if self._written.get(name) != text:
            self._replace(name, text)

    def _replace(self, name: str, text: str) -> None:
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        replace(self.folder / name, f'{{"version_info": "{version}", {text[1:]}')
        self._written[name] = text
        self.versions[name] = version


def text_of(document: Mapping[Any, Any]) -> str:
    """*document* as a file has it."""
    return json.dumps(document)


def replace(path: Path, text: str) -> None:
    """Replace a file by rename; nobody else may read it.

    A weight is to be in force in milliseconds, and after a power cut all of these are written anew.

    Raises:
        PlatformError: If it cannot be written.
    """
    try:
        json_files.put(path, text.encode())
    except OSError as error:
        raise not_written("the routing", error) from error
