"""gh pr merge: what it moves, what it sets off, and what it refuses."""

import pytest

from tests.localhub_pulls import (
    FAILS,
    NOW,
    checked,
    field,
    merge_by_rest,
    opened,
    require,
    with_branch,
    workflow,
)
from tests.localhub_server import WORKFLOWS, Clone, waits_at
from tests.waiting import until


def test_a_merge_moves_the_base_and_is_a_push_by_whoever_merged(app: Clone) -> None:
    app.push(workflow("echo merged by $GITHUB_ACTOR", on="{push: {branches: [main]}}", job="ship"))
    before = app.git("rev-parse", "HEAD")
    head = opened(app)
    checked(app, head)

    app.gh("pr", "merge", "--merge", login="alice")

    merge = str(field(app, "mergeCommit")["oid"])  # type: ignore[index]
    app.git("fetch", "--quiet", "origin")
    assert app.git("rev-parse", "origin/main") == merge
    assert (
        app.git("log", "-1", "--format=%B", merge) == "Merge pull request #1 from acme/feature\n\nA feature"
    )
    first, second = app.git("log", "-1", "--format=%P", merge).split()
    assert (app.git("merge-base", "--is-ancestor", before, first), second) == ("", head)
    run_id = app.run(event="push", head_sha=merge)
    assert app.ended(run_id)["actor"]["login"] == "alice"
    assert "merged by alice" in app.gh("run", "view", str(run_id), "--log").out
    shown = app.gh("pr", "view", "1", "--json", "state,mergedBy").json()
    assert (shown["state"], shown["mergedBy"]["login"]) == ("MERGED", "alice")


def test_a_squash_is_one_commit_and_its_branch_is_deleted(app: Clone) -> None:
    opened(app)
    app.push({"more.txt": "x\n"}, "and more")
    until(lambda: len(field(app, "commits")) == 2, 15, "the pull request has both commits")  # type: ignore[arg-type]

    app.gh("pr", "merge", "--squash", "--delete-branch")

    assert app.git("branch", "--show-current") == "main"
    assert app.git("log", "-1", "--format=%B") == "A feature (#1)\n\n* add feature\n\n* and more"
    assert len(app.git("log", "-1", "--format=%P").split()) == 1
    assert app.git("ls-files", "more.txt", "feature.txt").split() == ["feature.txt", "more.txt"]
    assert app.git("ls-remote", "--heads", "origin", "feature") == ""
    assert app.git("branch", "--list", "feature") == ""
    assert app.gh("pr", "list", "--state", "merged").out.startswith("1\tA feature\tfeature\tMERGED")


@pytest.mark.parametrize("method", ["--merge", "--squash"])
def test_a_merge_takes_the_words_it_is_given(app: Clone, method: str) -> None:
    opened(app)
    app.gh("pr", "merge", method, "--subject", "Mine", "--body", "because")
    app.git("fetch", "--quiet", "origin")
    assert app.git("log", "-1", "--format=%B", "origin/main") == "Mine\n\nbecause"


def test_a_merge_waits_for_required_checks(app: Clone) -> None:
    gate = app.name.partition("/")[2]
    sha = opened(app, waits_at(gate))
    require(app, "test", "audit")
    until(lambda: app.gh("pr", "checks", code=None).code == 8, 15, "the check is pending")

    words = merge_by_rest(app)
    assert words == (
        '2 of 2 required status checks have not succeeded: "test" is in progress, "audit" is expected.'
    )
    assert field(app, "mergeStateStatus") == "BLOCKED"
    said = app.gh("pr", "merge", "--merge", code=1)
    assert "is not mergeable: the base branch policy prohibits the merge" in said.err
    assert (
        "required status checks have not succeeded" in app.gh("pr", "merge", "--merge", "--admin", code=1).err
    )

    require(app, "test")
    assert merge_by_rest(app) == 'Required status check "test" is in progress.'
    app.server.open(gate)
    checked(app, sha)
    app.gh("pr", "merge", "--merge")
    assert field(app, "state") == "MERGED"


def test_a_merge_is_refused_while_a_required_check_fails(app: Clone) -> None:
    checked(app, opened(app, FAILS))
    require(app, "test")

    assert merge_by_rest(app) == 'Required status check "test" is failing.'
    app.gh("pr", "merge", "--squash", code=1)

    app.push(workflow(NOW), "mend it")
    checked(app, app.git("rev-parse", "HEAD"))
    app.gh("pr", "merge", "--squash")
    assert field(app, "state") == "MERGED"


def test_conflicts_are_refused_and_start_nothing(app: Clone) -> None:
    with_branch(app)
    app.push({"base.txt": "mine\n"}, "mine")
    app.git("checkout", "--quiet", "main")
    main = app.push({"base.txt": "theirs\n"}, "theirs")
    app.git("checkout", "--quiet", "feature")
    app.gh("pr", "create", "--title", "T", "--body", "")

    assert (field(app, "mergeable"), field(app, "mergeStateStatus")) == ("CONFLICTING", "DIRTY")
    said = app.gh("pr", "merge", "--merge", code=1)
    assert "is not mergeable: the merge commit cannot be cleanly created" in said.err
    assert merge_by_rest(app) == "Pull Request has merge conflicts"
    assert app.runs(event="pull_request") == []
    assert app.git("ls-remote", "origin", "refs/heads/main").split()[0] == main


def test_a_head_that_has_moved_is_not_merged(app: Clone) -> None:
    first = opened(app)
    second = app.push({"feature.txt": "3\n"}, "better")
    until(lambda: field(app, "headRefOid") == second, 15, "the pull request has its new head")

    said = app.gh("pr", "merge", "--merge", "--match-head-commit", first, code=1)

    assert "Head branch was modified. Review and try the merge again." in said.err
    assert merge_by_rest(app, sha=first).startswith("Head branch was modified.")
    app.gh("pr", "merge", "--merge", "--match-head-commit", second)


def test_a_merge_starts_what_waits_for_closed_with_merged_true(app: Clone) -> None:
    after = workflow("echo at $GITHUB_REF", on="{pull_request: {types: [closed]}}", job="after")
    path = f"{WORKFLOWS}/after.yml"
    guarded = after[path].replace("    runs-on", "    if: github.event.pull_request.merged\n    runs-on")
    app.push({path: guarded})
    opened(app)
    app.gh("pr", "close", "1")
    until(lambda: [run["name"] for run in app.runs()].count("After") == 1, 15, "closing it started a run")
    unmerged = next(run["id"] for run in app.runs() if run["name"] == "After")
    assert app.ended(unmerged)["conclusion"] == "skipped"
    app.gh("pr", "reopen", "1")

    app.gh("pr", "merge", "--merge")

    until(lambda: [run["name"] for run in app.runs()].count("After") == 2, 15, "merging it started a run")
    merged = next(run["id"] for run in app.runs() if run["name"] == "After")
    assert app.ended(merged)["conclusion"] == "success"
    assert "at refs/heads/main" in app.gh("run", "view", str(merged), "--log").out


def test_the_protection_of_a_branch_is_shown_changed_and_taken_away(app: Clone) -> None:
    with_branch(app)
    require(app, "test", "audit")
    kept = app.api("branches/main/protection")["required_status_checks"]
    assert kept["contexts"] == ["test", "audit"]
    assert app.api("branches/main")["protected"] is True
    assert app.api("branches/feature")["protected"] is False

    path = f"repos/{app.name}/branches/main/protection"
    reviews = '{"required_pull_request_reviews": {"required_approving_review_count": 1}}'
    said = app.gh("api", "--method", "PUT", path, "--input", "-", stdin=reviews, code=1)
    assert "reviews and restrictions are not known here" in said.out
    app.gh("api", "--method", "DELETE", path)

    assert "Branch not protected" in app.gh("api", path, code=1).out
