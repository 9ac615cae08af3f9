"""Secrets and variables: files that only their owner may read, never in the database or an answer."""

import fcntl
import hashlib
import json
import os
import re
import secrets as random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localhub.base.errors import InputError, PlatformError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretFiles:
    """The `Secrets` port: one file a repository, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, repository: str, environment: str | None) -> dict[str, str]:
        """Secrets by name; the environment's come before the repository's."""
        return self._both(repository, "secrets", environment)

    def variables(self, repository: str, environment: str | None) -> dict[str, str]:
        """Variables by name, likewise."""
        return self._both(repository, "variables", environment)

    def keep(
        self, repository: str, name: str, value: str, *, environment: str = "", kind: str = "secrets"
    ) -> None:
        """Keeps a value.

        Raises:
            InputError: If the name is not one that GitHub would take.
        """
        if not NAME.fullmatch(name) or name.upper().startswith("GITHUB_"):
            raise InputError(
                f"{name!r} cannot be a name", hint="letters, digits and _, not first a digit, not GITHUB_"
            )
        with _changing(self._path(repository)) as data:
            data.setdefault(kind, {}).setdefault(environment, {})[name.upper()] = value

    def _both(self, repository: str, kind: str, environment: str | None) -> dict[str, str]:
        values = _read(self._path(repository)).get(kind, {})
        return {**values.get("", {}), **(values.get(environment, {}) if environment else {})}

    def _path(self, repository: str) -> Path:
        return self._folder / f"{repository.replace('/', '%')}.json"


def token(path: Path) -> str:
    """The server's token, made where there is none yet; mode 0600."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        value = f"lh_{random.token_urlsafe(32)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
        return value


def tokens(path: Path) -> dict[str, str]:
    """SHA-256 digests of people's tokens, by login."""
    return _read(path)


def new_token(path: Path, login: str) -> str:
    """A token for somebody; only its digest is kept."""
    value = f"lh_{random.token_urlsafe(32)}"
    with _changing(path) as data:
        data[login] = hashlib.sha256(value.encode()).hexdigest()
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as problem:
        raise PlatformError(
            f"{path} is damaged: {problem}", hint="remove it, and set again what it held"
        ) from problem
    return data


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, Any]]:
    """What a file holds, kept as it is left; others who change it, in whatever process, wait meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data = _read(path)
        yield data
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(data, file)
        fresh.replace(path)
