"""The server's process: ``python -m carelane.api FOLDER``, which `carelane up` becomes."""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from carelane.api import application
from carelane.api.actors import PeerProtocol, PeerWebSocket
from carelane.base import json_files, logs
from carelane.base.clock import RealClock
from carelane.base.errors import CarelaneError, not_written
from carelane.base.unix_http import short_address
from carelane.bootstrap.app import App, build
from carelane.bootstrap.holding import hold
from carelane.bootstrap.places import Places

log = structlog.get_logger()


def listen(path: Path) -> socket.socket:
    """A socket at *path* that only this user can reach: its folder is 0700, it is made under umask 077."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_address(path) as address:
        listening.bind(address)
    try:
        path.chmod(0o600)
        listening.listen(128)
    except OSError:
        path.unlink(missing_ok=True)  # or it would be taken for one that is listened at
        raise
    return listening


def listen_to_pipelines(path: Path) -> socket.socket:
    """A socket for every user who can reach its folder: jobs run as another user than the server."""
    path.parent.mkdir(mode=0o755, exist_ok=True)
    path.parent.chmod(0o755)
    listening = listen(path)
    path.chmod(0o666)
    return listening


class Serving(uvicorn.Server):
    """Uvicorn's server, which waits for requests under way: what they wait for ends first.

    It listens at its *doors*: each a path, and what makes a socket there.
    """

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app
        self._doors = (
            (app.places.socket, listen),
            (app.places.pipeline_socket, listen_to_pipelines),
        )
        self._shut: set[Path] = set()

    def open(self) -> list[socket.socket]:
        """The sockets at all doors."""
        return [door(path) for path, door in self._doors]

    def close(self) -> None:
        """Nobody finds a door any more."""
        for path, _ in self._doors:
            path.unlink(missing_ok=True)

    async def open_again(self) -> None:
        """Listen anew where a socket's file was taken away: nobody would reach the server any more."""
        for place, (path, door) in enumerate(self._doors):
            try:
                if path.is_socket():
                    continue
                opened = door(path)
            except OSError as error:
                if path not in self._shut:
                    log.warning("nobody can reach the server", socket=str(path), error=str(error))
                self._shut.add(path)
                continue
            log.warning("listening again: the socket's file was gone", socket=str(path))
            self._shut.discard(path)
            servers = self.servers
            await self.startup(sockets=[opened])
            servers[place].close()
            servers[place] = self.servers[0]
            self.servers = servers

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End as if asked to; inherited, it would raise the signal again before what is done last."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As inherited."""
        self._app.interrupt()
        await super().shutdown(sockets)


class Server:
    """One server of one system, until it is told to end."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._keep_running = True
        made = application.create(app, RealClock().now(), self.end)
        config = uvicorn.Config(
            made,
            http=PeerProtocol,
            ws=PeerWebSocket,
            ws_max_size=1 << 20,
            ws_per_message_deflate=False,
            lifespan="off",
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # nobody stands between: a header would say who asks
            timeout_graceful_shutdown=1,
            callback_notify=self._look_after_doors,
            timeout_notify=1,
        )
        self._uvicorn = Serving(config, app)

    def end(self, keep_running: bool) -> None:
        """End after the answers under way."""
        self._keep_running = keep_running
        self._uvicorn.should_exit = True

    async def _look_after_doors(self) -> None:
        await self._uvicorn.open_again()

    def run(self) -> None:
        """Serve; SIGTERM and SIGINT end the server and leave what it runs running."""
        sockets = self._uvicorn.open()
        self._app.begin()
        addresses = {name: e.address for name, e in self._app.environments.items()}
        log.info("ready", system=self._app.configuration.system, pid=os.getpid(), front_doors=addresses)
        self._uvicorn.run(sockets=sockets)
        self._uvicorn.close()
        left = self._app.end(keep_running=self._keep_running)
        json_files.write(self._app.places.ended, {"pid": os.getpid(), "still_running": left})
        log.info("ended", kept=self._keep_running, still_running=left)


def main() -> int:
    """Run; errors a user can mend are one line and the right exit code."""
    logs.configure()
    os.umask(0o077)
    # Heeded by nobody, not ignored: what is ignored would be so by all that is started from here.
    signal.signal(signal.SIGHUP, lambda *_: None)
    places = Places(Path(sys.argv[1]))
    try:
        _lock = hold(places)
        server = Server(build(places, end_unknown="--end-unknown" in sys.argv[2:]))
        server.run()
    except CarelaneError as error:
        return _said(error)
    except OSError as error:
        return _said(not_written(str(error.filename or places.state), error))
    return 0


def _said(error: CarelaneError) -> int:
    hint = f"\n  try: {error.hint}" if error.hint else ""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"error: {error.message}{hint}\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
