"""The Shelf port: in memory, and what this machine and its database keep."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from carelane.analysis.measurements import Counts, Window
from carelane.analysis.objectives import AnalysisPolicy
from carelane.base import json_files
from carelane.base.errors import NotFoundError
from carelane.bootstrap.offline import judged_again
from carelane.delivery.analyses import AnalysisRun
from carelane.delivery.decisions.draft import Decision
from carelane.delivery.deployments import Phase
from carelane.delivery.releases import Artifact
from carelane.delivery.retention import Kept, Shelf, Spare
from carelane.platforms.processes.archives import Archives, remove
from carelane.platforms.processes.shelves import ArtifactShelf, DamagedShelf, EndedShelf, size_of
from carelane.store.analyses import SqlAnalysisRepository, WindowShelf
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.trail import SqlTrail
from tests.contract.processes import tar_of
from tests.contract.rollout_repository import deployment, state
from tests.contract.shelves import NOW, ShelfContract, kept
from tests.fakes.shelves import FakeShelf

LONG_AGO = NOW - timedelta(days=100)


def age(path: Path, at: float = LONG_AGO.timestamp()) -> None:
    os.utime(path, (at, at), follow_symlinks=False)


class TestFakeShelf(ShelfContract):
    @pytest.fixture
    def shelf(self) -> Shelf:
        return FakeShelf({"old1": LONG_AGO, "young2": NOW})

    @pytest.fixture
    def needed(self, shelf: Shelf) -> Kept:
        return kept()


class TestArtifactShelf(ShelfContract):
    @pytest.fixture
    def archives(self, tmp_path: Path) -> Iterator[Archives]:
        yield Archives(tmp_path / "artifacts")
        remove(tmp_path)

    @pytest.fixture
    def artifacts(self, archives: Archives) -> tuple[Artifact, Artifact]:
        """The first is needed; both were asked for long ago."""
        made = [Artifact(archives.pack(tar_of({"main.py": f"print({n})"}))) for n in (1, 2)]
        self.grow_old(archives)
        return made[0], made[1]

    @staticmethod
    def grow_old(archives: Archives) -> None:
        root = archives.dependencies("x").parent.parent
        for folder in root.iterdir():
            for path in folder.iterdir():
                age(path)

    @pytest.fixture
    def shelf(self, artifacts: tuple[Artifact, Artifact], tmp_path: Path) -> ArtifactShelf:
        return ArtifactShelf(tmp_path / "artifacts", tmp_path / "environments")

    @pytest.fixture
    def needed(self, shelf: Shelf, artifacts: tuple[Artifact, Artifact]) -> Kept:
        return kept(artifacts[0])

    def test_files_built_environments_and_archives_go_with_all_that_stands_beside_them(
        self, archives: Archives, shelf: ArtifactShelf, artifacts: tuple[Artifact, Artifact], tmp_path: Path
    ) -> None:
        first, second = artifacts
        digest = archives.build(b"# nothing\n")
        archives.verify(Artifact(second.archive, digest))
        assert shelf.spare(kept(first)) == [], "it was asked for a moment ago"
        self.grow_old(archives)
        kinds = {spare.what for spare in shelf.spare(kept(first))}
        assert kinds == {"archive", "unpacked archive", "built environment"}
        assert shelf.spare(kept(first, Artifact(second.archive, digest))) == []
        for spare in shelf.spare(kept(first)):
            shelf.remove(spare)
        left = sorted(p.name for p in (tmp_path / "artifacts").rglob("*") if p.is_file())
        assert left == [f"{first.archive}.tar"]
        assert archives.pack(tar_of({"main.py": "print(2)"})) == second.archive
        archives.verify(second)

    def test_what_is_asked_for_between_looking_and_removing_stays(
        self, archives: Archives, shelf: ArtifactShelf, needed: Kept, artifacts: tuple[Artifact, Artifact]
    ) -> None:
        (spare,) = shelf.spare(needed)
        archives.verify(artifacts[1])
        shelf.remove(spare)
        archives.verify(artifacts[1])

    def test_what_something_was_started_with_stays(
        self, shelf: ArtifactShelf, needed: Kept, artifacts: tuple[Artifact, Artifact], tmp_path: Path
    ) -> None:
        (spare,) = shelf.spare(needed)
        spec = tmp_path / "environments" / "production" / "instances" / "web-1" / "spec.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(f'{{"folder": "/x/trees/{artifacts[1].archive}/src"}}')
        assert shelf.spare(needed) == []
        shelf.remove(spare)
        spec.unlink()
        assert shelf.spare(needed) == [spare]

    def test_unfinished_tries_and_damaged_folders_go_unless_something_stands_in_them(
        self, shelf: ArtifactShelf, needed: Kept, tmp_path: Path
    ) -> None:
        trees = tmp_path / "artifacts" / "trees"
        for name in (".part-x", ".damaged-y", ".damaged-z"):
            (trees / name / "src").mkdir(parents=True)
            (trees / name / "src").chmod(0o555)
            age(trees / name)
        waiting = [sys.executable, "-c", "input()"]
        with subprocess.Popen(waiting, cwd=trees / ".damaged-z" / "src", stdin=subprocess.PIPE) as there:
            found = {s.name: s.what for s in shelf.spare(needed) if "." in s.name.partition("/")[2][:1]}
            assert found == {"trees/.part-x": "unfinished try", "trees/.damaged-y": "damaged folder"}
            for name in found:
                shelf.remove(Spare(shelf.name, "", name, 0))
            shelf.remove(Spare(shelf.name, "", "trees/.damaged-z", 0))
            assert [p.name for p in trees.iterdir()] == [".damaged-z"]
            there.communicate(b"\n")
        shelf.remove(Spare(shelf.name, "", "trees/.damaged-z", 0))
        assert list(trees.iterdir()) == []


class TestEndedShelf(ShelfContract):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> EndedShelf:
        ended = tmp_path / "production" / "ended"
        for name, at in (("web-1", LONG_AGO.timestamp()), ("web-2", time.time() - 7200)):
            (ended / name).mkdir(parents=True)
            (ended / name / "run-1.log").write_text("said\n")
            age(ended / name, at)
        return EndedShelf(lambda: [ended, tmp_path / "staging" / "ended"])

    @pytest.fixture
    def needed(self, shelf: Shelf) -> Kept:
        return kept()


class TestDamagedShelf(ShelfContract):
    @pytest.fixture(params=["files", "folders"])
    def shelf(self, tmp_path: Path, request: pytest.FixtureRequest) -> DamagedShelf:
        for name in ("status", "spec"):
            file = tmp_path / "web-1" / f"{name}.json"
            file.parent.mkdir(exist_ok=True)
            if request.param == "files":
                file.write_text("{")
            else:
                file.mkdir()
                (file / "something").write_text("in it")
            json_files.set_aside(file, "it is damaged")
        for aside in json_files.damaged(tmp_path):
            age(aside, LONG_AGO.timestamp() if aside.name.startswith("status") else time.time() - 7200)
        return DamagedShelf(tmp_path)

    @pytest.fixture
    def needed(self, shelf: Shelf) -> Kept:
        return kept()


class TestWindowShelf(ShelfContract):
    @pytest.fixture
    def analyses(self, tmp_path: Path) -> SqlAnalysisRepository:
        """Of two deployments that have ended, one long ago, and of one that has not."""
        engine = open_sqlite(tmp_path / "carelane.db")
        repository, analyses = SqlRolloutRepository(engine, SqlTrail(engine)), SqlAnalysisRepository(engine)
        ended = {1: LONG_AGO, 2: NOW - timedelta(days=1), 3: None}
        for number, at in ended.items():
            made = replace(deployment(number, Phase.SUCCEEDED), finished_at=at)
            assert repository.commit(Decision(state(number), (made,)))
            window = Window(0, 1, Counts(10, 0), Counts(1, 0))
            run = AnalysisRun(number, "backend", "v1", "v2", NOW, AnalysisPolicy(), (window,))
            analyses.begin_analysis(run)
            evidence = run.judge().after(window).evidence()
            analyses.add_window(run.key, window, {}, evidence)
        return analyses

    @pytest.fixture
    def shelf(self, analyses: SqlAnalysisRepository) -> WindowShelf:
        return WindowShelf(analyses._engine)

    @pytest.fixture
    def needed(self, shelf: Shelf) -> Kept:
        return kept()

    def test_what_it_came_to_stays_and_so_does_what_is_under_way(
        self, shelf: WindowShelf, analyses: SqlAnalysisRepository
    ) -> None:
        for spare in shelf.spare(kept(analyses_days=-1)):
            shelf.remove(spare)
        seen = {n: analyses.analysis(n, "backend") for n in (1, 2, 3)}
        assert [len(run.windows) for run in seen.values() if run is not None] == [0, 0, 1]
        assert [len(run.history) for run in seen.values() if run is not None] == [0, 0, 1]
        assert all(run is not None and run.evidence is not None for run in seen.values())
        with pytest.raises(NotFoundError, match="in deployment 1 is kept no longer"):
            judged_again(TypeAdapter(AnalysisRun | None).dump_python(seen[1], mode="json"))


def test_a_size_is_what_is_taken_on_the_disk_and_what_is_gone_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("folder")
    assert 100_000 <= size_of(tmp_path / "folder") < 120_000
    assert size_of(tmp_path / "nothing") == 0
