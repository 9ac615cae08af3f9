"""gh run while workflows run: list, view, watch, rerun, cancel, download, delete."""

from pathlib import Path

import pytest

from tests.localhub_server import Clone, waits_at
from tests.localhub_workflows import PIPELINE, ended, gate, jobs, passes_once_mended, pipeline
from tests.waiting import until

# -- gh run list and view


def test_gh_run_list_shows_runs_newest_first_and_filters_them(app: Clone) -> None:
    good = ended(app, pipeline("echo built"))
    app.git("checkout", "--quiet", "-b", "side")
    bad = ended(app, pipeline("exit 1"))

    def ids(*filters: str) -> list[str]:
        return [
            str(row["databaseId"]) for row in app.gh("run", "list", *filters, "--json", "databaseId").json()
        ]

    rows = [line.split("\t") for line in app.gh("run", "list", "--limit", "20").out.splitlines()]
    assert [(row[0], row[1], row[3], row[4], row[5], row[6]) for row in rows] == [
        ("completed", "failure", "CI/CD Pipeline", "side", "push", bad),
        ("completed", "success", "CI/CD Pipeline", "main", "push", good),
    ]
    assert ids("--workflow", "pipeline.yml") == ids("--workflow", "CI/CD Pipeline") == [bad, good]
    assert ids("--status", "failure", "--limit", "5") == [bad]
    assert ids("--branch", "main") == ids("--status", "success") == [good]
    assert ids("--event", "push", "--limit", "1") == [bad]
    assert ids("--event", "schedule") == []
    assert ids("--commit", app.git("rev-parse", "main")) == [good]
    assert ids("--user", "nobody") == []
    wanted = ("--json", "conclusion,headBranch", "--jq", '.[] | .headBranch + " " + .conclusion')
    assert app.gh("run", "list", *wanted).out == "side failure\nmain success\n"


def test_gh_run_view_shows_a_run_while_it_runs_and_when_it_failed(app: Clone) -> None:
    app.push(pipeline(f"{waits_at(gate(app))}; echo '::error file=a.py,line=3::no such bed'; exit 1"))
    run_id = str(app.run())
    until(lambda: "* build" in app.gh("run", "view", run_id).out, 15, "gh shows the job under way")
    app.gh("run", "view", run_id, "--exit-status")

    app.server.open(gate(app))
    app.ended(int(run_id))

    shown = app.gh("run", "view", run_id, "--exit-status", code=1).out
    assert f"X main CI/CD Pipeline · {run_id}" in shown
    assert "X build in" in shown
    assert "  X Build it" in shown
    assert "- test in 0s" in shown
    assert "X no such bed\nbuild: a.py#3" in shown
    found = jobs(app, run_id)
    assert (found["build"]["conclusion"], found["test"]["conclusion"]) == ("failure", "skipped")
    verbose = app.gh("run", "view", run_id, "--verbose").out
    assert "✓ Set up job" in verbose


def test_gh_run_view_shows_logs_of_all_jobs_of_one_and_of_what_failed(app: Clone) -> None:
    run_id = ended(app, pipeline("echo we built it", test="echo we test it; exit 2"))
    number = str(jobs(app, run_id)["test"]["databaseId"])

    whole = app.gh("run", "view", run_id, "--log").out
    failed = app.gh("run", "view", run_id, "--log-failed").out
    one = app.gh("run", "view", "--job", number, "--log").out

    rows = [line.split("\t") for line in whole.splitlines()]
    assert ["build", "Build it"] in [row[:2] for row in rows]
    assert [row[2].split(" ", 1)[1] for row in rows if row[:2] == ["build", "Build it"]][-1] == "we built it"
    assert "we test it" in whole
    assert "we built it" not in failed
    assert {line.split("\t")[0] for line in failed.splitlines()} == {"test"}
    assert "we test it" in failed
    assert "we built it" not in one
    assert "we test it" in one
    assert app.gh("run", "view", run_id, "--job", number, "--log").out == one


def test_gh_run_view_json_gives_what_is_asked(app: Clone) -> None:
    run_id = ended(app, pipeline("echo built"))
    names = app.gh("run", "view", run_id, "--json", "jobs", "--jq", ".jobs[].name").out
    assert names == "build\ntest\n"
    fields = "attempt,conclusion,displayTitle,event,headSha,number,status,workflowName,url"
    facts = app.gh("run", "view", run_id, "--json", fields).json()
    assert (facts["attempt"], facts["number"]) == (1, 1)
    assert (facts["status"], facts["conclusion"]) == ("completed", "success")
    assert facts["headSha"] == app.git("rev-parse", "HEAD")
    assert facts["workflowName"] == "CI/CD Pipeline"


# -- gh run watch, rerun, cancel, delete, download


@pytest.mark.parametrize(("build", "code"), [("exit 0", 0), ("exit 1", 1)])
def test_gh_run_watch_ends_with_the_run_and_as_it_ended(app: Clone, build: str, code: int) -> None:
    app.push(pipeline(f"{waits_at(gate(app))}; {build}"))
    run_id = str(app.run())
    with app.server.gh_started(
        "run", "watch", run_id, "--exit-status", "--interval", "1", folder=app.folder
    ) as watching:
        until(lambda: "* build" in watching.out, 15, "gh watches the job")
        app.server.open(gate(app))
        assert watching.ended() == code, watching.out
    assert ("✓ build" if code == 0 else "X build") in watching.out


def test_gh_run_rerun_makes_another_attempt_of_all_jobs(app: Clone) -> None:
    run_id = ended(app, pipeline(passes_once_mended(app)))
    before = jobs(app, run_id)
    app.server.open(gate(app, "-mended"))

    app.gh("run", "rerun", run_id)

    until(lambda: app.api(f"actions/runs/{run_id}")["run_attempt"] == 2, 15, "the second attempt is there")
    assert app.ended(int(run_id))["conclusion"] == "success"
    after = jobs(app, run_id)
    assert [each["conclusion"] for each in after.values()] == ["success", "success"]
    assert after["build"]["databaseId"] != before["build"]["databaseId"]
    first = app.gh("run", "view", run_id, "--attempt", "1", "--log").out
    assert "it is broken" in first
    assert "it is broken" not in app.gh("run", "view", run_id, "--log").out


def test_gh_run_rerun_failed_carries_over_what_passed(app: Clone) -> None:
    run_id = ended(app, pipeline("date +built:%s%N", test=passes_once_mended(app)))
    built = [line for line in app.gh("run", "view", run_id, "--log").out.splitlines() if " built:" in line]
    app.server.open(gate(app, "-mended"))

    app.gh("run", "rerun", run_id, "--failed")

    assert app.ended(int(run_id))["conclusion"] == "success"
    again = app.gh("run", "view", run_id, "--log").out.splitlines()
    assert [line for line in again if " built:" in line] == built


def test_gh_run_rerun_of_one_job_runs_it_and_what_needs_it(app: Clone) -> None:
    run_id = ended(app, pipeline("date +built:%s%N", test="date +tested:%s%N"))
    before = app.gh("run", "view", run_id, "--log").out
    number = str(jobs(app, run_id)["test"]["databaseId"])

    app.gh("run", "rerun", "--job", number)

    until(lambda: app.api(f"actions/runs/{run_id}")["run_attempt"] == 2, 15, "the second attempt is there")
    app.ended(int(run_id))
    after = app.gh("run", "view", run_id, "--log").out

    def line(log: str, word: str) -> str:
        return next(each for each in log.splitlines() if f" {word}:" in each)

    assert line(after, "built") == line(before, "built")
    assert line(after, "tested") != line(before, "tested")


def test_a_run_that_runs_cannot_be_rerun(app: Clone) -> None:
    app.push(pipeline(waits_at(gate(app))))
    run_id = str(app.run())
    said = app.gh("run", "rerun", run_id, code=1)
    assert "This workflow is already running" in said.err
    app.server.open(gate(app))


def test_gh_run_cancel_ends_a_run_and_lets_always_steps_run(app: Clone) -> None:
    text = pipeline(waits_at(gate(app)))[PIPELINE]
    step = "      - if: always()\n        run: echo cleaned up\n"
    head, _, tail = text.partition("  test:\n")
    app.push({PIPELINE: f"{head}{step}  test:\n{tail}"})
    run_id = str(app.run())
    until(lambda: "* build" in app.gh("run", "view", run_id).out, 15, "the job is under way")
    until(lambda: jobs(app, run_id)["build"]["steps"], 15, "its steps are under way")

    said = app.gh("run", "cancel", run_id)

    assert "Request to cancel workflow" in said.out + said.err
    assert app.ended(int(run_id), seconds=30)["conclusion"] == "cancelled"
    assert jobs(app, run_id)["test"]["conclusion"] in {"skipped", "cancelled"}
    steps = str(jobs(app, run_id)["build"]["steps"])
    assert "'conclusion': 'cancelled'" in steps
    assert "'conclusion': 'failure'" not in steps
    assert "cleaned up" in app.gh("run", "view", run_id, "--log").out
    said = app.gh("run", "cancel", run_id, code=1)
    assert "Cannot cancel a workflow run that is completed" in said.err


def test_gh_run_delete_forgets_a_run_that_has_ended(app: Clone) -> None:
    run_id = ended(app, pipeline("echo built"))
    app.gh("run", "delete", run_id)
    assert app.gh("run", "list").out == ""
    app.gh("run", "view", run_id, code=1)


def test_gh_run_download_fetches_artifacts_by_name_or_all(app: Clone, tmp_path: Path) -> None:
    keep = """\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p out/deep && echo report >out/report.txt && echo more >out/deep/more.txt
      - uses: actions/upload-artifact@v4
        with: {name: report, path: out}
      - uses: actions/upload-artifact@v4
        with: {name: single, path: out/report.txt}
"""
    run_id = ended(app, {PIPELINE: keep})

    app.gh("run", "download", run_id, "--dir", str(tmp_path / "all"))
    app.gh("run", "download", run_id, "--name", "report", "--dir", str(tmp_path / "one"))

    found = sorted(
        str(each.relative_to(tmp_path / "all")) for each in (tmp_path / "all").rglob("*") if each.is_file()
    )
    assert found == ["report/deep/more.txt", "report/report.txt", "single/report.txt"]
    assert (tmp_path / "one" / "deep" / "more.txt").read_text() == "more\n"
    assert "report" in app.gh("run", "view", run_id).out.partition("ARTIFACTS")[2]
    assert "no artifact matches" in app.gh("run", "download", run_id, "--name", "nothing", code=1).err
