"""Systems as fixtures: each its own folder, server, proxies and instances."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.systems.system import System

Make = Callable[..., System]


@pytest.fixture
def make_system(tmp_path: Path) -> Iterator[Make]:
    """Makes systems that are taken down when the test ends."""
    made: list[System] = []

    def make(*, up: bool = True, **settings: Any) -> System:  # noqa: ANN401 - the system's own settings
        system = System(tmp_path / f"system-{len(made)}", **settings)
        made.append(system)
        system.describe()
        if up:
            system.up()
        return system

    yield make
    for system in made:
        system.down()


@pytest.fixture
def system(make_system: Make) -> System:
    """A system of two replicas, up, with nothing deployed."""
    return make_system()
