"""localhub.yaml, read once; unknown keys are refused with the line's name."""

import getpass
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from localhub.base.errors import InputError

LABELS = (
    *("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-latest-4-cores", "ubuntu-slim"),
    *("self-hosted", "linux", "x64"),
)
PASSED = (
    *(
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_CERT",
        "PIP_DEFAULT_TIMEOUT",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
    ),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("npm_config_registry", "GOPROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy"),
)
"""How this machine reaches its package registries: the only variables of the server that a job sees."""


@dataclass(frozen=True)
class Settings:
    """How one localhub is run."""

    state: Path
    user: str = field(default_factory=getpass.getuser)
    slots: int = field(default_factory=lambda: os.cpu_count() or 2)
    labels: tuple[str, ...] = LABELS
    actions: dict[str, Path] = field(default_factory=dict)  # owner/name -> folder
    sandbox: str = "bubblewrap"  # bubblewrap | none
    network: bool = True
    home_memory_mb: int | None = None  # of each job's home and workspace; None: on disk
    binds: dict[str, str] = field(default_factory=dict)  # folder or socket -> place in the sandbox
    paths: tuple[str, ...] = ()  # folders of the sandbox, put on the jobs' PATH
    lint: bool = True
    keep_runs: int = 2000  # of a repository, with their logs and artifacts
    keep_days: int = 90

    @property
    def socket(self) -> Path:
        """Where the API listens; in a folder that only this user may enter."""
        return self.state / "run" / "api.sock"


MOST_SLOTS = 64
MOST_HOME_MB = 1 << 20
KEYS = {
    *("user", "slots", "labels", "actions", "sandbox", "network", "home_memory_mb"),
    *("binds", "paths", "lint", "keep_runs", "keep_days"),
}
MOST_KEPT = 1_000_000


def read(path: Path | None, state: Path) -> Settings:
    """The settings in a file; the defaults where there is none.

    Raises:
        InputError: If the file is not a mapping of known keys with fitting values.
    """
    if path is None:
        return Settings(state)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as problem:
        raise InputError(f"{path}: {problem}") from problem
    if not isinstance(data, dict):
        raise InputError(f"{path}: a mapping is expected")
    unknown = sorted(set(map(str, data)) - KEYS)
    if unknown:
        raise InputError(f"{path}: unknown key {unknown[0]!r}", hint=f"known: {', '.join(sorted(KEYS))}")
    return _checked(data, path, state)


def _checked(data: dict[str, Any], path: Path, state: Path) -> Settings:
    kinds: dict[str, type] = {
        "user": str,
        "slots": int,
        "labels": list,
        "actions": dict,
        "sandbox": str,
        "network": bool,
        "home_memory_mb": int,
    }
    kinds |= {"binds": dict, "paths": list, "lint": bool, "keep_runs": int, "keep_days": int}
    for key, value in data.items():
        if not isinstance(value, kinds[key]):
            raise InputError(f"{path}: {key} is {value!r}", hint=f"a {kinds[key].__name__} is expected")
    _check_limits(data, path)
    plain = ("user", "slots", "sandbox", "network", "home_memory_mb", "lint", "keep_runs", "keep_days")
    more: dict[str, Any] = {key: data[key] for key in plain if key in data}
    if "labels" in data:
        more["labels"] = tuple(str(label).lower() for label in data["labels"])
    if "actions" in data:
        more["actions"] = {
            str(name): (path.parent / str(folder)).resolve() for name, folder in data["actions"].items()
        }
    if "binds" in data:
        more["binds"] = {str(source): str(target) for source, target in data["binds"].items()}
    if "paths" in data:
        more["paths"] = tuple(map(str, data["paths"]))
    return Settings(state, **more)


def _check_limits(data: dict[str, Any], path: Path) -> None:
    limits = {"slots": MOST_SLOTS, "home_memory_mb": MOST_HOME_MB}
    limits |= {"keep_runs": MOST_KEPT, "keep_days": MOST_KEPT}
    for key, most in limits.items():
        if key in data and (isinstance(data[key], bool) or not 1 <= data[key] <= most):
            raise InputError(f"{path}: {key} is {data[key]!r}", hint=f"1 to {most}")
    fence = data.get("sandbox", "bubblewrap")
    if fence not in {"bubblewrap", "none"}:
        raise InputError(f"{path}: sandbox is {fence!r}", hint="bubblewrap or none")
    if "home_memory_mb" in data and fence == "none":
        raise InputError(
            f"{path}: home_memory_mb needs a sandbox", hint="leave home_memory_mb or sandbox away"
        )
