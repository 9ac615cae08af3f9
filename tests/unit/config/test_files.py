"""What carelane.yaml names beside it, and what YAML makes of a word."""

from pathlib import Path

import pytest

from carelane.base.errors import InputError
from carelane.config import reading
from tests.unit.config.test_reading import GOOD, lines, with_change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Everything that GOOD names."""
    for name in ("backend", "frontend", "reminders"):
        (tmp_path / "src" / name).mkdir(parents=True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("s")
    return tmp_path


def wrong(text: str, folder: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        reading.read(text, beside=folder)
    return caught.value.message.split("\n")


def test_where_everything_is_there_nothing_is_wrong(folder: Path) -> None:
    assert reading.read(GOOD, beside=folder).system == "clinic"


def test_sources_secrets_and_requirements_that_are_missing_are_told_together_with_their_places(
    folder: Path,
) -> None:
    (folder / "secrets" / "key").unlink()
    (folder / "src" / "reminders").rmdir()
    built = with_change("run: [python, -m, backend]", "run: [p]\n    build: {requirements: lock.txt}")
    requirements, secret, source = wrong(built, folder)
    assert requirements == "carelane.yaml:7:13: services.backend.build.requirements: lock.txt is not there"
    assert secret.startswith(
        "carelane.yaml:11:21: services.backend.secrets.KEY.file: secrets/key is not there:"
    )
    assert source == "carelane.yaml:20:14: services.reminders.source.0: src/reminders is not there"
    (folder / "lock.txt").write_text("")
    assert not any("lock.txt" in line for line in wrong(built, folder)), "it need not be packed"


def test_without_a_folder_no_file_is_looked_for() -> None:
    assert reading.read(GOOD).system == "clinic"


@pytest.mark.parametrize("word", ["off", "yes", "1.10", "0x10", "null", "2026-01-31"])
def test_a_word_that_yaml_takes_for_something_else_is_to_be_quoted(word: str) -> None:
    (line,) = lines(with_change('{DATABASE_URL: "${backing.database.url}"}', f"{{FEATURE: {word}}}"))
    assert line.endswith(
        f"services.backend.environment.FEATURE: must be text, which YAML does not take {word} for:"
        f' quote it, "{word}"'
    )


def test_a_worker_never_runs_twice() -> None:
    (line,) = lines(with_change("replicas: {backend: 2}", "replicas: {backend: 2, reminders: 2}"))
    assert line.endswith(
        "environments.production.replicas.reminders: reminders is a worker: it never runs twice"
    )
