"""The state folder on a real disk."""

import os
import shutil
from pathlib import Path

import pytest

from carelane.base.errors import InputError
from carelane.bootstrap.places import Places


def test_the_state_folder_is_its_users_alone_from_the_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # so that only how it is made counts
    Places(tmp_path).prepare()
    assert (tmp_path / ".carelane").stat().st_mode & 0o077 == 0


def test_a_state_folder_that_others_may_read_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / ".carelane").mkdir()
    (tmp_path / ".carelane").chmod(0o777)
    Places(tmp_path).prepare()
    allowed = 0o711 if os.geteuid() == 0 else 0o700
    assert (tmp_path / ".carelane").stat().st_mode & 0o777 == allowed


@pytest.mark.parametrize(
    "odd", ["run", "environments", "artifacts", "carelane.db", "server.lock", "server.log"]
)
def test_what_is_something_else_than_it_should_be_is_named(tmp_path: Path, odd: str) -> None:
    places = Places(tmp_path)
    places.prepare()
    place = places.state / odd
    if "." in odd:
        place.mkdir()
    else:
        shutil.rmtree(place, ignore_errors=True)
        place.write_text("")
    with pytest.raises(InputError, match=odd):
        places.prepare()


def test_a_path_that_the_database_cannot_be_opened_at_is_named(tmp_path: Path) -> None:
    system = tmp_path.joinpath(*["a" * 100] * 5)
    system.mkdir(parents=True)
    with pytest.raises(InputError, match="is a path of more than 500 bytes"):
        Places(system).prepare()
    assert not (system / ".carelane").exists()
