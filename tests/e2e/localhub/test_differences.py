"""Where localhub is known to differ from GitHub: docs/localhub.md says so, and here it is seen."""

from tests.localhub_server import Clone
from tests.localhub_workflows import begun, log, said, shell_job


def test_a_malformed_output_of_an_action_fails_the_job_though_later_steps_run(app: Clone) -> None:
    action = "runs: {using: node20, main: main.mjs}\n"
    script = (
        'import { appendFileSync } from "fs"; appendFileSync(process.env.GITHUB_OUTPUT, "no equals sign\\n");'
    )
    files = {"bad/action.yml": f"name: Bad\ndescription: x\n{action}", "bad/main.mjs": script}
    first = "      - uses: actions/checkout@v4\n      - uses: ./bad\n"
    run = begun(app, shell_job("echo still here", steps=first), files)
    assert app.ended(run)["conclusion"] == "failure"
    assert "Z still here" in log(app, run)


def test_env_holds_what_the_runner_sets_too(app: Clone) -> None:
    assert "Z CI is true" in said(app, shell_job('echo "CI is ${{ env.CI }}"'))
