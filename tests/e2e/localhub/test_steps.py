"""What a step finds around it: pipes, no terminal, an empty input; and what becomes of what it leaves."""

import pytest

from tests.localhub_server import Clone
from tests.localhub_workflows import begun, jobs, log, said, shell_job

ASKS = """\
for each in 0 1 2; do [ -t $each ] && echo terminal at $each; done
          (exec 9<>/dev/tty) 2>/dev/null && echo a terminal to ask at
          read -r line || echo nobody types
          mkdir -p made/a made/b && ls made
          python3 -c 'import sys, os; print("python:", sys.stdout.isatty(), os.isatty(0))'
"""


def step(run: str, more: str = "") -> str:
    return f"      - run: |\n          {run}\n{more}"


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_nobody_sits_at_a_step(app: Clone, shell: str) -> None:
    spoken = said(app, shell_job("echo last", steps=step(ASKS.rstrip("\n"), f"        shell: {shell}\n")))
    assert "Z terminal at" not in spoken
    assert "Z a terminal to ask at" not in spoken
    assert "Z nobody types" in spoken
    assert "Z a\n" in spoken, "one name a line"
    assert "Z python: False False" in spoken


def test_git_asks_nobody_for_a_name(app: Clone) -> None:
    script = "git clone --quiet http://127.0.0.1:9/private.git || echo it failed at once"
    assert "Z it failed at once" in said(app, shell_job(script))


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("no-such-program", 127)])
def test_how_a_step_ends_is_told_as_its_shell_has_it(app: Clone, script: str, code: int) -> None:
    run = begun(app, shell_job("echo not here", steps=step(f"echo first; {script}")))
    assert app.ended(run)["conclusion"] == "failure"
    spoken = log(app, run)
    assert "Z first" in spoken, "what it said before that is not lost"
    assert f"Process completed with exit code {code}." in spoken
    (job,) = jobs(app, str(run)).values()
    assert [each["conclusion"] for each in job["steps"][1:3]] == ["failure", "skipped"]  # type: ignore[index]


def test_who_writes_where_nobody_reads_ends_as_ever(app: Clone) -> None:
    script = "set +o pipefail; yes | head -n 1; echo ${PIPESTATUS[0]}"
    assert "Z 141\n" in said(app, shell_job(script))


def test_what_goes_on_in_the_background_holds_no_step_and_goes_on(app: Clone) -> None:
    first = step(
        "touch alive; (while true; do echo busy; echo x >>alive; sleep 0.05; done) &\n          echo begun"
    )
    script = (
        "before=$(wc -l <alive); until [ $(wc -l <alive) -gt $((before + 3)) ];"
        " do sleep 0.05; done; echo it lives"
    )
    spoken = said(app, shell_job(script, steps=first))
    assert "Z begun" in spoken
    assert "Z it lives" in spoken


def test_all_that_a_step_says_is_there_in_its_order(app: Clone) -> None:
    script = "for each in $(seq 200); do echo line $each; echo error $each >&2; done; exit 3"
    run = begun(app, shell_job(script))
    assert app.ended(run)["conclusion"] == "failure"
    lines = [line.partition("Z ")[2] for line in log(app, run).splitlines()]
    found = [line for line in lines if line.startswith(("line ", "error ")) and line.split()[-1].isdigit()]
    assert found == [f"{kind} {each}" for each in range(1, 201) for kind in ("line", "error")]


def test_a_step_knows_which_check_it_is_and_where_it_is_written(app: Clone) -> None:
    script = (
        "echo '${{ job.check_run_id }} ${{ job.workflow_ref }} ${{ job.workflow_file_path }}"
        " ${{ job.status }} ${{ github.repositoryUrl }}'"
    )
    run = begun(app, shell_job(script))
    assert app.ended(run)["conclusion"] == "success", log(app, run)
    (job,) = app.api(f"actions/runs/{run}/jobs")["jobs"]
    path = app.api(f"actions/runs/{run}")["path"].partition("@")[0]
    where = f"{app.name}/{path}@refs/heads/main"
    assert f"Z {job['id']} {where} {path} success git://github.localhost/{app.name}.git" in log(app, run)
    assert app.api(f"check-runs/{job['id']}")["name"] == job["name"]
