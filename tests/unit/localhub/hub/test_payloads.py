"""What events say, of a hub whose loops do not run: its runs are looked at as they are started."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from localhub.api import workflows
from localhub.base.clock import ManualClock
from localhub.bootstrap.localhub import built
from localhub.hub import events, forms, pulls
from localhub.hub.settings import Settings
from localhub.repositories.bare import NOWHERE
from localhub.runs import contexts
from localhub.runs.records import Conclusion, Run, Status
from localhub.store.records import PullRequest
from localhub.store.runs import RunFilter
from tests.fakes.localhub import START
from tests.localhub_server import WORKFLOWS, ran

NAME = "acme/app"
WEB = f"http://github.localhost/{NAME}"
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


class Bench:
    """A hub with a repository, and a clone of it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.hub = built(Settings(folder / "state", user="grace", sandbox="none", lint=False), self.clock)
        self.repository = self.hub.create_repository(NAME)
        self._watcher = events.Watcher(self.hub)
        self._clone = folder / "clone"
        self._clone.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", str(self.hub.bare.folder(NAME)))
        (self._clone / WORKFLOWS).mkdir(parents=True)
        (self._clone / WORKFLOWS / "everything.yml").write_text(TEXT, encoding="utf-8")

    def git(self, *arguments: str) -> str:
        """Runs git in the clone; Ada writes, Bob commits, and she pushes."""
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
        return ran(["git", *arguments], environment, self._clone).out.strip()

    def commit(self, message: str) -> str:
        """A commit; its SHA."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *what: str) -> dict[str, Any]:
        """Pushes, and returns the event that this made."""
        self.git("push", "--quiet", "--force", "origin", *(what or ("HEAD",)))
        assert self._watcher.take_pushes(NAME) == 1
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
        self._watcher.start_what_is_due()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A hub in a folder of the test's own."""
    return Bench(tmp_path)


def test_a_push_says_what_was_pushed_by_whom_and_where(bench: Bench) -> None:
    first = bench.commit("one")
    bench.push()
    second, third = bench.commit("two\n\nwhy"), bench.commit("three")
    event = bench.push()

    assert (event["ref"], event["base_ref"]) == ("refs/heads/main", None)
    assert (event["before"], event["after"]) == (first, third)
    assert (event["created"], event["deleted"], event["forced"]) == (False, False, False)
    assert event["compare"] == f"{WEB}/compare/{first[:12]}...{third[:12]}"
    assert [each["id"] for each in event["commits"]] == [second, third]
    assert event["head_commit"] == event["commits"][-1]
    assert event["commits"][0] == {
        "id": second,
        "tree_id": bench.git("rev-parse", f"{second}^{{tree}}"),
        "distinct": True,
        "message": "two\n\nwhy",
        "timestamp": "2026-11-25T12:00:00+01:00",
        "url": f"{WEB}/commit/{second}",
        "author": {"name": "Ada", "email": "ada@example.org"},
        "committer": {"name": "Bob", "email": "bob@example.org"},
    }
    assert event["pusher"]["name"] == event["sender"]["login"] == "ada"
    assert event["sender"]["id"] == contexts.person_id("ada")
    repository = event["repository"]
    assert (repository["id"], repository["full_name"], repository["name"]) == (1, NAME, "app")
    assert (repository["owner"]["login"], repository["owner"]["name"]) == ("acme", "acme")
    assert (repository["default_branch"], repository["private"]) == ("main", True)
    assert (repository["html_url"], repository["clone_url"]) == (WEB, f"{WEB}.git")


def test_a_push_that_takes_commits_away_is_forced(bench: Bench) -> None:
    first, second = bench.commit("one"), bench.commit("two")
    bench.push()
    bench.git("reset", "--quiet", "--hard", first)
    instead = bench.commit("instead")
    event = bench.push()
    assert (event["forced"], event["before"]) == (True, second)
    assert [each["id"] for each in event["commits"]] == [instead]


def test_a_new_branch_has_the_commits_that_no_other_has(bench: Bench) -> None:
    bench.commit("one")
    event = bench.push()
    assert [each["message"] for each in event["commits"]] == ["one"], "the repository's first"
    assert (event["created"], event["before"], event["base_ref"]) == (True, NOWHERE, None)
    bench.git("checkout", "--quiet", "-b", "topic/a")
    sha = bench.commit("two")
    event = bench.push()
    assert [each["id"] for each in event["commits"]] == [sha]
    assert (event["forced"], event["base_ref"]) == (False, None)
    assert event["compare"] == f"{WEB}/compare/topic/a"


def test_a_branch_or_tag_of_what_is_there_names_the_branch_it_is_of(bench: Bench) -> None:
    sha = bench.commit("one")
    bench.push("HEAD:refs/heads/another", "HEAD:main")
    bench.git("tag", "--annotate", "--message", "first", "v1")
    event = bench.push("v1")
    assert (event["ref"], event["base_ref"], event["commits"]) == ("refs/tags/v1", "refs/heads/main", [])
    assert event["after"] == bench.git("rev-parse", "v1") != sha, "the tag itself, as on GitHub"
    assert event["head_commit"]["id"] == sha
    assert event["compare"] == f"{WEB}/commit/{sha[:12]}"


def test_commits_that_another_branch_has_are_not_distinct(bench: Bench) -> None:
    bench.pull()
    bench.git("checkout", "--quiet", "main")
    bench.git("merge", "--quiet", "--ff-only", "topic")
    bench.commit("three")
    assert [each["distinct"] for each in bench.push()["commits"]] == [False, True]


def test_a_pull_request_says_what_is_to_go_where(bench: Bench) -> None:
    pull = bench.pull(body="why", draft=True)
    event = bench.last("pull_request").payload
    assert (event["action"], event["number"], event["sender"]["login"]) == ("opened", 1, "ada")
    shown = event["pull_request"]
    for side, ref, sha in (("head", "topic", pull.head_sha), ("base", "main", pull.base_sha)):
        assert (shown[side]["ref"], shown[side]["sha"]) == (ref, sha)
        assert (shown[side]["repo"]["id"], shown[side]["repo"]["full_name"]) == (1, NAME)
    assert (shown["title"], shown["body"], shown["draft"], shown["merged"]) == ("T", "why", True, False)
    assert (shown["html_url"], shown["user"]["login"]) == (f"{WEB}/pull/1", "ada")


def test_a_pull_request_that_changes_says_how_it_was(bench: Bench) -> None:
    pull = bench.pull()
    pulls.edit(bench.hub, pull, pulls.Edit(title="Better"), "ada")
    assert bench.last("pull_request").payload["changes"] == {"title": {"from": "T"}}
    sha = bench.commit("three")
    bench.push()
    event = bench.last("pull_request").payload
    assert (event["action"], event["before"], event["after"]) == ("synchronize", pull.head_sha, sha)


def test_a_run_that_ended_says_all_that_the_api_does(bench: Bench) -> None:
    bench.commit("one")
    bench.push()
    run = replace(bench.last("push"), status=Status.COMPLETED, conclusion=Conclusion.FAILURE)
    events.run_ended(bench.hub, run)
    event = bench.last("workflow_run").payload
    assert event["workflow_run"] == forms.run(run, bench.hub.repositories.all()[0])
    wanted = {
        "id": run.id,
        "name": "Everything",
        "event": "push",
        "conclusion": "failure",
        "head_branch": "main",
        "head_sha": run.sha,
        "run_number": 1,
        "html_url": f"{WEB}/actions/runs/{run.id}",
    }
    assert {key: event["workflow_run"][key] for key in wanted} == wanted
    assert (event["action"], event["sender"]["login"]) == ("completed", "ada")
    assert (event["workflow"]["name"], event["workflow"]["path"]) == ("Everything", run.path)


def test_a_schedule_says_its_line_and_its_file(bench: Bench) -> None:
    bench.commit("one")
    bench.push()
    bench.tick()
    bench.clock.at += timedelta(minutes=5)
    bench.tick()
    event = bench.last("schedule").payload
    assert (event["schedule"], event["workflow"]) == ("*/5 * * * *", f"{WORKFLOWS}/everything.yml")
    assert (event["sender"]["login"], event["repository"]["id"]) == ("grace", 1)


def test_dispatches_say_who_asked_and_with_what(bench: Bench) -> None:
    bench.commit("one")
    bench.push()
    workflows.dispatch(bench.hub, bench.repository, "everything.yml", "bob", "main", {"dry": True})
    event = bench.last("workflow_dispatch").payload
    assert (event["ref"], event["inputs"]) == ("refs/heads/main", {"dry": "true"})
    assert (event["workflow"], event["sender"]["login"]) == (f"{WORKFLOWS}/everything.yml", "bob")
    workflows.repository_dispatch(bench.hub, bench.repository, "bob", "nightly", {"deep": [1]})
    event = bench.last("repository_dispatch").payload
    assert (event["action"], event["branch"], event["client_payload"]) == ("nightly", "main", {"deep": [1]})
    assert event["repository"]["full_name"] == NAME
