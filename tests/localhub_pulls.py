"""Pull requests that end-to-end tests of localhub start from."""

import json

from tests.localhub_server import WORKFLOWS, Clone

NOW = "true"
FAILS = "exit 3"


def workflow(*steps: str, on: str = "pull_request", job: str = "test") -> dict[str, str]:
    """A workflow file with one job."""
    lines = [
        f"name: {job.title()}",
        f"on: {on}",
        "jobs:",
        f"  {job}:",
        "    runs-on: ubuntu-latest",
        "    steps:",
    ]
    lines += [f"      - run: {json.dumps(step)}" for step in steps]
    return {f"{WORKFLOWS}/{job}.yml": "\n".join(lines) + "\n"}


def with_branch(app: Clone, *steps: str, branch: str = "feature") -> str:
    """main with a workflow for pull requests, and a branch one commit ahead of it; the branch's SHA."""
    app.push({**workflow(*(steps or (NOW,))), "base.txt": "one\n"})
    app.git("checkout", "--quiet", "-b", branch)
    return app.push({f"{branch}.txt": "1\n2\n"}, f"add {branch}")


def opened(app: Clone, *steps: str, title: str = "A feature") -> str:
    """The same with its pull request opened; the branch's SHA."""
    sha = with_branch(app, *steps)
    app.gh("pr", "create", "--title", title, "--body", "why")
    return sha


def field(app: Clone, name: str, pull: str = "1") -> object:
    """One field of a pull request, as `gh pr view --json` gives it."""
    return app.gh("pr", "view", pull, "--json", name).json()[name]


def require(app: Clone, *names: str) -> None:
    """Asks for checks before anything is merged into main."""
    rule = {
        "required_status_checks": {"strict": False, "contexts": list(names)},
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    app.api("branches/main/protection", "--method", "PUT", "--input", "-", stdin=json.dumps(rule))


def checked(app: Clone, sha: str) -> None:
    """Waits until a run of that commit has ended."""
    app.ended(app.run(head_sha=sha, event="pull_request"))


def merge_by_rest(app: Clone, **body: str) -> str:
    """What PUT .../merge refuses with."""
    path = f"repos/{app.name}/pulls/1/merge"
    said = app.gh("api", "--method", "PUT", path, "--input", "-", stdin=json.dumps(body), code=1)
    words: str = json.loads(said.out)["message"]
    return words
