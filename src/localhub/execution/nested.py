"""Actions that a job's local actions call: they must be there before act starts, or be named as missing."""

import posixpath
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

LARGEST_BYTES = 1 << 20
MOST_ACTIONS = 100


def called(repository: Path, sha: str, workflow: dict[str, Any]) -> tuple[str, ...]:
    """References to actions elsewhere, of all local actions that the steps of *workflow* come to."""
    waiting = [each for job in workflow["jobs"].values() for each in _uses(job.get("steps"))]
    waiting = [each for each in waiting if each.startswith("./")]
    seen: set[str] = set()
    found: dict[str, None] = {}
    while waiting and len(seen) < MOST_ACTIONS:
        path = posixpath.normpath(waiting.pop())
        if path in seen or path.startswith(".."):
            continue
        seen.add(path)
        for each in _uses(_steps(repository, sha, path)):
            if each.startswith("./"):
                waiting.append(each)
            else:
                found[each] = None
    return tuple(found)


def _uses(steps: Any) -> Iterator[str]:
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and isinstance(step.get("uses"), str):
            yield step["uses"]


def _steps(repository: Path, sha: str, path: str) -> Any:
    """The steps of a composite action at that commit; None where it is none, or made while the job runs."""
    for name in ("action.yml", "action.yaml"):
        try:
            data = yaml.safe_load(_text(repository, f"{sha}:{path}/{name}"))
        except (yaml.YAMLError, RecursionError):
            continue  # act says what is wrong with it
        runs = data.get("runs") if isinstance(data, dict) else None
        if isinstance(runs, dict):
            return runs.get("steps")
    return None


def _text(repository: Path, what: str) -> bytes:
    command = ["git", "--git-dir", str(repository), "cat-file", "blob", what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        text = process.stdout.read(LARGEST_BYTES) if process.stdout else b""
        process.kill()
    return text
