"""What gh needs to speak to a localhub: a configuration folder of its own, and a few settings."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import yaml

from localhub.store.secrets import token

HOST = "github.localhost"


HELPER = """!printf 'username=localhub\\npassword=%s\\n' "$GH_TOKEN" #"""
"""Tells git the token: gh itself would for no address with a port. No other helper is asked, or told."""


def environment(state: Path, repository: str | None = None) -> list[str]:
    """`export` lines for a shell.

    The socket takes every host that gh speaks to, so it stands in a configuration folder of its own.
    """
    folder = state / "gh"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = str(state / "run" / "api.sock")
    (folder / "config.yml").write_text(
        yaml.safe_dump({"version": "1", "http_unix_socket": socket}), encoding="utf-8"
    )
    settings = {
        "GH_CONFIG_DIR": str(folder),
        "GH_HOST": HOST,
        "GH_TOKEN": token(state / "token"),
        "GH_TELEMETRY": "0",
        "GH_NO_UPDATE_NOTIFIER": "1",
        **({"GH_REPO": f"{HOST}/{repository}"} if repository else {}),
        **_git(state / "run" / "port"),
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]


def _git(port: Path) -> dict[str, str]:
    """What the git that gh runs needs to find this localhub, where it serves a port: gh names none."""
    if not port.exists():
        return {}
    place = f"http://{HOST}:{port.read_text(encoding='ascii')}/"
    settings = [
        *((key, value) for key, value in _git_settings(os.environ) if f"//{HOST}:" not in key),
        (f"url.{place}.insteadOf", f"http://{HOST}/"),
        (f"credential.{place}.helper", ""),
        (f"credential.{place}.helper", HELPER),
    ]
    numbered = {
        f"GIT_CONFIG_{word}_{number}": text
        for number, pair in enumerate(settings)
        for word, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(settings)), **numbered}


def _git_settings(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those that the environment has already: the person's own, and ours of before."""
    count = given.get("GIT_CONFIG_COUNT", "")
    numbers = range(int(count) if count.isascii() and count.isdigit() else 0)
    pairs = [(given.get(f"GIT_CONFIG_KEY_{n}", ""), given.get(f"GIT_CONFIG_VALUE_{n}", "")) for n in numbers]
    return [(key, value) for key, value in pairs if key]
