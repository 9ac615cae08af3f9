"""What events say, of a hub whose loops do not run: its runs are looked at as they are started."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from localhub.api import workflows
from localhub.hub import events, forms, pulls
from localhub.repositories.bare import NOWHERE
from localhub.runs import contexts
from localhub.runs.records import Conclusion, Status
from localhub.store.runs import RunFilter
from tests.localhub_hub import NAME, StillHub
from tests.localhub_server import WORKFLOWS

WEB = f"http://github.localhost/{NAME}"


@pytest.fixture
def bench(tmp_path: Path) -> StillHub:
    """A hub in a folder of the test's own."""
    return StillHub(tmp_path)


def test_a_push_says_what_was_pushed_by_whom_and_where(bench: StillHub) -> None:
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


def test_a_push_that_takes_commits_away_is_forced(bench: StillHub) -> None:
    first, second = bench.commit("one"), bench.commit("two")
    bench.push()
    bench.git("reset", "--quiet", "--hard", first)
    instead = bench.commit("instead")
    event = bench.push()
    assert (event["forced"], event["before"]) == (True, second)
    assert [each["id"] for each in event["commits"]] == [instead]


def test_a_new_branch_has_the_commits_that_no_other_has(bench: StillHub) -> None:
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


def test_branches_that_are_new_together_share_out_what_they_bring(bench: StillHub) -> None:
    """Told one by one, as if those that come later were not there yet."""
    only = bench.commit("one")
    bench.push("HEAD:main", "HEAD:dev")
    found = {run.ref: run.payload for run in bench.hub.runs.listed(NAME, RunFilter(event="push"))[1]}
    first, second = (found[f"refs/heads/{name}"] for name in ("dev", "main"))
    if second["commits"]:
        first, second = second, first
    assert [each["id"] for each in first["commits"]] == [only]
    assert (first["base_ref"], first["head_commit"]["distinct"]) == (None, True)
    assert (second["commits"], second["base_ref"]) == ([], first["ref"])


def test_a_branch_or_tag_of_what_is_there_names_the_branch_it_is_of(bench: StillHub) -> None:
    sha = bench.commit("one")
    bench.push("HEAD:refs/heads/another", "HEAD:main")
    bench.git("tag", "--annotate", "--message", "first", "v1")
    event = bench.push("v1")
    assert (event["ref"], event["base_ref"], event["commits"]) == ("refs/tags/v1", "refs/heads/main", [])
    assert event["after"] == bench.git("rev-parse", "v1") != sha, "the tag itself, as on GitHub"
    assert event["head_commit"]["id"] == sha
    assert event["compare"] == f"{WEB}/commit/{sha[:12]}"


def test_commits_that_another_branch_has_are_not_distinct(bench: StillHub) -> None:
    bench.pull()
    bench.git("checkout", "--quiet", "main")
    bench.git("merge", "--quiet", "--ff-only", "topic")
    bench.commit("three")
    assert [each["distinct"] for each in bench.push()["commits"]] == [False, True]


def test_a_pull_request_says_what_is_to_go_where(bench: StillHub) -> None:
    pull = bench.pull(body="why", draft=True)
    event = bench.last("pull_request").payload
    assert (event["action"], event["number"], event["sender"]["login"]) == ("opened", 1, "ada")
    shown = event["pull_request"]
    for side, ref, sha in (("head", "topic", pull.head_sha), ("base", "main", pull.base_sha)):
        assert (shown[side]["ref"], shown[side]["sha"]) == (ref, sha)
        assert (shown[side]["repo"]["id"], shown[side]["repo"]["full_name"]) == (1, NAME)
    assert (shown["title"], shown["body"], shown["draft"], shown["merged"]) == ("T", "why", True, False)
    assert (shown["html_url"], shown["user"]["login"]) == (f"{WEB}/pull/1", "ada")


def test_a_pull_request_that_changes_says_how_it_was(bench: StillHub) -> None:
    pull = bench.pull()
    pulls.edit(bench.hub, pull, pulls.Edit(title="Better"), "ada")
    assert bench.last("pull_request").payload["changes"] == {"title": {"from": "T"}}
    sha = bench.commit("three")
    bench.push()
    event = bench.last("pull_request").payload
    assert (event["action"], event["before"], event["after"]) == ("synchronize", pull.head_sha, sha)


def test_a_run_that_ended_says_all_that_the_api_does(bench: StillHub) -> None:
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


def test_a_schedule_says_its_line_and_its_file(bench: StillHub) -> None:
    bench.commit("one")
    bench.push()
    bench.tick()
    bench.clock.at += timedelta(minutes=5)
    bench.tick()
    event = bench.last("schedule").payload
    assert (event["schedule"], event["workflow"]) == ("*/5 * * * *", f"{WORKFLOWS}/everything.yml")
    assert (event["sender"]["login"], event["repository"]["id"]) == ("grace", 1)


def test_dispatches_say_who_asked_and_with_what(bench: StillHub) -> None:
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
