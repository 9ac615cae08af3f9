"""What gh needs to speak to a localhub: a configuration folder of its own, and three settings."""

import shlex
from pathlib import Path

import yaml

from localhub.store.secrets import token

HOST = "github.localhost"


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
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
