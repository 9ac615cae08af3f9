"""Starting programs, and waiting for what they bring about."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Missing(Exception):  # noqa: N818 - reads as what it says
    """A piece that the cluster needs is not there; the message says how to get it."""


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float = 600,
) -> str:
    """What a command prints; it must end well."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, env=env, cwd=folder, timeout=seconds, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:6])}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def wait(what: str, check: Callable[[], object], seconds: float = 60.0, every: float = 0.05) -> None:
    """Until *check* holds."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def launch(command: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
    """A daemon in a session of its own, what it prints at the end of *log*."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
