"""JobFiles: in memory, and as localhub keeps them; what hostile jobs leave is in tests/e2e/localhub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localhub.store import database
from localhub.store.files import Files
from tests.contract.localhub.job_files import JobFilesContract
from tests.fakes.job_files import FakeJobFiles


class TestFakeJobFiles(JobFilesContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> FakeJobFiles:
        return FakeJobFiles()


class TestFiles(JobFilesContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> Iterator[Files]:
        engine = database.opened(tmp_path / "localhub.db")
        yield Files(engine, tmp_path / "files")
        engine.dispose()
