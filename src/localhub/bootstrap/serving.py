"""Serves the API on a unix socket that only this user can reach, and on a loopback port for git and curl."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from localhub.base.errors import InputError

LONGEST_ADDRESS = 107


def unix_socket(path: Path) -> socket.socket:
    """A socket bound in a folder of mode 0700: uvicorn's own would be open to everybody."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    if len(str(path)) > LONGEST_ADDRESS:
        raise InputError(
            f"{path} is too long for a socket's address, which gh has to reach",
            hint="choose a shorter --state folder",
        )
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    path.chmod(0o600)
    bound.listen(256)
    return bound


def tcp_socket(port: int) -> socket.socket:
    """A loopback port; 0 takes a free one."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(256)
    return bound


def serve(
    app: Any, sockets: list[socket.socket], *, ready: Callable[[], None], stopping: threading.Event
) -> None:
    """Serves until a signal, or until *stopping* is set."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)

    def watch() -> None:
        stopping.wait()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    ready()
    server.run(sockets=sockets)
    for each in sockets:
        each.close()


def process_is(pid: int) -> bool:
    """Whether a process of that number is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
