"""A routing as documents in a folder: written in order, replaced by rename, the same left alone."""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carelane.base.errors import not_written
from carelane.delivery.routing import Routing
from carelane.platforms.envoy import resources, routes
from carelane.platforms.envoy.documents import Document, Source

RETIRED_SECONDS = 3.0
"""For how long a label that left stays known, so that no request meets a route without its cluster."""


class Published:
    """The documents of one environment, for proxies that find what changes by *source*."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder = folder
        self._source = source
        self._written: dict[str, str] = {}
        self._listeners: tuple[str, ...] = ()
        self._clusters: dict[str, Document] = {}
        self._retired: dict[str, tuple[float, Document]] = {}
        self.versions: dict[str, str] = {}
        """By file, the version of what was written last."""

    def begin(self, ports: Mapping[str, int], own: str, slow_ms: tuple[int, ...]) -> None:
        """Write the listeners, and routes and clusters where there are none yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._listeners = tuple(ports)
        empty = Routing(0)
        for name in self._listeners:
            if not (self.folder / f"routes-{name}.json").exists():
                self._write(f"routes-{name}.json", routes.routes(empty, name))
        self._remember()
        self._write("listeners.json", resources.listeners(self._source, ports, own, slow_ms))

    def _remember(self) -> None:
        """Read back what an earlier server wrote: its clusters leave like any others."""
        try:
            known = json.loads((self.folder / "clusters.json").read_text())["resources"]
            self._clusters = {cluster["name"]: cluster for cluster in known}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            self._write("clusters.json", resources.clusters(self._source, Routing(0), {}))

    @property
    def retiring(self) -> bool:
        """Whether something that left is still known."""
        return bool(self._retired)

    def publish(self, routing: Routing) -> None:
        """Write *routing*. Weights first: a label has weight only once the proxies know it and hold it fit.

        Raises:
            PlatformError: If it cannot be written.
        """
        for name in self._listeners:
            self._write(f"routes-{name}.json", routes.routes(routing, name))
        for name, document in resources.endpoints(routing).items():
            self._write(f"endpoints-{name}.json", document)
        wanted = {r["name"]: r for r in resources.clusters(self._source, routing, {})["resources"]}
        now = time.monotonic()
        for name in set(self._clusters) - set(wanted):
            self._retired.setdefault(name, (now, self._clusters[name]))
        self._retired = {
            name: (since, document)
            for name, (since, document) in self._retired.items()
            if name not in wanted and now - since < RETIRED_SECONDS
        }
        kept = {name: document for name, (_, document) in self._retired.items()}
        self._write("clusters.json", resources.clusters(self._source, routing, kept))
        for name in set(self._clusters) - set(kept) - set(wanted):
            file = f"endpoints-{name}.json"
            (self.folder / file).unlink(missing_ok=True)
            self._written.pop(file, None)
            self.versions.pop(file, None)
        self._clusters = {**kept, **wanted}

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document; its version comes back from the proxies once they took it."""
        text = json.dumps(document)
        if self._written.get(name) == text:
            return
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        replace(self.folder / name, json.dumps({"version_info": version, **document}))
        self._written[name] = text
        self.versions[name] = version


def replace(path: Path, text: str) -> None:
    """Replace a file by rename; nobody else may read it.

    Raises:
        PlatformError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}")
    try:
        part.touch(mode=0o600)  # one of them holds what only Carelane is to know
        part.write_text(text)
        part.rename(path)
    except OSError as error:
        raise not_written("the routing", error) from error
