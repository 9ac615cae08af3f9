"""What steps write for later steps, and what becomes of it when it is malformed."""

import pytest

from tests.localhub_server import Clone
from tests.localhub_workflows import begun, jobs, log, remarks, said, shell_job


def step(run: str, more: str = "") -> str:
    """A step of that script, with the id `x`."""
    return f"      - run: |\n          {run}\n        id: x\n{more}"


@pytest.mark.parametrize(
    ("file", "shell", "script"),
    [
        ("output", "bash", "echo 'no equals sign' >>$GITHUB_OUTPUT"),
        ("env", "sh", "echo 'no equals sign' >>$GITHUB_ENV"),
        (
            "output",
            "python",
            "import os; print('no equals sign', file=open(os.environ['GITHUB_OUTPUT'], 'a'))",
        ),
    ],
)
def test_a_malformed_row_fails_its_own_step(app: Clone, file: str, shell: str, script: str) -> None:
    run = begun(app, shell_job("echo not here", steps=step(script, f"        shell: {shell}\n")))
    assert app.ended(run)["conclusion"] == "failure", log(app, run)
    assert "Z not here" not in log(app, run)
    (job,) = jobs(app, str(run)).values()
    steps = job["steps"]
    assert isinstance(steps, list)
    assert [each["conclusion"] for each in steps[1:3]] == ["failure", "skipped"]
    words = remarks(app, run)
    assert f"Unable to process file command '{file}' successfully." in words
    assert "Invalid format 'no equals sign'" in words


def test_a_malformed_row_of_a_step_that_may_fail_fails_nothing_else(app: Clone) -> None:
    first = step("printf 'a=1\\nno equals sign\\n' >>$GITHUB_OUTPUT", "        continue-on-error: true\n")
    spoken = said(app, shell_job("echo ${{ steps.x.outcome }} ${{ steps.x.outputs.a }}", steps=first))
    assert "Z failure 1" in spoken


def test_empty_rows_are_no_mistake(app: Clone) -> None:
    first = step("printf '\\na=1\\n\\nb<<EOF\\n2\\n\\n3\\nEOF\\n' >>$GITHUB_OUTPUT")
    script = "echo '${{ steps.x.outputs.a }} ${{ toJSON(steps.x.outputs.b) }}'"
    assert r'Z 1 "2\n\n3"' in said(app, shell_job(script, steps=first))


def test_a_step_that_fails_by_itself_keeps_its_exit_code(app: Clone) -> None:
    run = begun(app, shell_job("echo", steps=step("echo 'no equals sign' >>$GITHUB_OUTPUT; exit 7")))
    assert app.ended(run)["conclusion"] == "failure"
    assert "Process completed with exit code 7." in log(app, run)
