"""Systems in folders, and commands in surroundings, that nobody thought of."""

import subprocess
from collections.abc import Callable

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
