"""What localhub keeps of the past: its own store, files and git."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from localhub.base.clock import ManualClock
from localhub.base.errors import ConflictError
from localhub.bootstrap.localhub import built
from localhub.hub import retention
from localhub.hub.parts import Localhub
from localhub.hub.retention import Swept
from localhub.hub.settings import Settings
from localhub.repositories import git
from localhub.runs.records import Run, Status
from localhub.store import tables
from tests.contract.localhub.runs import AT, run

NAME = "acme/app"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture
def hub(tmp_path: Path, clock: ManualClock) -> Localhub:
    """A localhub that has not been started, with one repository."""
    made = built(Settings(tmp_path, sandbox="none", keep_runs=3, keep_days=90), clock)
    made.create_repository(NAME)
    return made


def kept(hub: Localhub, number: int, at: datetime, status: Status = Status.COMPLETED) -> Run:
    """A run with a log and an artifact a job."""
    made = replace(run(number, status), created_at=at)
    jobs = tuple(replace(job, id=100 * number + place) for place, job in enumerate(made.jobs))
    made = replace(made, jobs=jobs)
    hub.runs.save(made)
    for job in jobs:
        folder = hub.jobs.log_folder(job.id)
        folder.mkdir(parents=True)
        (folder / "1.log").write_text("said")
        artifact(hub, job.id, made.id)
    return made


def artifact(hub: Localhub, number: int, run_id: int) -> None:
    row = {"repository": NAME, "run_id": run_id, "job_id": number, "name": "site", "size_bytes": 4}
    with hub.files._engine.begin() as connection:
        more = {"id": number, "created_at": AT.isoformat(), "sha": "a" * 40}
        connection.execute(sa.insert(tables.artifacts).values(**row, **more))
    folder = hub.settings.state / "files" / "artifacts" / str(number)
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("page")


def left(hub: Localhub) -> tuple[list[int], set[int], set[int]]:
    """Which runs there are, of which jobs logs, and which artifacts' files."""
    runs = [each.id for each in hub.runs.beyond(NAME, 0, AT + timedelta(days=999))]
    logs = {int(path.name) // 100 for path in (hub.settings.state / "logs").iterdir()}
    files = {int(path.name) // 100 for path in (hub.settings.state / "files" / "artifacts").iterdir()}
    assert {a.run_id for a in hub.files.artifacts(NAME)} == files
    return runs, logs, files


def test_runs_beyond_the_number_or_the_age_go_with_logs_and_artifacts(hub: Localhub) -> None:
    for number in range(1, 6):
        kept(hub, number, AT + timedelta(days=number))
    assert retention.swept(hub, AT + timedelta(days=10)) == Swept(runs=2)
    assert left(hub) == ([3, 4, 5], {3, 4, 5}, {3, 4, 5})
    assert retention.swept(hub, AT + timedelta(days=94, hours=1)) == Swept(runs=2)
    assert left(hub) == ([5], {5}, {5})


def test_what_has_not_ended_stays_whatever_its_age(hub: Localhub) -> None:
    waiting = kept(hub, 1, AT, Status.WAITING)
    assert retention.swept(hub, AT + timedelta(days=999)) == Swept()
    assert hub.runs.get(1) == waiting
    with pytest.raises(ConflictError):
        retention.forget(hub, waiting)
    assert hub.jobs.log_folder(waiting.jobs[0].id).exists()


def test_what_a_server_left_that_ended_while_it_removed_goes_too(hub: Localhub) -> None:
    made = kept(hub, 1, AT)
    hub.runs.delete(made.id)
    assert retention.swept(hub, AT) == Swept(left_behind=2 * len(made.jobs))
    assert left(hub) == ([], set(), set())


def test_caches_that_nobody_used_for_a_week_go(hub: Localhub) -> None:
    with hub.files._engine.begin() as connection:
        for number, days in ((1, 8), (2, 6)):
            used = (AT - timedelta(days=days)).isoformat()
            row = {"repository": NAME, "ref": "refs/heads/main", "key": f"k{number}", "version": "1"}
            more = {"id": number, "size_bytes": 1, "created_at": used, "used_at": used}
            connection.execute(sa.insert(tables.caches).values(**row, **more))
            file = hub.settings.state / "files" / "caches" / f"{number}.tar"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    assert retention.swept(hub, AT) == Swept(caches=1)
    assert [entry.key for entry in hub.files.caches(NAME)] == ["k2"]
    assert [p.name for p in (hub.settings.state / "files" / "caches").iterdir()] == ["2.tar"]


def test_it_sweeps_each_hour_and_repacks_once_a_day_but_not_right_after_the_start(
    hub: Localhub, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(retention, "swept", lambda *_: done.append("swept"))
    monkeypatch.setattr(hub.bare, "repack", lambda name, days: done.append(f"{name} {days}"))
    stopping = threading.Event()
    stopping.set()
    sweeper = retention.Sweeper(hub)
    for minutes in (1, 10, 10, 11, 71, 72, 10 + 24 * 60, 11 + 24 * 60):
        clock.at = AT + timedelta(minutes=minutes)
        sweeper.go_on(stopping)
    assert done == ["swept", f"{NAME} 90", "swept", "swept", f"{NAME} 90"]


def test_a_repository_that_is_repacked_has_all_that_runs_may_ask_for(hub: Localhub, tmp_path: Path) -> None:
    work = tmp_path / "work"
    folder = hub.bare.folder(NAME)
    git.run(None, "init", "--quiet", str(work))
    shas = []
    for number in range(20):
        (work / "file").write_text(f"{number}\n" * 1000)
        git.run(work / ".git", "--work-tree", str(work), "add", "--all")
        git.run(work / ".git", "--work-tree", str(work), "commit", "--quiet", "--message", str(number))
        git.run(work / ".git", "push", "--quiet", str(folder), "HEAD:refs/heads/topic")
        shas.append(git.run(work / ".git", "rev-parse", "HEAD").strip())
    git.run(folder, "update-ref", "-d", "refs/heads/topic")
    loose = len(list((folder / "objects").glob("??/*")))
    hub.bare.repack(NAME, 90)
    assert loose > 50
    assert len(list((folder / "objects").glob("??/*"))) < 5
    for sha in shas:
        assert git.run(folder, "cat-file", "-t", sha) == "commit\n", "nothing leads to it, and it is young"
    hub.bare.repack(NAME, 0)
    assert git.run(folder, "cat-file", "-t", shas[-1], check=False) == ""
