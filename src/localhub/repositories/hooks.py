"""The hook that writes pushes down, so that none is lost while the server is away."""

from pathlib import Path

HOOK = """#!/bin/sh
# Writes down what was pushed and by whom; localhub reads it, now or when it is next started.
set -e
folder="$GIT_DIR/localhub/pushes"
mkdir -p "$folder"
fresh=$(mktemp "$folder/.XXXXXXXX")
{ echo "${LOCALHUB_USER:-${USER:-$(id -un)}}"; cat; } >"$fresh"
mv "$fresh" "$folder/$(date +%s%N)-$$"
"""


def install(folder: Path) -> None:
    """Puts the hook into a bare repository."""
    (folder / "localhub" / "pushes").mkdir(parents=True, exist_ok=True)
    hook = folder / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK, encoding="utf-8")
    hook.chmod(0o755)
