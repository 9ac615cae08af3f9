"""Systems in folders, and commands in surroundings, that nobody thought of."""

from collections.abc import Callable

import pytest

from tests.systems.system import System

Make = Callable[..., System]


@pytest.mark.parametrize("name", ["calendar.py", "secrets.py", "compileall.py"])
def test_modules_in_the_systems_folder_are_not_the_servers(make_system: Make, name: str) -> None:
    system = make_system(up=False)
    (system.folder / name).write_text("raise SystemExit('what is in the folder was run')\n")
    system.up()
    system.shipped("v1")
    assert "what is in the folder was run" not in system.log()
