"""The Proxies port: two Envoys a front door, told what to do through documents."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from carelane.base import json_files
from carelane.base.errors import PlatformError
from carelane.delivery.observations import RoutingSeen
from carelane.delivery.replicas.routing import Routing
from carelane.delivery.replicas.seen import EndpointSeen, ProxyTrouble
from carelane.platforms.envoy import acceptance, own_key
from carelane.platforms.envoy.acceptance import Acceptance, Said
from carelane.platforms.envoy.admin import Admin, Health, HostSeen
from carelane.platforms.envoy.documents import (
    FRONT,
    GOOD,
    HAND_HEADER,
    OWN_HEADER,
    PREVIEW,
    WANTED,
    from_discovery,
    from_files,
)
from carelane.platforms.envoy.proxies import PROXIES, Proxies, Supervisor
from carelane.platforms.envoy.published import Published, replace, text_of

Answer = TypeVar("Answer")
ASKED_AT_ONCE = 8
"""Questions to the proxies' administration: of the loops and of the commands that look at the same time."""
NAMES = "instances.json"
MOST_BYTES = 1 << 20
"""Of an answer to Carelane's own question; a version's name is in the first of them."""


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
        self._proxies = Proxies(keeper, folder / "beside")
        self.admins = self._proxies.admins
        self._published = Published(folder / "beside" / WANTED, from_discovery, good=folder / "beside" / GOOD)
        self._followed: Published | None = None
        self._acceptance = Acceptance()
        self._routing: Routing | None = None
        self._instances: dict[int, str] = {}
        self._idle_since: dict[str, float] = {}
        self._fit: dict[str, float] = {}
        self._asking = ThreadPoolExecutor(ASKED_AT_ONCE, "proxies")

    def begin(self) -> None:
        """Write the listeners, and routes where there are none yet; start what does not run.

        Raises:
            PlatformError: If a proxy cannot be started.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own = own_key.kept(self._folder)
        self._instances = self._remembered()
        known = acceptance.fresh(self._proxies.beside)
        self._published.begin(self._ports, self._own, self._slow_ms, known=known)
        self._proxies.begin()
        if any(self._proxies.follows_files(name) for name in PROXIES):
            self._followed = Published(self._folder, from_files(self._folder), fixed=True)
            self._followed.begin(self._ports, self._own, self._slow_ms)

    def _remembered(self) -> dict[int, str]:
        """What an earlier server wrote, so that its endpoints mean something to this one."""
        known = (json_files.read(self._folder / NAMES) or {}).items()
        return {int(port): name for port, name in known if port.isdecimal() and isinstance(name, str)}

    # -- the port

    def route(self, routing: Routing) -> None:
        """Bring *routing* into force; an older generation than the last is ignored."""
        with self._lock:
            last = self._routing
            if last is not None and routing.generation < last.generation:
                return
            if routing == last and not any(published.retiring for published in self._all()):
                return
            self._published.publish_weights(routing)
            self._proxies.nudge()
            known = dict(self._published.versions)
            for published in self._all():
                published.publish(routing)
            if self._published.versions != known:
                self._proxies.nudge()
            self._name(routing)
            self._routing = routing

    def _all(self) -> tuple[Published, ...]:
        return (self._published,) if self._followed is None else (self._published, self._followed)

    def _name(self, routing: Routing) -> None:
        """Write down whose port is whose."""
        self._instances = {
            endpoint.port: endpoint.instance
            for service in routing.services.values()
            for version in service.versions.values()
            for endpoint in version.endpoints
        }
        known = set(self._instances.values())
        self._idle_since = {name: since for name, since in self._idle_since.items() if name in known}
        self._fit = {name: since for name, since in self._fit.items() if name in known}
        replace(self._folder / NAMES, text_of(self._instances))

    def observe(self) -> Mapping[str, EndpointSeen] | None:
        """What the proxies that answer say; an endpoint is healthy if all of them hold it so."""
        answers = [hosts for hosts in self._of_each(Admin.hosts).values() if hosts is not None]
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
            last = self._routing
        looked = self._looked(*acceptance.said(self._proxies.beside))
        whole = bool(looked) and all(took for took, _ in looked.values())
        refused = "; ".join(self._refusal(name, files) for name, (_, files) in looked.items() if files)
        return RoutingSeen(
            last.generation if whole and last is not None else None,
            refused,
            self._acceptance.lasting(refused=bool(refused)),
        )

    def _looked(
        self, said: Mapping[str, Said], unreadable: Mapping[str, str]
    ) -> dict[str, tuple[bool, dict[str, str]]]:
        """Of each proxy that answers, whether it took all documents, and which it refused and why."""
        with self._lock:
            wanted = dict(self._published.versions)
            followed = None if self._followed is None else dict(self._followed.versions)
        looked: dict[str, tuple[bool, dict[str, str]]] = {}
        by_files = [name for name in PROXIES if followed is not None and self._proxies.follows_files(name)]
        taken, answers = self._of_each(Admin.taken) if by_files else {}, self._of_each(Admin.answers)
        for name in self.admins:
            if followed is not None and name in by_files:
                if (took_of := taken[name]) is not None:
                    took, files = self._acceptance.look(name, followed, took_of)
                    looked[name] = (took, dict.fromkeys(files, ""))
            elif answers[name]:
                of = said.get(name)
                # What was said of a process that has ended since says nothing of this one.
                now = of is not None and of.since >= self._keeper.started(name)
                looked[name] = acceptance.judged(wanted, of if now else None, unreadable)
        return looked

    def _refusal(self, proxy: str, files: Mapping[str, str]) -> str:
        why = next((why for why in files.values() if why), "")
        if not why or why.endswith(acceptance.CUT):
            why = acceptance.reason(self._keeper.folder(proxy)) or why
        return f"{proxy} rejected {', '.join(files)}" + (f": {why}" if why else "")

    def tend(self) -> tuple[ProxyTrouble, ...]:
        """Look after the proxies; see `Proxies.tend`."""
        asked_at = time.monotonic()
        said, unreadable = acceptance.said(self._proxies.beside)
        looked = self._looked(said, unreadable)
        whole = {name for name, (took, _) in looked.items() if took}
        alone = {n: self._refusal(n, files) for n, (_, files) in looked.items() if files and whole - {n}}
        found = self._proxies.tend(whole, alone, set(looked), asked_at)
        if self._followed is not None and not any(self._proxies.follows_files(name) for name in PROXIES):
            with self._lock:
                self._followed = None
        with self._lock:
            self._published.mend(unreadable)
        return found

    def _of_each(self, ask: Callable[[Admin], Answer]) -> dict[str, Answer]:
        """What *ask* says of each proxy, at the same time: two that hang cost no more than one."""
        return dict(zip(self.admins, self._asking.map(ask, self.admins.values()), strict=True))

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
        give_up = time.monotonic() + timeout_seconds
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
        try:
            connection.request("GET", path, headers={OWN_HEADER: self._own, **headers})
            response = connection.getresponse()
            return response.status, _body(response, give_up)
        except (OSError, http.client.HTTPException) as error:
            where = "the front door" if listener == FRONT else f"the address of {listener}"
            raise PlatformError(f"{where} does not answer: {error}") from error
        finally:
            connection.close()


def _body(response: http.client.HTTPResponse, give_up: float) -> bytes:
    """The beginning of an answer's body; raises OSError where it is not whole by *give_up*.

    A socket's timeout is of each read: what comes in drips would keep whoever asks for ever.
    """
    body = b""
    while len(body) < MOST_BYTES and (part := response.read1(MOST_BYTES)):
        body += part
        if time.monotonic() > give_up:
            raise TimeoutError("its answer takes too long")
    return body
