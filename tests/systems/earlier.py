"""Carelane as it was at an earlier commit of this repository, beside the one under test."""

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def is_there(commit: str) -> bool:
    """Whether this clone has *commit*: a shallow one has not."""
    asked = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=REPOSITORY, check=False, capture_output=True
    )
    return asked.returncode == 0


@functools.cache
def carelane(commit: str) -> Path:
    """The command line of *commit*, on the libraries that are installed here, by an interpreter of its own.

    By that interpreter servers start others of themselves: the code of *commit* comes before ours there.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"carelane-{commit[:7]}-"))
    archive = subprocess.run(
        ["git", "archive", commit, "src"], cwd=REPOSITORY, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    mine, theirs = (next((prefix / "lib").glob("python3*/site-packages")) for prefix in _prefixes(folder))
    (theirs / "earlier.pth").write_text(f"{folder / 'src'}\n{mine}\n")
    command = folder / "venv" / "bin" / "carelane"
    command.write_text(
        f"#!{folder / 'venv' / 'bin' / 'python'}\nfrom carelane.cli.main import main\nmain()\n"
    )
    command.chmod(0o755)
    return command


def _prefixes(folder: Path) -> tuple[Path, Path]:
    return Path(sys.prefix), folder / "venv"
