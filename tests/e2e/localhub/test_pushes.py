"""What a push starts, seen by the real gh."""

import socket
from pathlib import Path

from tests.localhub_server import WORKFLOWS, Clone, waits_at
from tests.waiting import until

GREETING = f"""\
name: Greeting
on: push
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: {waits_at("greeting")}
      - run: echo "hello from $GITHUB_REF_NAME"
"""


def test_a_push_runs_its_workflow_and_gh_watches_it_to_its_end(app: Clone) -> None:
    sha = app.push({f"{WORKFLOWS}/greeting.yml": GREETING})
    run_id = str(app.run(head_sha=sha))

    watch = ("run", "watch", run_id, "--repo", app.name, "--exit-status", "--interval", "1")
    with app.server.gh_started(*watch) as watching:
        until(lambda: "* main Greeting" in watching.out, 15, "gh shows the run while it runs")
        app.server.open("greeting")
        assert watching.ended() == 0, watching.out

    assert "✓ main Greeting" in watching.out
    assert "hello from main" in app.gh("run", "view", run_id, "--log").out


def test_workflows_that_wait_for_one_another_end_after_three_levels(app: Clone) -> None:
    body = "jobs:\n  job:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"
    ping = f"name: Ping\non: {{push: , workflow_run: {{workflows: [Pong]}}}}\n{body}"
    pong = f"name: Pong\non: {{workflow_run: {{workflows: [Ping]}}}}\n{body}"
    app.push({f"{WORKFLOWS}/ping.yml": ping, f"{WORKFLOWS}/pong.yml": pong})
    until(lambda: len(app.runs(status="completed")) == 4, 30, "the push's run and three more have ended")
    # A fourth level would be there by the time that another push's runs have all ended.
    app.push({"README.md": "again\n"})
    until(lambda: len(app.runs(status="completed")) == 8, 30, "the same of another push")
    names = [run["name"] for run in reversed(app.runs())]
    assert sorted(names) == ["Ping"] * 4 + ["Pong"] * 4


def test_a_client_that_leaves_in_the_middle_of_an_upload_leaves_no_git_behind(app: Clone) -> None:
    server = app.server
    token = server.environment()["GH_TOKEN"]
    head = (
        f"POST /{app.name}.git/git-receive-pack HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/x-git-receive-pack-request\r\n"
        "Content-Length: 1000000\r\n\r\n00"
    )

    def gits() -> list[str]:
        listed = [path.read_text().split() for path in Path(f"/proc/{server.pid}/task").glob("*/children")]
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pids in listed for pid in pids]
        return [name for name in names if name.startswith("git")]

    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(head.encode())
        until(lambda: "git" in gits(), 20, "git takes the upload")
    until(lambda: gits() == [], 20, "git has ended with it")
    descriptors = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    assert descriptors < 60
    app.push({"README.md": "others push on\n"})


def test_a_new_branch_changes_what_differs_from_before_its_deepest_new_commit(app: Clone) -> None:
    body = "jobs:\n  job:\n    runs-on: ubuntu-slim\n    steps: [{run: 'true'}]\n"
    wanted = f"name: CI\non: {{push: {{paths: ['src/**']}}}}\n{body}"
    first = app.push({f"{WORKFLOWS}/ci.yml": wanted, "src/a.txt": "one\n"})
    assert app.ended(app.run(head_sha=first))["conclusion"] == "success"
    app.git("switch", "--quiet", "--create", "docs")
    app.commit({"README.md": "one\n"})
    words = app.commit({"README.md": "two\n"})
    app.git("push", "--quiet", "origin", "docs")
    app.git("switch", "--quiet", "--create", "code", "main")
    app.commit({"src/a.txt": "two\n"})
    code = app.commit({"README.md": "three\n"})
    app.git("push", "--quiet", "origin", "code")
    assert app.run(head_sha=code), "its deepest commit changes src"
    assert app.runs(head_sha=words) == [], "neither of its two does"
