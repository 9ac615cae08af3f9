"""What a job reads of the event that started it, and what of the hub around it."""

from tests.localhub_server import WORKFLOWS, Clone
from tests.localhub_workflows import begun, log, said, shell_job

READS = """\
echo "ids ${{ github.repository_id }} ${{ github.repository_owner_id }} ${{ github.actor_id }}"
echo "same $GITHUB_REPOSITORY_ID $GITHUB_REPOSITORY_OWNER_ID $GITHUB_ACTOR_ID"
echo "head ${{ github.event.head_commit.id }} by ${{ github.event.head_commit.committer.email }}"
echo "of ${{ github.event.repository.owner.login }}: ${{ github.event.repository.default_branch }}"
echo "new ${{ github.event.created }} ${{ github.event.forced }} ${{ github.event.base_ref == null }}"
echo "counted ${{ join(github.event.commits.*.message, '+') }}"
python3 -c "import json, os; print('file', json.load(open(os.environ['GITHUB_EVENT_PATH']))['compare'])"
"""
AFTER = """\
name: After
on: {workflow_run: {workflows: [Shell]}}
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - run: echo "after ${{ github.event.workflow_run.conclusion }} ${{ github.event.workflow_run.url }}"
      - run: echo "file ${{ github.event.workflow.path }}"
"""


def test_a_step_reads_what_was_pushed_and_the_ids_that_the_api_has(app: Clone) -> None:
    app.commit({"a.txt": "1"}, "one")
    spoken = said(app, shell_job(READS))
    head = app.git("rev-parse", "HEAD")
    repository, actor = app.api(""), app.gh("api", "user").json()
    ids = f"{repository['id']} {repository['owner']['id']} {actor['id']}"
    assert f"Z ids {ids}" in spoken
    assert f"Z same {ids}" in spoken
    assert f"Z head {head} by ada@example.org" in spoken
    assert "Z of acme: main" in spoken
    assert "Z new true false true" in spoken
    assert "Z counted one+a change" in spoken
    assert f"Z file http://github.localhost/{app.name}/compare/main" in spoken


def test_a_run_started_by_another_reads_how_that_ended_and_where_it_is(app: Clone) -> None:
    first = begun(app, shell_job("exit 1"), {f"{WORKFLOWS}/after.yml": AFTER})
    second = app.run(seconds=60, event="workflow_run")
    app.ended(second)
    url = f"http://api.github.localhost/repos/{app.name}/actions/runs/{first}"
    assert f"Z after failure {url}" in log(app, second)
    assert f"Z file {WORKFLOWS}/shell.yml" in log(app, second)
    assert app.gh("api", url).json()["id"] == first, "localhub answers there"
