"""Pull requests by the real gh: opened, checked, edited, closed."""

import json

from tests.localhub_pulls import FAILS, checked, field, merge_by_rest, opened, require, with_branch, workflow
from tests.localhub_server import Clone, waits_at
from tests.waiting import until

# -- opening


def test_gh_creates_lists_and_shows_a_pull_request(app: Clone) -> None:
    sha = with_branch(app)

    made = app.gh("pr", "create", "--title", "A feature", "--body", "why")

    assert made.out == f"http://github.localhost/{app.name}/pull/1\n"
    assert app.gh("pr", "list").out.startswith("1\tA feature\tfeature\tOPEN\t")
    shown = app.gh("pr", "view").out
    assert "title:\tA feature\nstate:\tOPEN\n" in shown
    assert "additions:\t2\ndeletions:\t0\n" in shown
    assert shown.endswith("--\nwhy\n")
    wanted = "headRefOid,baseRefName,mergeable,mergeStateStatus,commits,files,potentialMergeCommit"
    facts = app.gh("pr", "view", "feature", "--json", wanted).json()
    assert (facts["headRefOid"], facts["baseRefName"], facts["mergeable"]) == (sha, "main", "MERGEABLE")
    assert [each["oid"] for each in facts["commits"]] == [sha]
    assert [each["path"] for each in facts["files"]] == ["feature.txt"]
    assert (
        app.git("ls-remote", "origin", "refs/pull/1/merge").split()[0] == facts["potentialMergeCommit"]["oid"]
    )


def test_numbers_count_up_in_each_repository(app: Clone) -> None:
    opened(app)
    app.git("checkout", "--quiet", "-b", "other", "main")
    app.push({"other.txt": "x"})

    made = app.gh("pr", "create", "--title", "Another", "--body", "", "--base", "main", "--head", "other")

    assert made.out.endswith("/pull/2\n")
    assert [each["number"] for each in app.gh("pr", "list", "--json", "number").json()] == [2, 1]


def test_a_pull_request_without_commits_is_refused_in_githubs_words(app: Clone) -> None:
    with_branch(app)
    app.git("push", "--quiet", "origin", "main:refs/heads/same")
    said = app.gh("pr", "create", "--title", "T", "--body", "", "--head", "same", code=1)
    assert "GraphQL: No commits between main and same (createPullRequest)" in said.err


def test_a_head_that_does_not_exist_is_refused_in_githubs_words(app: Clone) -> None:
    with_branch(app)
    said = app.gh("pr", "create", "--title", "T", "--body", "", "--head", "nowhere", code=1)
    assert "No commits between main and nowhere, Head ref must be a branch (createPullRequest)" in said.err
    assert app.gh("pr", "list", "--state", "all").out == ""


def test_a_second_pull_request_for_a_branch_is_refused(app: Clone) -> None:
    opened(app)
    said = app.gh("pr", "create", "--title", "T", "--body", "", code=1)
    assert 'a pull request for branch "feature" into branch "main" already exists' in said.err
    body = {"title": "T", "head": "feature", "base": "main"}
    said = app.gh("api", f"repos/{app.name}/pulls", "--input", "-", stdin=json.dumps(body), code=1)
    assert json.loads(said.out)["message"] == "A pull request already exists for acme:feature."


# -- workflows


def test_its_workflows_run_on_the_merge_with_its_base(app: Clone) -> None:
    tell = "echo told $GITHUB_REF $GITHUB_HEAD_REF-$GITHUB_BASE_REF $GITHUB_SHA"
    app.push({**workflow(tell), "base.txt": "one\n"})
    app.git("checkout", "--quiet", "-b", "feature")
    app.push({"feature.txt": "1\n"})
    app.git("checkout", "--quiet", "main")
    app.push({"base.txt": "two\n"}, "main goes on")
    app.git("checkout", "--quiet", "feature")

    app.gh("pr", "create", "--title", "A feature", "--body", "why")

    run_id = app.run(event="pull_request")
    app.ended(run_id)
    log = app.gh("run", "view", str(run_id), "--log").out
    app.git("fetch", "--quiet", "origin", "refs/pull/1/merge")
    merge = app.git("rev-parse", "FETCH_HEAD")
    assert f"told refs/pull/1/merge feature-main {merge}" in log
    assert app.git("show", f"{merge}:base.txt") == "two"
    assert app.git("show", f"{merge}:feature.txt") == "1"


def test_a_push_to_the_head_branch_runs_them_again_and_checks_follow_it(app: Clone) -> None:
    first = opened(app)
    checked(app, first)

    second = app.push({"feature.txt": "3\n"}, "better")

    checked(app, second)
    assert field(app, "headRefOid") == second
    assert [run["head_sha"] for run in app.runs(event="pull_request")] == [second, first]
    payload = app.gh("pr", "checks", "--json", "name,state,event,workflow").json()
    assert payload == [{"event": "pull_request", "name": "test", "state": "SUCCESS", "workflow": "Test"}]


def test_gh_pr_checks_is_pending_until_the_jobs_end_and_then_as_they_ended(app: Clone) -> None:
    gate = app.name.partition("/")[2]
    sha = opened(app, waits_at(gate))
    until(lambda: app.gh("pr", "checks", code=None).code == 8, 15, "the check is pending")
    assert app.gh("pr", "checks", code=8).out.startswith("test\tpending\t")

    with app.server.gh_started("pr", "checks", "--watch", "--interval", "1", folder=app.folder) as watching:
        until(lambda: "test\tpending" in watching.out, 15, "gh watches the check")
        app.server.open(gate)
        assert watching.ended() == 0, watching.out

    checked(app, sha)
    assert app.gh("pr", "checks").out.startswith("test\tpass\t")


def test_gh_pr_checks_fails_where_a_job_failed(app: Clone) -> None:
    checked(app, opened(app, FAILS))
    assert app.gh("pr", "checks", code=1).out.startswith("test\tfail\t")
    assert field(app, "mergeStateStatus") == "UNSTABLE"


def test_gh_pr_checks_shows_which_checks_are_required(app: Clone) -> None:
    app.push(workflow(FAILS, job="lint"))
    checked(app, opened(app))
    assert "no required checks" in app.gh("pr", "checks", "--required", code=1).err

    require(app, "test")

    required = app.gh("pr", "checks", "--required").out
    assert required.startswith("test\tpass\t")
    assert "lint" not in required


# -- the rest of its life


def test_gh_closes_reopens_and_edits_it(app: Clone) -> None:
    opened(app)
    app.gh("pr", "edit", "1", "--title", "Better", "--body", "because")
    assert (field(app, "title"), field(app, "body")) == ("Better", "because")
    app.gh("pr", "close", "1")
    assert field(app, "state") == "CLOSED"
    assert app.gh("pr", "list").out == ""
    assert merge_by_rest(app) == "Pull Request is closed"
    app.gh("pr", "reopen", "1")
    assert field(app, "state") == "OPEN"


def test_a_draft_is_not_merged_until_it_is_ready(app: Clone) -> None:
    with_branch(app)
    app.gh("pr", "create", "--draft", "--title", "T", "--body", "")
    assert "still a draft" in app.gh("pr", "merge", "--merge", code=1).err
    app.gh("pr", "ready")
    app.gh("pr", "merge", "--merge")
    assert field(app, "state") == "MERGED"


def test_gh_shows_its_diff_and_whose_pull_requests_there_are(app: Clone) -> None:
    opened(app)
    diff = app.gh("pr", "diff", "1").out
    assert "+++ b/feature.txt" in diff
    assert "base.txt" not in diff
    assert app.gh("pr", "diff", "--name-only").out == "feature.txt\n"
    status = app.gh("pr", "status").out
    current, _, yours = status.partition("Created by you")
    assert "#1  A feature [feature]" in current
    assert "#1  A feature [feature]" in yours
    assert app.gh("pr", "list", "--author", "@me", "--json", "number").json() == [{"number": 1}]
    assert app.gh("pr", "list", "--search", "nothing like it", "--json", "number").json() == []


def test_deleting_its_branch_closes_it(app: Clone) -> None:
    opened(app)
    app.git("push", "--quiet", "origin", "--delete", "feature")
    until(lambda: field(app, "state") == "CLOSED", 15, "the pull request is closed")
    assert "its branch feature is gone" in app.gh("pr", "reopen", "1", code=1).err


def test_a_merge_by_hand_is_a_merge(app: Clone) -> None:
    opened(app)
    app.git("checkout", "--quiet", "main")
    app.git("merge", "--quiet", "--no-ff", "--message", "by hand", "feature")
    app.git("push", "--quiet")
    until(lambda: field(app, "state") == "MERGED", 15, "the pull request is merged")
    assert field(app, "mergeCommit") == {"oid": app.git("rev-parse", "HEAD")}


def test_what_localhub_does_not_keep_is_refused_plainly(app: Clone) -> None:
    opened(app)
    assert "localhub keeps no comments" in app.gh("pr", "comment", "1", "--body", "x", code=1).err
    assert "localhub keeps no reviews" in app.gh("pr", "review", "--approve", code=1).err
    assert "Rebase merges are not allowed" in app.gh("pr", "merge", "--rebase", code=1).err


def test_the_rest_api_opens_changes_and_merges(app: Clone) -> None:
    sha = with_branch(app)
    body = {"title": "By REST", "head": "feature", "base": "main"}
    made = app.api("pulls", "--input", "-", stdin=json.dumps(body))
    assert (made["number"], made["head"]["sha"], made["mergeable"]) == (1, sha, True)
    assert app.api("pulls/1", "--method", "PATCH", "-f", "title=Better")["title"] == "Better"
    assert [each["title"] for each in app.api("pulls?head=acme:feature")] == ["Better"]
    assert [(each["filename"], each["status"]) for each in app.api("pulls/1/files")] == [
        ("feature.txt", "added")
    ]
    assert [each["sha"] for each in app.api("pulls/1/commits")] == [sha]
    checked(app, sha)
    status = app.api(f"commits/{sha}/status")
    assert (status["state"], [each["context"] for each in status["statuses"]]) == ("success", ["test"])
    assert app.api(f"commits/{sha}/check-runs")["total_count"] == 1

    done = app.api("pulls/1/merge", "--method", "PUT", "-f", "merge_method=squash", "-f", f"sha={sha}")

    assert app.git("ls-remote", "origin", "refs/heads/main").split()[0] == done["sha"]
    assert app.api("pulls?state=closed")[0]["merge_commit_sha"] == done["sha"]
    assert app.api("pulls") == []


def test_gh_repo_view_shows_the_repository_and_its_readme(app: Clone) -> None:
    app.push({"README.md": "# Ward rounds\n"})
    shown = app.gh("repo", "view").out
    assert f"name:\t{app.name}\n" in shown
    assert "# Ward rounds" in shown
    facts = app.gh("repo", "view", app.name, "--json", "defaultBranchRef,visibility").json()
    assert facts == {"defaultBranchRef": {"name": "main"}, "visibility": "PRIVATE"}
    assert "Could not resolve to a Repository" in app.gh("repo", "view", "acme/nowhere", code=1).err
