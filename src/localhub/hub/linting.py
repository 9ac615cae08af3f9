"""Workflow files are linted when a run of theirs begins; findings become annotations of the run."""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from localhub.hub.parts import Localhub
from localhub.runs.records import Annotation, Run

LEVELS = {"High": "warning", "Medium": "warning"}


def begin(localhub: Localhub, run: Run) -> None:
    """Lints in the background: a run never waits for its linters."""
    if localhub.settings.lint:
        threading.Thread(target=_lint, args=(localhub, run), name=f"lint-{run.id}", daemon=True).start()


def _lint(localhub: Localhub, run: Run) -> None:
    try:
        found = findings(run.path, run.sources.get(run.path, ""))
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
        words = f"the workflow file was not linted: {type(problem).__name__}: {problem}"
        found = (Annotation("notice", words, run.path),)
    if found:
        localhub.engine.annotate(run.id, found)


def findings(path: str, text: str) -> tuple[Annotation, ...]:
    """What actionlint and zizmor say about one workflow file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".github" / "workflows" / Path(path).name
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        return (*_actionlint(file, path), *_zizmor(file, path))


def _program(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout


def _actionlint(file: Path, path: str) -> tuple[Annotation, ...]:
    program = _program("actionlint")
    if program is None:
        return (Annotation("notice", "actionlint is not installed: the workflow file was not linted", path),)
    text = _run([program, "-format", "{{json .}}", "-no-color", str(file)], file.parent)
    rows = json.loads(text or "[]") or []
    return tuple(
        Annotation("warning", row["message"], path, int(row["line"]), f"actionlint: {row['kind']}")
        for row in rows
    )


def _zizmor(file: Path, path: str) -> tuple[Annotation, ...]:
    program = _program("zizmor")
    if program is None:
        return (Annotation("notice", "zizmor is not installed: the workflow file was not audited", path),)
    text = _run([program, "--offline", "--format", "json", "--no-exit-codes", str(file)], file.parent)
    rows = json.loads(text or "[]") or []
    return tuple(
        Annotation(
            LEVELS.get(row["determinations"]["severity"], "notice"),
            row["desc"],
            path,
            int(row["locations"][0]["concrete"]["location"]["start_point"]["row"]) + 1,
            f"zizmor: {row['ident']}",
        )
        for row in rows
    )
