"""git, as a command: the one place that runs it."""

import os
import subprocess
from pathlib import Path

from localhub.base.errors import InputError, PlatformError

IDENTITY = {
    "GIT_AUTHOR_NAME": "localhub",
    "GIT_AUTHOR_EMAIL": "noreply@localhub",
    "GIT_COMMITTER_NAME": "localhub",
    "GIT_COMMITTER_EMAIL": "noreply@localhub",
}


def run(folder: Path | None, *arguments: str, check: bool = True, author: str | None = None) -> str:
    """Runs git in a bare repository and returns what it says, its line ends as they are.

    Raises:
        InputError: If an argument has a NUL in it, which no command can be given.
        PlatformError: If it fails and *check* is set, with git's own words.
    """
    if any("\0" in argument for argument in arguments):
        raise InputError("what git is asked for has a NUL in it")
    identity = IDENTITY if author is None else {**IDENTITY, "GIT_AUTHOR_NAME": author}
    done = subprocess.run(
        _command(folder, *arguments), capture_output=True, check=False, env={**_environment(), **identity}
    )
    if check and done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise PlatformError(f"git {arguments[0]}: {words or done.returncode}")
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def beginning(folder: Path, blob: str, most_bytes: int) -> str:
    """The text of a blob, or so much of it: what was pushed may be larger than memory."""
    command = _command(folder, "cat-file", "blob", blob)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    ) as git:
        text = git.stdout.read(most_bytes) if git.stdout is not None else b""
        git.kill()
    return text.decode(errors="replace")


def _command(folder: Path | None, *arguments: str) -> list[str]:
    place = ["--git-dir", str(folder)] if folder else []
    return ["git", "-c", "safe.directory=*", *place, *arguments]


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**ours, "GIT_TERMINAL_PROMPT": "0"}
