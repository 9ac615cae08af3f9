"""The TrafficRouter port: two Envoys a front door, told what to do through files.

Two, because what listens twice on one port keeps listening when one of them is killed.
"""

import hashlib
import http.client
import json
import os
import secrets
import threading
import time
from collections.abc import Mapping
from importlib import resources as packages
from pathlib import Path
from typing import Any, Protocol

from carelane.base.errors import PlatformError, not_written
from carelane.delivery.observations import EndpointSeen, RoutingSeen
from carelane.delivery.routing import Routing
from carelane.platforms.envoy import acceptance, resources, routes
from carelane.platforms.envoy.acceptance import Acceptance
from carelane.platforms.envoy.admin import Admin, Health, HostSeen
from carelane.platforms.envoy.documents import FRONT, HAND_HEADER, OWN_HEADER, PREVIEW, Document

PROXIES = ("proxy-1", "proxy-2")
NAMES = "instances.json"
OWN_KEY = "own.key"
RETIRED_SECONDS = 3.0


class Supervisor(Protocol):
    """Keeps a proxy's process running, with no server near."""

    def spec(self, name: str) -> dict[str, Any] | None:
        """What *name* was told to run."""
        ...

    def write(self, name: str, spec: dict[str, Any]) -> None:
        """Say what *name* is to run."""
        ...

    def folder(self, name: str) -> Path:
        """Where *name* runs."""
        ...

    def ensure(self, name: str) -> None:
        """See to it that *name* runs."""
        ...


class EnvoyRouter:
    """One environment's proxies."""

    def __init__(
        self,
        folder: Path,
        front_port: int,
        inner_ports: Mapping[str, int],
        keeper: Supervisor,
        *,
        preview_port: int | None = None,
        slow_ms: tuple[int, ...] = (),
    ) -> None:
        self._folder = folder
        preview = {} if preview_port is None else {PREVIEW: preview_port}
        self._ports = {FRONT: front_port, **preview, **inner_ports}
        self._slow_ms = slow_ms
        self._own = ""
        self._keeper = keeper
        self._lock = threading.Lock()
        self._written: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._acceptance = Acceptance()
        self._routing: Routing | None = None
        self._retired: dict[str, tuple[float, Document]] = {}
        self._clusters: dict[str, Document] = {}
        self._instances: dict[int, str] = {}
        self._idle_since: dict[str, float] = {}
        self._fit: dict[str, float] = {}
        self.admins = {name: Admin(keeper.folder(name) / "admin.sock") for name in PROXIES}

    def begin(self) -> None:
        """Write the listeners, and routes where there are none yet; start what does not run.

        Raises:
            PlatformError: If a proxy cannot be started.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own = self._own_key()
        self._remember()
        empty = Routing(0)
        for name in self._ports:
            if not (self._folder / f"routes-{name}.json").exists():
                self._write(f"routes-{name}.json", routes.routes(empty, name))
        if not (self._folder / "clusters.json").exists():
            self._write("clusters.json", resources.clusters(self._folder, empty, {}))
        self._write(
            "listeners.json", resources.listeners(self._folder, self._ports, self._own, self._slow_ms)
        )
        envoy = packages.files("envoy") / "_bin" / "envoy"
        for name in PROXIES:
            if self._keeper.spec(name) is None:
                self._keeper.write(name, self._spec(name, str(envoy)))
                config = resources.bootstrap(self._folder, name)
                (self._keeper.folder(name) / "bootstrap.json").write_text(json.dumps(config))
            self._keeper.ensure(name)

    def _remember(self) -> None:
        """Read back what an earlier server wrote, so that its endpoints mean something to this one."""
        try:
            self._instances = {int(p): i for p, i in json.loads((self._folder / NAMES).read_text()).items()}
            known = json.loads((self._folder / "clusters.json").read_text())["resources"]
        except FileNotFoundError:
            return
        self._clusters = {cluster["name"]: cluster for cluster in known}

    def _own_key(self) -> str:
        """By what the proxies know Carelane's own questions, made once and kept beside their files."""
        place = self._folder / OWN_KEY
        if not place.exists():
            self._replace(OWN_KEY, secrets.token_hex(16))
        return place.read_text()

    def _spec(self, name: str, envoy: str) -> dict[str, Any]:
        return {
            "command": [
                envoy,
                "-c",
                "bootstrap.json",
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "-l",
                "warn",
            ],
            "folder": str(self._keeper.folder(name)),
            "environment": {"PATH": os.environ.get("PATH", os.defpath)},
        }

    # -- the port

    def route(self, routing: Routing) -> None:
        """Bring *routing* into force; an older generation than the last is ignored."""
        with self._lock:
            last = self._routing
            if last is not None and routing.generation < last.generation:
                return
            if routing == last and not self._retired:
                return
            # Weights first: a label has weight only once the proxies know it and hold it fit.
            for name in self._ports:
                self._write(f"routes-{name}.json", routes.routes(routing, name))
            self._write_clusters(routing)
            self._routing = routing

    def _write_clusters(self, routing: Routing) -> None:
        for name, document in resources.endpoints(routing).items():
            self._write(f"endpoints-{name}.json", document)
        wanted = {r["name"]: r for r in resources.clusters(self._folder, routing, {})["resources"]}
        now = time.monotonic()
        for name in set(self._clusters) - set(wanted):
            self._retired.setdefault(name, (now, self._clusters[name]))
        self._retired = {
            name: (since, document)
            for name, (since, document) in self._retired.items()
            if name not in wanted and now - since < RETIRED_SECONDS
        }
        kept = {name: document for name, (_, document) in self._retired.items()}
        self._write("clusters.json", resources.clusters(self._folder, routing, kept))
        for name in set(self._clusters) - set(kept) - set(wanted):
            (self._folder / f"endpoints-{name}.json").unlink(missing_ok=True)
            self._written.pop(f"endpoints-{name}.json", None)
            self._versions.pop(f"endpoints-{name}.json", None)
        self._clusters = {**kept, **wanted}
        self._instances = {
            endpoint.port: endpoint.instance
            for service in routing.services.values()
            for version in service.versions.values()
            for endpoint in version.endpoints
        }
        known = set(self._instances.values())
        self._idle_since = {name: since for name, since in self._idle_since.items() if name in known}
        self._fit = {name: since for name, since in self._fit.items() if name in known}
        self._replace(NAMES, json.dumps(self._instances))

    def observe(self) -> Mapping[str, EndpointSeen] | None:
        """What the proxies that answer say; an endpoint is healthy if all of them hold it so."""
        answers = [hosts for admin in self.admins.values() if (hosts := admin.hosts()) is not None]
        for name in PROXIES if len(answers) < len(PROXIES) else ():
            self._keeper.ensure(name)
        if not answers:
            return None
        now = time.monotonic()
        return {
            instance: self._endpoint(instance, [a[port] for a in answers if port in a], len(answers), now)
            for port, instance in self._instances.items()
        }

    def routed(self) -> RoutingSeen:
        """Which routing every proxy that answers took, and what one of them rejected."""
        with self._lock:
            wanted, last = dict(self._versions), self._routing
        taken = {name: said for name, admin in self.admins.items() if (said := admin.taken()) is not None}
        looked = {name: self._acceptance.look(name, wanted, said) for name, said in taken.items()}
        whole = bool(looked) and all(took for took, _ in looked.values())
        refused = "; ".join(self._refusal(name, files) for name, (_, files) in looked.items() if files)
        return RoutingSeen(
            last.generation if whole and last is not None else None,
            refused,
            self._acceptance.lasting(refused=bool(refused)),
        )

    def _refusal(self, proxy: str, files: list[str]) -> str:
        why = acceptance.reason(self._keeper.folder(proxy))
        return f"{proxy} rejected {', '.join(files)}" + (f": {why}" if why else "")

    def _endpoint(self, instance: str, seen: list[HostSeen], proxies: int, now: float) -> EndpointSeen:
        active = sum(host.active_requests for host in seen)
        if active:
            self._idle_since.pop(instance, None)
        since = None if active else self._idle_since.setdefault(instance, now)
        fit = len(seen) == proxies and all(host.health is Health.FIT for host in seen)
        # A proxy that has just come back has not asked yet: that speaks against nobody.
        unfit = any(host.health is Health.UNFIT for host in seen)
        healthy = fit or (instance in self._fit and not unfit)
        if not healthy:
            self._fit.pop(instance, None)
        fit_since = self._fit.setdefault(instance, now) if healthy else now
        return EndpointSeen(healthy, active, None if since is None else now - since, now - fit_since)

    def addresses(self) -> Mapping[str, str]:
        """The inner address of each web service."""
        return {
            f"services.{n}.url": f"http://127.0.0.1:{p}"
            for n, p in self._ports.items()
            if n not in {FRONT, PREVIEW}
        }

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* through the front door."""
        return self._ask(FRONT, path, timeout_seconds, {})

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* of one version: at the service's inner listener, by hand."""
        if service not in self._ports:
            raise PlatformError(f"{service} has no address of its own: it is no web service here")
        return self._ask(service, path, timeout_seconds, {HAND_HEADER: label})

    def _ask(
        self, listener: str, path: str, timeout_seconds: float, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        port = self._ports[listener]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
        try:
            connection.request("GET", path, headers={OWN_HEADER: self._own, **headers})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            where = "the front door" if listener == FRONT else f"the address of {listener}"
            raise PlatformError(f"{where} does not answer: {error}") from error
        finally:
            connection.close()

    # -- files

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document for the proxies; its version comes back from them once they took it."""
        version = hashlib.sha256(json.dumps(document).encode()).hexdigest()[:16]
        self._replace(name, json.dumps({"version_info": version, **document}))
        self._versions[name] = version

    def _replace(self, name: str, text: str) -> None:
        """Replace a file by rename, which is what the proxies watch for; the same content is left alone."""
        if self._written.get(name) == text:
            return
        part = self._folder / f".{name}"
        try:
            part.touch(mode=0o600)  # one of them holds what only Carelane is to know
            part.write_text(text)
            part.rename(self._folder / name)
        except OSError as error:
            raise not_written("the routing", error) from error
        self._written[name] = text
