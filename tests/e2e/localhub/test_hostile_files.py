"""Jobs whose artifacts and caches mean harm: refused with a reason, or bounded; the disk is never filled."""

import re
import shutil
import signal
import subprocess

import pytest

from tests.localhub_server import Clone, LocalhubServer
from tests.localhub_workflows import answers, begun, log, remarks, said, shell_job

OUT = 'cd "$LOCALHUB_ROOT/out/artifacts"'
MOST_DISK_BYTES = 3 << 30


def refused(app: Clone, script: str) -> str:
    """What is said of a run whose job fails though its script does not."""
    run = begun(app, shell_job(script))
    assert app.ended(run, seconds=60)["conclusion"] == "failure", log(app, run)[-5000:]
    return remarks(app, run)


def test_a_file_of_fifty_gigabytes_that_takes_no_room_is_none(app: Clone) -> None:
    killed_for_its_size = 128 + signal.SIGXFSZ
    words = said(app, shell_job(f"{OUT}\nmkdir a\ntruncate -s 50G a/bomb"), "failure")
    assert f"exit code {killed_for_its_size}." in words
    assert "room for" in refused(app, f"{OUT}\nmkdir a\ntruncate -s 3G a/bomb")


def test_many_files_that_take_no_room_are_refused_together(app: Clone, server: LocalhubServer) -> None:
    """Each artifact is within the limit; written out they would fill the disk."""
    before = shutil.disk_usage(server.state).free
    script = f"{OUT}\nfor n in $(seq 60); do mkdir a$n; truncate -s 900M a$n/bomb; done"
    assert "bomb does not fit: 900 MiB, room for 124 MiB" in refused(app, script)
    assert len(app.api("actions/artifacts")["artifacts"]) == 1
    assert before - shutil.disk_usage(server.state).free < MOST_DISK_BYTES
    answers(app)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("mkdir many && cd many && seq 21000 | xargs touch", "more than 20000 files and folders"),
        ("mkdir many && cd many && seq 21000 | xargs mkdir", "more than 20000 files and folders"),
        ("seq 1000 | xargs mkdir", "more than 500 artifacts"),
        ("mkdir a && mkfifo $'a/\\xff'", "? is not a plain file"),
        ("mkdir $'\\xff'", "its name is not valid"),
    ],
    ids=["files", "folders", "artifacts", "bytes-that-are-no-name", "bytes-that-are-no-artifact"],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(app: Clone, script: str, reason: str) -> None:
    assert reason in refused(app, f"{OUT}\n{script}")
    answers(app)


def test_a_job_whose_artifact_is_refused_says_that_reason_alone_and_once(app: Clone) -> None:
    run = begun(app, shell_job(f"{OUT}\nmkdir a && mkfifo a/fifo"))
    assert app.ended(run)["conclusion"] == "failure"
    reason = "artifact 'a' is not kept: fifo is not a plain file"
    assert remarks(app, run) == reason
    assert re.findall(r"##\[error\](.*)", log(app, run)) == [reason]


def test_a_job_whose_runner_is_killed_says_by_what(app: Clone) -> None:
    """And not that localhub had stopped to listen to its sandbox."""
    words = said(app, shell_job("kill -9 $(pidof act)"), "failure")
    assert f"##[error]act ended with {128 + signal.SIGKILL}\n" in words


def test_a_very_deep_folder_keeps_no_job_from_ending(app: Clone, server: LocalhubServer) -> None:
    # Not in the workspace, which act removes itself.
    script = (
        'cd "$LOCALHUB_ROOT/out"\n'
        "python -c \"import os\nfor _ in range(3000):\n  os.mkdir('d'); os.chdir('d')\""
    )
    try:
        said(app, shell_job(script))
        assert list((server.state / "jobs").iterdir()) == []
    finally:  # what is left would end pytest itself, when it clears up
        subprocess.run(["rm", "-rf", "--", str(server.state / "jobs")], check=True)
        (server.state / "jobs").mkdir()
    answers(app)


def test_outputs_that_no_file_can_hold_do_not_stop_the_server(app: Clone) -> None:
    script = """echo '{"half": "\\ud800", "\\udfff": "x"}' > "$LOCALHUB_ROOT/out/outputs.json" """
    said(app, shell_job(script))
    answers(app)


def test_a_poisoned_cache_reaches_nothing_beyond_its_job(app: Clone, server: LocalhubServer) -> None:
    """Names with `..` and absolute ones are unpacked within the sandbox of the job that asks for them."""
    poison = """
    mkdir -p kept && echo poisoned > kept/file
    cd "$LOCALHUB_ROOT/out/caches"
    version=$(printf kept | sha256sum | cut -d' ' -f1)
    up=../../../../../../../../../..
    tar -cPf bad.tar --transform "s|^/.*file|$up/lh/caches/poisoned|" "$GITHUB_WORKSPACE/kept/file"
    tar -rPf bad.tar --transform "s|^/.*file|$up/lh/in/wf.yml|" "$GITHUB_WORKSPACE/kept/file"
    tar -tPf bad.tar
    echo "{\\"key\\": \\"../../poisoned\\", \\"version\\": \\"$version\\"}" > bad.json
    """
    assert "../lh/caches/poisoned" in said(app, shell_job(poison))
    before = {path for path in server.state.rglob("*") if "poison" in path.name}
    step = "      - {uses: actions/cache@v4, with: {path: kept, key: ../../poisoned}}\n"
    assert "Read-only file system" in said(app, shell_job("echo restored", steps=step), "failure")
    assert {path for path in server.state.rglob("*") if "poison" in path.name} == before
    answers(app)
