"""`sandbox: none`: workflow code runs as this user; that is said, and no process outlives its job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localhub_server import Clone, LocalhubServer, running
from tests.localhub_workflows import begun, log, shell_job
from tests.waiting import until

ONLY_THE_SERVERS = "only-the-server-s"
DOCS = Path("docs/localhub.md")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalhubServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONLY_THE_SERVERS", ONLY_THE_SERVERS)
        with running(tmp_path_factory.mktemp("unfenced"), sandbox="none", slots=4) as started:
            yield started


def running_with(word: str) -> list[int]:
    """Processes with this word in their command."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _has(path, word)]


def _has(path: Path, word: str) -> bool:
    try:
        return word.encode() in path.read_bytes()
    except OSError:  # it has ended meanwhile
        return False


def lingers(seconds: str) -> str:
    """Processes that a job leaves behind: in a session of their own, deaf to signals, without environment."""
    return f"""
    setsid nohup env -i sleep {seconds} >/dev/null 2>&1 &
    (trap '' INT TERM HUP; env -i setsid sleep {seconds} & disown)
    until [ "$(pgrep -fc '^sleep {seconds}$')" -ge 2 ]; do sleep 0.05; done
    echo "they run"
    """


def test_the_log_begins_with_it_and_server_and_docs_say_it(app: Clone, server: LocalhubServer) -> None:
    run = begun(app, shell_job("echo done"))
    assert app.ended(run)["conclusion"] == "success", log(app, run)
    first = next(line for line in log(app, run).splitlines() if "Set up job" in line)
    assert "WITHOUT a sandbox: workflow code runs as the server's own user" in first
    assert server.output.startswith("NO SANDBOX: workflow code runs as this user and can read all")
    words = " ".join(DOCS.read_text(encoding="utf-8").replace("*", "").split())
    assert "workflow code runs as this user and can read all that this user can" in words


def test_a_job_works_and_has_nothing_of_the_servers_environment(app: Clone) -> None:
    app.commit({"greeting.txt": "hello from the repository\n"})
    steps = """\
      - uses: actions/checkout@v4
      - {uses: actions/cache@v4, with: {path: kept, key: k}}
      - run: mkdir -p kept && echo kept > kept/file
      - {uses: actions/upload-artifact@v4, with: {name: greeting, path: greeting.txt}}
"""
    script = f"""
    cat greeting.txt
    for each in /proc/$PPID/environ /proc/self/environ; do tr '\\0' '\\n' < $each; done > seen
    if grep -q {ONLY_THE_SERVERS} seen; then echo "SEEN IT"; exit 1; fi
    grep -E '^(HOME|GH_|PYTHON|VIRTUAL_ENV|SSH_)' seen | sort -u
    """
    run = begun(app, shell_job(script, steps=steps))
    said = log(app, run) if app.ended(run)["conclusion"] else ""
    assert app.api(f"actions/runs/{run}")["conclusion"] == "success", said
    assert "Z hello from the repository" in said
    assert "Z SEEN IT" not in said
    assert f"Z HOME={app.server.state}/jobs/" in said
    assert [each["name"] for each in app.api("actions/artifacts")["artifacts"]] == ["greeting"]
    assert [each["key"] for each in app.api("actions/caches")["actions_caches"]] == ["k"]


def test_when_a_job_ends_so_do_its_processes(app: Clone) -> None:
    run = begun(app, shell_job(lingers("98761.25")))
    assert app.ended(run)["conclusion"] == "success", log(app, run)
    assert running_with("98761.25") == []


def test_its_time_limit_ends_a_job_with_all_its_processes(app: Clone) -> None:
    run = begun(app, shell_job(f"{lingers('98762.25')}\nsleep 98762.25", "    timeout-minutes: 0.05\n"))
    assert app.ended(run, seconds=25)["conclusion"] == "cancelled"
    assert "exceeded the maximum execution time of 0.05 minutes" in log(app, run)
    assert running_with("98762.25") == []


@pytest.mark.parametrize("how", ["cancel", "force-cancel"])
def test_cancelling_ends_a_job_with_all_its_processes(app: Clone, how: str) -> None:
    seconds = f"98763.{len(how)}"
    run = begun(app, shell_job(f"{lingers(seconds)}\nsleep {seconds}"))
    until(lambda: len(running_with(seconds)) > 2, 15, "the job's processes run")
    app.gh("api", "--method", "POST", f"repos/{app.name}/actions/runs/{run}/{how}")
    assert app.ended(run, seconds=20)["conclusion"] == "cancelled"
    assert running_with(seconds) == []


def test_a_cancelled_jobs_always_steps_run(app: Clone) -> None:
    run = begun(app, shell_job("sleep 98764.25") + "      - if: always()\n        run: echo 'cleaned up'\n")
    until(lambda: running_with("98764.25"), 15, "the step runs")
    app.gh("run", "cancel", str(run))
    assert app.ended(run, seconds=20)["conclusion"] == "cancelled"
    assert "Z cleaned up" in log(app, run)


def test_when_the_server_is_killed_its_jobs_processes_end_too(tmp_path: Path) -> None:
    with running(tmp_path, sandbox="none") as server:
        app = server.repository("acme/killed")
        run = begun(app, shell_job(f"{lingers('98765.25')}\nsleep 98765.25"))
        until(lambda: len(running_with("98765.25")) > 2, 15, "the job's processes run")
        server.kill()
        until(lambda: running_with("98765.25") == [], 10, "they have ended")
        server.start()
        assert app.ended(run, seconds=20)["conclusion"] == "failure"
