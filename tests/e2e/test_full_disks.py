"""An emergency rollback on a disk that is full, on a file system of its own."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.disks import mounted
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
SIZE = "900m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of the first system that is made, on a disk of its own."""
    with mounted(tmp_path / "system-0", SIZE) as folder:
        yield folder


def fill(folder: Path) -> None:
    """Write until nothing more can be written."""
    with (folder / "filling").open("wb", buffering=0) as file:
        block = b"x" * (1 << 20)
        while len(block):
            try:
                file.write(block)
            except OSError:
                block = block[: len(block) // 2]


def test_an_emergency_on_a_full_disk_switches_and_is_recorded(small_disk: Path, make_system: Make) -> None:
    system = make_system()
    until(lambda: len(list((small_disk / ".carelane" / "ballast").glob("part-*"))) == 4, 20, "room is kept")
    system.shipped("v1", "v2")
    fill(small_disk)
    refused = system.run("rollback", "production", "--reason", "no room for this one")
    assert refused.code == 6, refused.err
    assert "cannot be written" in refused.err
    ran = system.run("emergency-rollback", "production", "--reason", "the disk is full")
    assert ran.code == 0, ran.err
    assert "switched to v1" in ran.out
    assert system.environment()["release"] == "v1"
    assert system.history()[0]["kind"] == "emergency"
    (small_disk / "filling").unlink()


def test_a_server_that_finds_the_disk_full_says_so_in_one_sentence(
    small_disk: Path, make_system: Make
) -> None:
    system = make_system(up=False)
    fill(small_disk)
    refused = system.run("up", "--detach")
    assert refused.code == 6, refused.err
    assert refused.err.startswith("error: cannot write ")
    assert "make room on the disk" in refused.err
    assert len(refused.err.strip().splitlines()) == 2, refused.err
    (small_disk / "filling").unlink()
    system.up()
    system.shipped("v1")
    system.must("down")
    fill(small_disk)
    refused = system.run("up", "--detach")
    assert "Traceback" not in refused.err
    (small_disk / "filling").unlink()
    if refused.code == 0:
        return  # what there is of the disk was enough
    assert refused.code == 6, refused.err
    system.up()


def test_what_makes_room_is_done_on_a_full_disk(small_disk: Path, make_system: Make) -> None:
    system = make_system(extra_settings={"retention": {"releases": 1, "days": 1}})
    until(lambda: len(list((small_disk / ".carelane" / "ballast").glob("part-*"))) == 4, 20, "room is kept")
    system.shipped("v1")
    unfinished = small_disk / ".carelane" / "artifacts" / "trees" / ".part-old"
    unfinished.mkdir()
    (unfinished / "file").write_bytes(b"x" * (1 << 20))
    long_ago = time.time() - 7200
    os.utime(unfinished, (long_ago, long_ago))
    fill(small_disk)
    assert system.run("scale", "production", "web", "--replicas", "1").code == 6
    assert "removed 1 x unfinished try" in system.must("prune")
    assert not unfinished.exists()
    (small_disk / "filling").unlink()
