"""From `git push` to the new version serving, and what localhub costs beside act itself."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.results import Figure, write
from tests.guide.pipeline import Developer
from tests.localhub_server import running
from tests.systems.healthcare import Healthcare

PART = "Pipeline"
JOBS = 5
ROUNDS = 5
CHAIN = "name: Chain\non: push\njobs:\n" + "".join(
    f"  job{number}:\n    runs-on: ubuntu-latest\n"
    + (f"    needs: job{number - 1}\n" if number else "")
    + "    steps:\n      - run: echo one\n      - run: echo two\n"
    for number in range(JOBS)
)


def main(pushes: int) -> None:
    """Run, and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        figures = [*_overhead(Path(folder) / "chain"), *_example(Path(folder) / "example", pushes)]
    write(PART, figures, "make bench ARGS=pipeline")


def _overhead(folder: Path) -> list[Figure]:
    """A chain of five jobs, by localhub from push to end, and by act alone, outside a sandbox."""
    with running(folder) as server:
        clone = server.repository("bench/chain")
        clone.push({".github/workflows/chain.yml": CHAIN})
        clone.ended(clone.run())
        ours = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            sha = clone.push({"a": str(began)})
            clone.ended(clone.run(head_sha=sha))
            ours.append(time.monotonic() - began)
        theirs = [_act(clone.folder) for _ in range(ROUNDS)]
    more = (median(ours) - median(theirs)) / JOBS
    words = f"{more:.2f} s (localhub {median(ours):.2f} s with the push, act {median(theirs):.2f} s)"
    return [Figure(f"localhub beside act, a job of {JOBS} in a chain", words, "≤ 1 s", more <= 1)]


def _act(folder: Path) -> float:
    act = str(Path(sys.executable).with_name("act"))
    began = time.monotonic()
    command = [act, "push", "-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - began


def _example(folder: Path, pushes: int) -> list[Figure]:
    """The example's own pipeline: tested, built, released, rolled out to development."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "tools").mkdir()
    system = Healthcare(folder / "healthcare")
    system.carelane("up", "--detach")
    try:
        developer = Developer(system, folder / "tools")
        hub = developer.state / "repositories" / "hospital" / "healthcare.git"
        developer.bash(
            f"git stash -q && git checkout -q -B main v1.0 && git stash pop -q && git remote add hub {hub}"
        )
        first = _push(developer)
        later = [_push(developer) for _ in range(pushes)]
    finally:
        system.down()
    words = f"{median(later):.0f} s, {min(later):.0f} to {max(later):.0f} (n = {pushes})"
    return [
        Figure(
            "git push of the example to serving in development, first (caches empty)",
            f"{first:.0f} s",
            "-",
            None,
        ),
        Figure("the same later, median", words, "< 60 s", median(later) < 60),
    ]


def _push(developer: Developer) -> float:
    """Seconds until the run has ended well, whose last job waits until users are served by the release."""
    began = time.monotonic()
    before = developer.runs()[0]["id"] if developer.runs() else 0
    developer.bash("git commit -q --allow-empty -m Again && git push -q hub main")
    developer.finished(developer.newest(before))
    return time.monotonic() - began
