"""The layers around a web application, outermost first: version, probes, measuring, faults.

They speak ASGI directly: a request passes all of them in microseconds, and a probe is
answered before any framework is reached.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit import faults, lifecycles, measurements

_FIRST_ERROR_STATUS = 500
_JSON = b"application/json"
_METRICS = b"text/plain; version=0.0.4; charset=utf-8"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Paths:
    """Where a service answers questions about itself; faults leave all of these alone."""

    version: str
    metrics: str
    health: str | None = None
    liveness: str = "/live"
    readiness: str = "/ready"


class Stamped:
    """Tells in every answer which version made it, and asks clients to leave while draining."""

    def __init__(self, app: ASGIApp, lifecycle: lifecycles.Lifecycle) -> None:
        """Stamp the answers of *app*."""
        self._app = app
        self._lifecycle = lifecycle
        self._version = lifecycle.service.version.encode("latin-1", "replace")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-app-version", self._version)]
                if self._lifecycle.draining:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, stamp)


class Probed:
    """Answers the probes, the version and the metrics from the state of the process alone."""

    def __init__(
        self, app: ASGIApp, lifecycle: lifecycles.Lifecycle, measured: measurements.Measurements, paths: Paths
    ) -> None:
        """Answer for *lifecycle*; everything else goes to *app*."""
        self._app = app
        self._lifecycle = lifecycle
        self._measured = measured
        self._answers: Mapping[str, Callable[[], tuple[int, bytes, bytes]]] = {
            paths.liveness: lambda: (200, _JSON, b'{"status":"live"}'),
            paths.readiness: self._readiness,
            paths.version: self._version,
            paths.metrics: lambda: (200, _METRICS, self._measured.render()),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._answers.get(scope.get("path", "")) if scope["type"] == "http" else None
        if answer is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        status, content_type, body = answer()
        await _send(send, status, content_type, body)

    def _readiness(self) -> tuple[int, bytes, bytes]:
        if self._lifecycle.ready:
            return 200, _JSON, b'{"status":"ready"}'
        reason = "draining" if self._lifecycle.draining else "unready"
        return 503, _JSON, json.dumps({"status": reason}).encode()

    def _version(self) -> tuple[int, bytes, bytes]:
        service = self._lifecycle.service
        told = {
            "version": service.version,
            "commit": service.commit,
            "started_at": self._lifecycle.started_at.isoformat(timespec="milliseconds"),
        }
        return 200, _JSON, json.dumps(told).encode()


class Measured:
    """Counts and times every request by route template, and logs the failed ones."""

    def __init__(self, app: ASGIApp, measured: measurements.Measurements) -> None:
        """Measure the answers of *app*."""
        self._app = app
        self._measured = measured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._measured.in_progress.track_inprogress():
                await self._app(scope, receive, watch)
        finally:
            self._finish(scope, status, time.perf_counter() - started)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        self._measured.add(scope["method"], route, status, seconds)
        level = logging.ERROR if status >= _FIRST_ERROR_STATUS else logging.DEBUG
        if _log.isEnabledFor(level):
            told = {"method": scope["method"], "route": route, "status": status, "milliseconds": round(seconds * 1000)}
            _log.log(level, "request answered", extra=told)


class Faulty:
    """Makes a share of the answers wrong or late, as the fault on trial says."""

    def __init__(
        self, app: ASGIApp, fault: faults.Fault, spared: frozenset[str], chance: Callable[[], float] = random.random
    ) -> None:
        """Spoil the answers of *app*, except to the paths in *spared*; *chance* gives 0.0 <= x < 1.0."""
        self._app = app
        self._fault = fault
        self._spared = spared
        self._chance = chance
        self._leaked: list[bytes] = []
        self._began = time.monotonic()
        self._asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in self._spared:
            await self._app(scope, receive, send)
            return
        if self._fault.leak_bytes:
            self._leaked.append(random.randbytes(self._fault.leak_bytes))
        if self._fault.latency_ratio and self._chance() < self._fault.latency_ratio:
            await asyncio.sleep(self._fault.latency_seconds)
        self._asked += 1
        if self._fault.error_ratio and self._due() and self._chance() < self._fault.error_ratio:
            await _send(send, 500, b"application/problem+json", b'{"title":"Fault on trial","status":500}')
            return
        await self._app(scope, receive, send)

    def _due(self) -> bool:
        """Whether errors have begun."""
        seconds = time.monotonic() - self._began
        return self._asked > self._fault.errors_after_requests and seconds >= self._fault.errors_after_seconds


def wrap(app: ASGIApp, lifecycle: lifecycles.Lifecycle, paths: Paths) -> ASGIApp:
    """*app* within all layers."""
    measured = measurements.Measurements()
    fault = lifecycle.service.fault
    if fault != faults.NONE:
        _log.warning("a fault is on trial", extra={"fault": str(fault)})
        app = Faulty(app, fault, frozenset(filter(None, (paths.health,))))
    return Stamped(Probed(Measured(app, measured), lifecycle, measured, paths), lifecycle)


async def _send(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
