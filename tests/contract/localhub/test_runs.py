"""Runs: in memory, and as localhub keeps them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from localhub.runs.ports import Runs, StoreUnavailableError
from localhub.runs.records import Status
from localhub.store import database
from localhub.store.runs import RunFilter, StoredRuns
from tests.contract.localhub.runs import RunsContract, rerun, run
from tests.fakes.localhub import FakeRuns


class TestFakeRuns(RunsContract):
    @pytest.fixture
    def runs(self) -> Runs:
        return FakeRuns()


class TestStoredRuns(RunsContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[sa.Engine]:
        engine = database.opened(tmp_path / "localhub.db")
        yield engine
        engine.dispose()

    @pytest.fixture
    def runs(self, engine: sa.Engine) -> StoredRuns:
        return StoredRuns(engine)

    @pytest.fixture
    def reopened(self, tmp_path: Path, runs: StoredRuns) -> Iterator[StoredRuns]:
        """The same store as another server finds it, while the first still has it open."""
        del runs
        engine = database.opened(tmp_path / "localhub.db")
        yield StoredRuns(engine)
        engine.dispose()

    def test_another_server_finds_runs_as_they_were_saved(
        self, runs: StoredRuns, reopened: StoredRuns
    ) -> None:
        runs.save(rerun(1))
        runs.save(run(2, Status.COMPLETED))
        assert reopened.get(1) == rerun(1)
        assert reopened.active() == [rerun(1)]
        assert reopened.get(2) == run(2, Status.COMPLETED)

    def test_numbers_go_on_where_another_server_left_them(
        self, runs: StoredRuns, reopened: StoredRuns
    ) -> None:
        assert [runs.next_id("run"), runs.next_id("run", 3), runs.next_number(7)] == [1, 2, 1]
        assert [reopened.next_id("run"), reopened.next_number(7), runs.next_id("run")] == [5, 2, 6]

    def test_a_deleted_run_gives_its_number_to_nobody_after_a_restart(
        self, runs: StoredRuns, reopened: StoredRuns
    ) -> None:
        runs.save(run(runs.next_id("run")))
        runs.delete(1)
        assert reopened.next_id("run") == 2
        assert reopened.get(1) is None

    def test_a_job_is_found_in_the_attempt_that_has_it(self, runs: StoredRuns) -> None:
        first = run(1, Status.COMPLETED)
        runs.save(first)
        second = replace(run(1, attempt=2), jobs=run(5, attempt=2).jobs, earlier=(first,))
        runs.save(second)
        assert runs.of_job(first.jobs[0].id) == first
        assert runs.of_job(second.jobs[0].id) == replace(second, earlier=())
        runs.delete(1)
        runs.save(replace(run(1), jobs=()))
        assert runs.of_job(first.jobs[0].id) is None

    def test_the_list_follows_what_is_saved(self, runs: StoredRuns) -> None:
        runs.save(run(1))
        runs.save(run(2, Status.COMPLETED))
        assert runs.listed("acme/app", RunFilter(status="failure")) == (1, [run(2, Status.COMPLETED)])
        runs.save(run(1, Status.COMPLETED))
        total, page = runs.listed("acme/app", RunFilter(status="failure"), per_page=1)
        assert (total, [each.id for each in page]) == (2, [2])
        assert runs.listed("acme/other", RunFilter()) == (0, [])

    def test_a_store_that_is_locked_says_so_and_loses_nothing(
        self, tmp_path: Path, engine: sa.Engine, runs: StoredRuns
    ) -> None:
        runs.save(run(1))
        pragma(engine, "busy_timeout = 0")
        with closing(sqlite3.connect(tmp_path / "localhub.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            for change in (lambda: runs.save(run(2)), lambda: runs.delete(1), lambda: runs.next_id("run")):
                with pytest.raises(StoreUnavailableError, match=r"^database is locked$"):
                    change()
        assert runs.active() == [run(1)]
        runs.save(run(2))
        assert runs.active() == [run(1), run(2)]

    def test_a_full_disk_is_said_and_loses_nothing(self, engine: sa.Engine, runs: StoredRuns) -> None:
        runs.save(run(1))
        pragma(engine, "max_page_count = 1")
        with pytest.raises(StoreUnavailableError, match=r"^database or disk is full$"):
            runs.save(replace(run(2), title="long " * 100_000))
        assert runs.active() == [run(1)]
        assert runs.get(2) is None

    def test_a_store_that_cannot_be_opened_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "localhub.db").mkdir()
        with pytest.raises(StoreUnavailableError, match="unable to open"):
            database.opened(tmp_path / "localhub.db")


def pragma(engine: sa.Engine, words: str) -> None:
    """Sets something of the only connection there is."""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA {words}")
