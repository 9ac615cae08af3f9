"""The example in three environments, v1.0 in all of them, for the lines of the guide."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.systems.healthcare import Healthcare


@pytest.fixture(scope="session")
def healthcare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthcare]:
    """v1.0 in development, staging and production; taken down at the end."""
    system = Healthcare(tmp_path_factory.mktemp("guide") / "healthcare")
    system.carelane("up", "--detach")
    try:
        for release in ("v1.0", "v2.0", "v3.0", "v5.0"):
            system.carelane("release", "create", "--commit", release)
        with ThreadPoolExecutor(3) as pool:
            ways = [("deploy", name, "--release", "v1.0", "--wait") for name in system.ports]
            list(pool.map(lambda way: system.carelane(*way), ways))
        yield system
    finally:
        system.down()
