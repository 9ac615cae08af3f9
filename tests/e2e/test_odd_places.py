"""Systems in folders, and commands in surroundings, that nobody thought of."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.systems.system import CARELANE, ENVIRONMENT, System

Make = Callable[..., System]


@pytest.mark.parametrize("name", ["calendar.py", "secrets.py", "compileall.py"])
def test_modules_in_the_systems_folder_are_not_the_servers(make_system: Make, name: str) -> None:
    system = make_system(up=False)
    (system.folder / name).write_text("raise SystemExit('what is in the folder was run')\n")
    system.up()
    system.shipped("v1")
    assert "what is in the folder was run" not in system.log()


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_command_works_with_its_standard_streams_closed(make_system: Make, closed: str) -> None:
    system = make_system(up=False)
    system.commit("v1")
    for arguments in (
        ("up", "--detach"),
        ("release", "create"),
        ("deploy", "production", "--release", "v1", "--wait"),
        ("status",),
    ):
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", str(CARELANE), *arguments]
        done = subprocess.run(command, cwd=system.folder, env=ENVIRONMENT, check=False, capture_output=True)
        assert (arguments[0], done.returncode, done.stderr) == (arguments[0], 0, b"")
    assert system.environment()["release"] == "v1"


def test_a_folder_that_is_gone_is_said_to_be_and_another_can_be_named(system: System, tmp_path: Path) -> None:
    system.shipped("v1")
    gone = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    for arguments, code, said in (
        (["status"], 4, "the folder that you are in is gone"),
        (["-C", str(system.folder), "status"], 0, ""),
    ):
        command = ["sh", "-c", gone, str(tmp_path / "gone"), str(CARELANE), *arguments]
        done = subprocess.run(command, env=ENVIRONMENT, check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert said in done.stderr


@pytest.mark.parametrize("command", [("up", "--detach"), ("up",), ("config", "check"), ("status",)])
@pytest.mark.parametrize("instead", [b"system: caf\xe9\n", None])
def test_a_configuration_that_cannot_be_read_is_one_clear_error(
    make_system: Make, command: tuple[str, ...], instead: bytes | None
) -> None:
    system = make_system(up=False)
    place = system.folder / "carelane.yaml"
    place.unlink()
    place.mkdir() if instead is None else place.write_bytes(instead)
    done = system.run(*command)
    assert done.code in {2, 4, 6}, done.err
    assert "error: " in done.err
    assert "Traceback" not in done.err + done.out


def test_too_few_addresses_for_its_threads_are_said_before_anything_is_started(make_system: Make) -> None:
    """A server that had begun refused everything, its own end as well."""
    system = make_system(up=False)
    command = ["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh", str(CARELANE), "up", "--detach"]
    done = subprocess.run(
        command, cwd=system.folder, env=ENVIRONMENT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "may have 976 MiB of addresses, and the server needs 4096" in done.stderr
    assert "ulimit -v unlimited" in done.stderr
