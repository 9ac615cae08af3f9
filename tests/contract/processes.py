"""Real processes for the contract tests: small Python programs under shims, all gone at the end."""

import contextlib
import io
import os
import signal
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carelane.platforms.processes.shim import read_json
from carelane.platforms.processes.shims import Shims

FOREVER = "import time\nwhile True: time.sleep(60)\n"


def tar_of(files: dict[str, str]) -> bytes:
    """A tar stream with *files* by name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def spec(folder: Path, program: str, *arguments: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """What a shim is told: run *program* (Python text) in *folder*."""
    command = [sys.executable, "-I", "-S", "-u", "-c", program, *arguments]
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    return {"command": command, "folder": str(folder), "environment": environment, **more}


@contextlib.contextmanager
def shims(root: Path) -> Iterator[Shims]:
    """Shims below *root*; whatever still runs at the end is ended, shims included."""
    made = Shims(root)
    try:
        yield made
    finally:
        end_all(made)


def end_all(made: Shims) -> None:
    """End every process and shim, and say if one would not."""
    names = [path.name for path in made.root.iterdir() if path.is_dir()]
    for name in names:
        made.stop(name, 1.0)
    left = made.wait_ended(names, 5.0)
    for name in names:
        status = read_json(str(made.folder(name) / "status.json"))
        if status is not None and made.supervised(status):
            with contextlib.suppress(ProcessLookupError):
                os.kill(status["shim"]["pid"], signal.SIGKILL)
    for _, child in made._children:
        child.kill()
        child.wait(5)
    assert left == []
