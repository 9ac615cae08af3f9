"""localhub is killed in the middle of a run; another takes over."""

import os
from pathlib import Path

import pytest

from tests.localhub_server import WORKFLOWS, Clone, LocalhubServer, ran, running, waits_at
from tests.waiting import until

QUICK = """\
name: Quick
on: [push, workflow_dispatch]
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - run: 'true'
"""
LONG = f"""\
name: Long
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: echo "this line is kept"
      - run: {waits_at("never")}
  after:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - run: echo after
  clean:
    needs: build
    if: always()
    runs-on: ubuntu-latest
    steps:
      - run: echo clean
"""


def sandboxes(server: LocalhubServer) -> list[int]:
    """Processes of this server's jobs that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            ours = str(server.state).encode() in command and b"bwrap" in command
            if b"/gates/never" in command or ours:
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def test_after_kill_9_the_run_ends_as_failed_with_its_log_and_nothing_is_left_running(tmp_path: Path) -> None:
    with running(tmp_path / "hub") as server:
        app = server.repository("acme/app")
        app.push({f"{WORKFLOWS}/long.yml": LONG})
        run = app.run()
        until(lambda: "this line is kept" in _log(app, run), 30, "the job says something")
        server.kill()
        server.start()
        until(lambda: not sandboxes(server), 10, "no process of the job is left")
        assert app.ended(run)["conclusion"] == "failure"
        jobs = {job["name"]: job["conclusion"] for job in app.api(f"actions/runs/{run}/jobs")["jobs"]}
        assert jobs == {"build": "failure", "after": "skipped", "clean": "success"}
        assert "this line is kept" in _log(app, run)
        assert "lost communication" in app.gh("run", "view", str(run)).out


def _log(app: Clone, run: int) -> str:
    jobs = app.api(f"actions/runs/{run}/jobs")["jobs"]
    build = next((job for job in jobs if job["name"] == "build"), None)
    if build is None:
        return ""
    return str(app.gh("api", f"repos/{app.name}/actions/jobs/{build['id']}/logs").out)


def test_what_was_pushed_while_it_was_away_runs_when_it_is_back(tmp_path: Path) -> None:
    with running(tmp_path / "hub") as server:
        app = server.repository("acme/app")
        app.commit({f"{WORKFLOWS}/quick.yml": QUICK})
        server.stop()
        app.git("push", "--quiet", str(server.state / "repositories" / "acme" / "app.git"), "main")
        server.start()
        assert app.ended(app.run())["conclusion"] == "success"


@pytest.mark.timeout(300)
def test_twenty_runs_at_once_all_end_right(tmp_path: Path) -> None:
    with running(tmp_path / "hub", slots=2) as server:
        app = server.repository("acme/app")
        app.push({f"{WORKFLOWS}/quick.yml": QUICK})
        for _ in range(19):
            app.gh("workflow", "run", "quick.yml")
        until(lambda: len(app.runs(status="success")) == 20, 120, "all twenty have succeeded")
        assert {run["run_number"] for run in app.runs()} == set(range(1, 21))


def test_a_repository_of_an_earlier_version_lets_nobody_push_to_our_refs_any_more(
    app: Clone, server: LocalhubServer
) -> None:
    app.push()
    app.git("push", "--quiet", "origin", "HEAD:refs/notes/ours")
    folder = server.state / "repositories" / f"{app.name}.git"
    app.git("--git-dir", str(folder), "config", "--unset-all", "receive.hideRefs")
    for _ in range(2):
        server.stop()
        server.start()
    hidden = app.git("--git-dir", str(folder), "config", "--get-all", "receive.hideRefs")
    assert hidden.split() == ["refs/pull", "refs/localhub"]
    for remote in ("origin", str(folder)):
        push = ["git", "push", remote, "HEAD:refs/pull/1/head"]
        assert "deny updating a hidden ref" in ran(push, server.base, app.folder, code=1).err
