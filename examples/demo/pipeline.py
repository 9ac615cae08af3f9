"""What becomes of a push: the run that it starts, job by job, as `gh` tells it."""

import json
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from examples.demo.machine import CARELANE, Machine

GH = str(CARELANE.with_name("gh"))
SECONDS = 170
BUILD = "Build"


class Pipeline:
    """One push to main, and the run of the example's workflow that follows."""

    def __init__(self, machine: Machine, release: str) -> None:
        self._folder = machine.folder
        self._environment = {**os.environ, **settings_of(machine.carelane("gh-env").stdout)}
        self._pushed = time.monotonic()
        hub = machine.folder / ".carelane" / "localhub" / "repositories" / "hospital" / "healthcare.git"
        self._run("git", "push", "--quiet", str(hub), f"{release}^{{commit}}:refs/heads/main")

    def follow(self, show: Callable[[list[dict[str, Any]]], None]) -> float:
        """Show the jobs until the run has ended well; seconds from the push until then.

        Raises:
            SystemExit: If the run fails, or takes too long.
        """
        give_up = self._pushed + SECONDS
        number = None
        while time.monotonic() < give_up:
            number = number or self._newest()
            if number is not None:
                run = self._json("run", "view", number, "--json", "databaseId,status,conclusion,jobs")
                show([_shown(job) for job in run["jobs"]])
                if run["status"] == "completed":
                    return self._ended(run)
            time.sleep(2)
        raise SystemExit(f"the pipeline did not end within {SECONDS} s of the push")

    def _newest(self) -> str | None:
        runs = self._json("run", "list", "--limit", "1", "--json", "databaseId")
        return str(runs[0]["databaseId"]) if runs else None

    def _json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON is of any shape
        return json.loads(self._run(GH, *arguments))

    def _ended(self, run: dict[str, Any]) -> float:
        if run["conclusion"] != "success":
            log = self._run(GH, "run", "view", str(run["databaseId"]), "--log-failed")
            raise SystemExit(f"the pipeline ended with {run['conclusion']}:\n{log[-4000:]}")
        return time.monotonic() - self._pushed

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


class Following(threading.Thread):
    """Follows a pipeline beside everything else; `arrived` waits for its end."""

    def __init__(self, pipeline: Pipeline, show: Callable[[list[dict[str, Any]]], None]) -> None:
        super().__init__(name="pipeline", daemon=True)
        self._pipeline, self._show = pipeline, show
        self._tested = threading.Event()
        self._took = 0.0
        self._problem: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Until the run has ended."""
        try:
            self._took = self._pipeline.follow(self._see)
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - whoever waits is told
            self._problem = problem
        finally:
            self._tested.set()

    def tested(self) -> None:
        """Wait until the heavy jobs have ended: the build has begun, or the run is over."""
        self._tested.wait()
        if self._problem is not None:
            raise self._problem

    def _see(self, jobs: list[dict[str, Any]]) -> None:
        self._show(jobs)
        if any(job["name"] == BUILD and job["status"] in {"in_progress", "completed"} for job in jobs):
            self._tested.set()

    def arrived(self) -> float:
        """Seconds from the push until the run had ended well, last job included."""
        self.join()
        if self._problem is not None:
            raise self._problem
        return self._took


def settings_of(said: str) -> dict[str, str]:
    """The variables that `carelane gh-env` has a shell export."""
    return dict(shlex.split(line)[1].split("=", 1) for line in said.splitlines())


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    """A job with the seconds that it took, or has taken."""
    ended = job["completedAt"] if job["status"] == "completed" else datetime.now(UTC).isoformat()
    begun = job["status"] in {"completed", "in_progress"}
    seconds = (_at(ended) - _at(job["startedAt"])).total_seconds() if begun else 0.0
    return {"name": job["name"], "status": job["status"], "conclusion": job["conclusion"], "seconds": seconds}


def _at(when: str) -> datetime:
    return datetime.fromisoformat(when)
