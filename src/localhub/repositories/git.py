"""git, as a command: the one place that runs it."""

import subprocess
from pathlib import Path

from localhub.base.errors import PlatformError

IDENTITY = {
    "GIT_AUTHOR_NAME": "localhub",
    "GIT_AUTHOR_EMAIL": "noreply@localhub",
    "GIT_COMMITTER_NAME": "localhub",
    "GIT_COMMITTER_EMAIL": "noreply@localhub",
}


def run(folder: Path | None, *arguments: str, check: bool = True, author: str | None = None) -> str:
    """Runs git in a bare repository and returns what it says, its line ends as they are.

    Raises:
        PlatformError: If it fails and *check* is set, with git's own words.
    """
    import os

    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = IDENTITY if author is None else {**IDENTITY, "GIT_AUTHOR_NAME": author}
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *(["--git-dir", str(folder)] if folder else []), *arguments],
        capture_output=True,
        check=False,
        env={**environment, **identity, "GIT_TERMINAL_PROMPT": "0"},
    )
    if check and done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise PlatformError(f"git {arguments[0]}: {words or done.returncode}")
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
