"""What the bundled actions do: at steps, in composite actions, attempts and jobs, and how it is shown."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from tests.localhub_server import WORKFLOWS, Clone
from tests.localhub_workflows import begun, log
from tests.waiting import until

SETUP = """
name: Setup
runs:
  using: composite
  steps:
    - uses: ./.github/actions/inner
    - uses: actions/cache/restore@v4
      with: {path: kept, key: never}
"""
INNER = """
name: Inner
runs:
  using: composite
  steps:
    - uses: actions/setup-python@v5
    - {run: 'echo "nested $pythonLocation"', shell: bash}
"""


def steps(*written: str, needs: str = "") -> str:
    """A job of these steps."""
    needed = f"    needs: {needs}\n" if needs else ""
    body = "".join(f"      - {step}\n" for step in written)
    return f"    runs-on: ubuntu-latest\n{needed}    steps:\n{body}"


def pushed(app: Clone, jobs: str, **more: str) -> int:
    """The run of a workflow with these jobs."""
    return begun(app, f"name: CI\non: push\njobs:\n{jobs}", more)


def ended(app: Clone, run: int) -> tuple[str, str]:
    """How the run ended, and what its jobs said."""
    return app.ended(run)["conclusion"], log(app, run)


def test_composite_actions_use_other_actions(app: Clone) -> None:
    files = {".github/actions/setup/action.yml": SETUP, ".github/actions/inner/action.yaml": INNER}
    job = steps("uses: actions/checkout@v4", "uses: ./.github/actions/setup")
    conclusion, said = ended(app, pushed(app, f"  job:\n{job}", **files))
    assert conclusion == "success", said
    assert "nested /home/runner/" in said
    assert "Cache not found for input keys: never" in said


def test_a_cache_is_saved_and_restored_at_steps_of_their_own(app: Clone) -> None:
    given = "\n        with: {path: kept, key: 'k-${{ github.run_id }}'}"
    restore = f"uses: actions/cache/restore@v4{given}".replace("{path", "{restore-keys: k-, path")
    save = f"uses: actions/cache/save@v4{given}"
    job = steps(restore, "run: cat kept/* || true; mkdir -p kept; echo run-$GITHUB_RUN_ID > kept/x", save)
    first = pushed(app, f"  job:\n{job}")
    assert ended(app, first)[0] == "success"
    conclusion, said = ended(app, pushed(app, f"  job:\n{job}"))
    assert (conclusion, f"run-{first}" in said) == ("success", True), said


UPLOAD = "uses: actions/upload-artifact@v4\n        with: {name: dist, path: made"


def test_an_attempt_replaces_the_artifacts_of_the_one_before(app: Clone) -> None:
    job = steps("run: mkdir made; echo attempt-$GITHUB_RUN_ATTEMPT > made/x", f"{UPLOAD}}}")
    down = "uses: actions/download-artifact@v4\n        with: {name: dist}"
    run = pushed(app, f"  make:\n{job}  use:\n{steps(down, 'run: cat x', needs='make')}")
    assert ended(app, run)[0] == "success"
    app.gh("run", "rerun", str(run))
    until(lambda: app.api(f"actions/runs/{run}")["run_attempt"] == 2, 15, "the second attempt")
    conclusion, said = ended(app, run)
    assert (conclusion, "attempt-2" in said) == ("success", True), said
    assert app.api(f"actions/runs/{run}/artifacts")["total_count"] == 1


def test_an_artifact_of_another_job_is_replaced_only_when_asked(app: Clone) -> None:
    one = steps("run: mkdir made; echo one > made/x", f"{UPLOAD}}}")
    two = steps("run: mkdir made; echo two > made/x", f"{UPLOAD}, overwrite: true}}", needs="one")
    three = steps("run: mkdir made; echo three > made/x", f"{UPLOAD}}}", needs="two")
    run = pushed(app, f"  one:\n{one}  two:\n{two}  three:\n{three}")
    assert app.ended(run)["conclusion"] == "failure"
    jobs = {job["name"]: job["conclusion"] for job in app.api(f"actions/runs/{run}/jobs")["jobs"]}
    assert jobs == {"one": "success", "two": "success", "three": "failure"}
    app.gh("run", "download", str(run))
    assert (app.folder / "dist" / "x").read_text(encoding="utf-8") == "two\n"


ZED = "uses: actions/upload-artifact@v4\n        id: zed\n        with: {name: zed, path: made}"
SAYS = (
    'run: echo "zed ${{ steps.zed.outputs.artifact-id }} ${{ steps.zed.outputs.artifact-digest }}'
    ' ${{ steps.zed.outputs.artifact-url }}"'
)
BY_ID = "uses: actions/download-artifact@v5\n        with: {artifact-ids: '${{ needs.make.outputs.id }}'}"


def test_an_upload_says_the_artifacts_number_address_and_digest(app: Clone) -> None:
    made = "run: mkdir -p made/b; echo one > made/a.txt; echo two > made/b/c.txt"
    again = f"{UPLOAD}, overwrite: true}}".replace("dist", "zed")
    outputs = "    outputs: {id: '${{ steps.zed.outputs.artifact-id }}'}\n"
    make = steps(made, ZED, f"{UPLOAD}}}", again, SAYS)
    use = steps(BY_ID, "run: cat a.txt b/c.txt", needs="make")
    run = pushed(app, f"  make:\n{outputs}{make}  use:\n{use}")
    conclusion, said = ended(app, run)
    assert conclusion == "success", said
    numbers = {each["name"]: each["id"] for each in app.api(f"actions/runs/{run}/artifacts")["artifacts"]}
    app.gh("run", "download", str(run), "--name", "zed", "--dir", "got")
    digests = {path: sha256((app.folder / "got" / path).read_bytes()) for path in ("a.txt", "b/c.txt")}
    digest = sha256("".join(f"{each.hexdigest()}  {path}\n" for path, each in digests.items()).encode())
    url = f"http://github.localhost/{app.name}/actions/runs/{run}/artifacts/{numbers['zed']}"
    assert f"Z zed {numbers['zed']} {digest.hexdigest()} {url}" in said
    assert numbers["zed"] < numbers["dist"], "the first that was uploaded, though not the first by name"
    assert app.api(f"actions/artifacts/{numbers['zed']}")["name"] == "zed"
    assert "Total of 1 artifact(s) downloaded" in said


def test_an_artifact_that_no_job_of_the_run_has_kept_is_not_found_by_number(app: Clone) -> None:
    job = steps(BY_ID.replace("${{ needs.make.outputs.id }}", "7"))
    conclusion, said = ended(app, pushed(app, f"  job:\n{job}"))
    assert (conclusion, "Artifact not found for id: 7" in said) == ("failure", True), said


def test_a_link_is_uploaded_as_what_it_leads_to(app: Clone) -> None:
    made = "run: mkdir made; echo real > made/real; ln -s real made/link; ln -s nowhere made/broken"
    run = pushed(app, f"  job:\n{steps(made, f'{UPLOAD}}}')}")
    conclusion, said = ended(app, run)
    assert conclusion == "success", said
    app.gh("run", "download", str(run), "--name", "dist", "--dir", "got")
    assert {path.name: path.read_text() for path in (app.folder / "got").iterdir()} == {
        "real": "real\n",
        "link": "real\n",
    }


def test_a_pushed_tag_is_there_to_be_described(app: Clone) -> None:
    job = steps("uses: actions/checkout@v4", "run: git describe --tags; git branch --all")
    app.push({f"{WORKFLOWS}/ci.yml": f"name: CI\non: {{push: {{tags: ['*']}}}}\njobs:\n  job:\n{job}"})
    app.git("tag", "-a", "v1.2", "-m", "one")
    app.git("push", "--quiet", "origin", "v1.2")
    conclusion, said = ended(app, app.run(branch="v1.2"))
    assert (conclusion, "Z v1.2" in said) == ("success", True), said
    assert "Press RETURN" not in said


def test_a_branch_named_in_short_is_checked_out_itself(app: Clone) -> None:
    app.push()
    app.git("push", "--quiet", "origin", "HEAD:refs/heads/other")
    checkout = "uses: actions/checkout@v4\n        with: {ref: other}"
    run = pushed(app, f"  job:\n{steps(checkout, 'run: echo at $(git branch --show-current)')}")
    conclusion, said = ended(app, run)
    assert (conclusion, "Z at other" in said) == ("success", True), said


def test_a_step_that_may_fail_is_a_success_and_a_failed_one_says_how(app: Clone) -> None:
    job = steps("run: exit 5\n        continue-on-error: true", "run: exit 3")
    run = pushed(app, f"  job:\n{job}")
    conclusion, said = ended(app, run)
    assert (conclusion, "##[error]Process completed with exit code 3." in said) == ("failure", True), said
    (found,) = app.api(f"actions/runs/{run}/jobs")["jobs"]
    assert [step["conclusion"] for step in found["steps"]][1:3] == ["success", "failure"]
    assert "Process completed with exit code 3." in app.gh("run", "view", str(run)).out


def test_what_checkout_ignores_it_says(app: Clone) -> None:
    checkout = "uses: actions/checkout@v4\n        with: {submodules: true, lfs: true, sparse-checkout: src}"
    run = pushed(app, f"  job:\n{steps(checkout)}")
    conclusion, said = ended(app, run)
    assert conclusion == "success", said
    for ignored in ("submodules", "lfs", "sparse-checkout"):
        assert f"{ignored} is ignored here" in app.gh("run", "view", str(run)).out


def test_a_cache_that_is_restored_is_used(app: Clone) -> None:
    job = steps(
        "uses: actions/cache@v4\n        with: {path: kept, key: k}", "run: mkdir -p kept; touch kept/x"
    )
    assert ended(app, pushed(app, f"  job:\n{job}"))[0] == "success"
    (made,) = app.api("actions/caches")["actions_caches"]
    later = datetime.fromisoformat(made["last_accessed_at"]) + timedelta(seconds=1)
    until(lambda: datetime.now(UTC) >= later, 5, "another second")
    assert ended(app, pushed(app, f"  job:\n{job}"))[0] == "success"
    (used,) = app.api("actions/caches")["actions_caches"]
    assert used["created_at"] == made["created_at"]
    assert used["last_accessed_at"] > made["last_accessed_at"]
