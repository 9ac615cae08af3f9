"""Where localhub is known to differ from GitHub: docs/localhub.md says so, and here it is seen."""

from tests.localhub_server import Clone
from tests.localhub_workflows import begun, log, said, shell_job


def test_a_malformed_output_fails_the_job_though_later_steps_run(app: Clone) -> None:
    first = "      - run: echo 'no equals sign' >> \"$GITHUB_OUTPUT\"\n"
    run = begun(app, shell_job("echo still here", steps=first))
    assert app.ended(run)["conclusion"] == "failure"
    assert "Z still here" in log(app, run)


def test_env_holds_what_the_runner_sets_too(app: Clone) -> None:
    assert "Z CI is true" in said(app, shell_job('echo "CI is ${{ env.CI }}"'))
