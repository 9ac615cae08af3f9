"""Make a git repository of the healthcare system with its history: tags v1.0 to v5.0.

    python examples/make_repository.py TARGET

The folder ``healthcare`` is v1.0; each patch in ``history`` makes the next version from the one
before. Author and dates are fixed, so everybody gets the same commits. A session key of its own is
put beside the history, where git does not see it.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
FIRST = ("v1.0", "Patients, appointments, reminders")
PATCHES = (
    ("v2.0", "Appointments by telephone and video"),
    ("v3.0", "Search finds given names too"),
    ("v4.0", "Appointments of one day"),
    ("v5.0", "A setting that does not fit"),
)
NOT_PART = shutil.ignore_patterns(
    "__pycache__", "*.pyc", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", "secrets", ".git"
)


def main() -> None:
    """Make the repository that the command line names."""
    parser = argparse.ArgumentParser(
        description="Make a git repository of the healthcare system, v1.0 to v5.0."
    )
    parser.add_argument("target", type=Path, help="a folder that does not exist yet, or is empty")
    target: Path = parser.parse_args().target
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        parser.error(f"{target} exists and is not an empty folder")
    try:
        make(target)
    except subprocess.CalledProcessError as error:
        sys.exit(f"make_repository: {' '.join(error.cmd[:3])} failed: {error.stderr.strip()}")


def make(target: Path) -> None:
    """Make the repository at *target*, an empty folder or none yet."""
    shutil.copytree(EXAMPLES / "healthcare", target, ignore=NOT_PART, dirs_exist_ok=True)
    _git(target, "init", "--quiet", "--initial-branch=main")
    _commit(target, *FIRST, day=1)
    for day, (version, subject) in enumerate(PATCHES, 2):
        _git(target, "apply", str(EXAMPLES / "history" / f"{version}.patch"))
        _commit(target, version, subject, day)
    key = target / "secrets" / "session-key"
    key.parent.mkdir(mode=0o700)
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32) + "\n")


def _commit(target: Path, version: str, subject: str, day: int) -> None:
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--message", f"{subject}\n\nRelease {version}.", day=day)
    _git(target, "tag", version)


def _git(target: Path, *arguments: str, day: int = 1) -> None:
    date = f"2026-01-{day:02}T09:00:00+00:00"
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Healthcare Team"), ("EMAIL", "team@healthcare.example"), ("DATE", date))
    }
    # Nobody's own settings and hooks: signing, line ends or templates would change the commits.
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": ""}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(
        ["git", "-C", str(target), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=kept | alone | identity,
    )


if __name__ == "__main__":
    main()
