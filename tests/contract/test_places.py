"""The state folder on a real disk."""

import os
from pathlib import Path

import pytest

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
