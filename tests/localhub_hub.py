"""A whole localhub whose loops do not run, for what pushes and other events lead to."""

import os
from pathlib import Path
from typing import Any

from localhub.base.clock import ManualClock
from localhub.bootstrap.localhub import built
from localhub.hub import events, pulls
from localhub.hub.settings import Settings
from localhub.runs.records import Run
from localhub.store.records import PullRequest
from localhub.store.runs import RunFilter
from tests.fakes.localhub import START
from tests.localhub_server import WORKFLOWS, Ran, ran

NAME = "acme/app"
TEXT = """\
name: Everything
on:
  push: {}
  pull_request: {types: [opened, edited, synchronize, closed]}
  schedule: [{cron: "*/5 * * * *"}]
  workflow_run: {workflows: [Everything]}
  workflow_dispatch: {inputs: {dry: {type: boolean}}}
  repository_dispatch: {types: [nightly]}
jobs: {job: {runs-on: ubuntu-latest, steps: [{run: "true"}]}}
"""


class StillHub:
    """A hub with a repository, and a clone of it; its runs are looked at as they are started."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.hub = built(Settings(folder / "state", user="grace", sandbox="none", lint=False), self.clock)
        self.repository = self.hub.create_repository(NAME)
        self.watcher = events.Watcher(self.hub)
        self._clone = folder / "clone"
        self._clone.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", str(self.hub.bare.folder(NAME)))
        (self._clone / WORKFLOWS).mkdir(parents=True)
        (self._clone / WORKFLOWS / "everything.yml").write_text(TEXT, encoding="utf-8")

    def git(self, *arguments: str) -> str:
        """Runs git in the clone; Ada writes, Bob commits, and she pushes."""
        return self._ran(*arguments).out.strip()

    def refused(self, *arguments: str) -> str:
        """What git says of what it does not do."""
        return self._ran(*arguments, code=1).err

    def _ran(self, *arguments: str, code: int = 0) -> Ran:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self._clone.parent),
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Bob",
            "GIT_COMMITTER_EMAIL": "bob@example.org",
            "GIT_COMMITTER_DATE": "2026-11-25T12:00:00+01:00",
            "LOCALHUB_USER": "ada",
        }
        return ran(["git", *arguments], environment, self._clone, code=code)

    def commit(self, message: str) -> str:
        """A commit; its SHA."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *what: str) -> dict[str, Any]:
        """Pushes, and returns the event that this made."""
        self.git("push", "--quiet", "--force", "origin", *(what or ("HEAD",)))
        assert self.watcher.take_pushes(NAME) == 1
        return self.last("push").payload

    def last(self, event: str) -> Run:
        """The newest run of that event."""
        return self.hub.runs.listed(NAME, RunFilter(event=event))[1][0]

    def pull(self, **more: Any) -> PullRequest:  # noqa: ANN401 - a proposal's own
        """A pull request from `topic`, which is pushed, into main."""
        self.commit("one")
        self.push()
        self.git("checkout", "--quiet", "-b", "topic")
        self.commit("two")
        self.push()
        return pulls.create(self.hub, self.repository, pulls.Proposal("T", "topic", "main", **more), "ada")

    def tick(self) -> None:
        """What is due by now is started."""
        self.watcher.start_what_is_due()
