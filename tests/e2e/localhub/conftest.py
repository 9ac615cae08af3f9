"""One localhub a file of tests, with a repository a test."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.localhub_server import Clone, LocalhubServer, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalhubServer]:
    """A localhub that serves while the tests of one file run."""
    with running(tmp_path_factory.mktemp("localhub")) as started:
        yield started


NUMBERS = count(1)


@pytest.fixture
def app(server: LocalhubServer) -> Clone:
    """A clone of a new, empty repository."""
    return server.repository(f"acme/app-{next(NUMBERS)}")
