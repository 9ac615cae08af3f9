"""Serving HTTP, and ending without losing a request.

On SIGTERM the readiness probe fails at once while requests are still answered for
``DRAIN_SECONDS``: time for the proxy to look elsewhere. Every answer then asks its client to
close the connection. After that the port closes, the last requests finish, and the process exits with 0.
"""

import asyncio
import gc
import logging
import socket
import time
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from service_kit import layers, lifecycles, settings

# Longer than the idle time-out of the proxies in front (60 s as a rule): whoever opened the
# connection closes it, so a request never meets a connection that is just being closed.
KEEP_ALIVE_SECONDS = 75
FINISH_SECONDS = 8

_log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """uvicorn, with a drain between the signal and the closing of the port."""

    def __init__(self, config: uvicorn.Config, lifecycle: lifecycles.Lifecycle) -> None:
        """Serve *config* and tell *lifecycle* when the drain begins."""
        super().__init__(config)
        self._lifecycle = lifecycle
        self._close_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port and start the clock of the faults on trial."""
        await super().startup(sockets)
        self._lifecycle.service.fault.arm(asyncio.get_running_loop())
        _log.info("serving")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first signal; close at once at the second.

        uvicorn's own would raise the signal again after a clean end, and the exit code would tell of a kill.
        """
        del sig, frame
        if self._lifecycle.draining:
            self.should_exit = True
            return
        self._lifecycle.draining = True
        self._close_at = time.monotonic() + self._lifecycle.service.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: has the drain lasted long enough?"""
        if self._close_at is not None and time.monotonic() >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(app: ASGIApp, service: settings.ServiceSettings, paths: layers.Paths) -> None:
    """Serve *app* within all layers until a signal, then drain and return."""
    lifecycle = lifecycles.Lifecycle(service)
    config = uvicorn.Config(
        layers.wrap(app, lifecycle, paths),
        host=service.host,
        port=service.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    # What was made until now stays for good: the garbage collector need not look at it for every few requests.
    gc.collect()
    gc.freeze()
    DrainingServer(config, lifecycle).run()
    _log.info("ended")
