"""A home in memory: nothing of a job's workspace reaches the disk, and it has an end."""

from collections.abc import Iterator

import pytest

from tests.localhub_server import Clone, LocalhubServer, running
from tests.localhub_workflows import said, shell_job


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalhubServer]:
    with running(tmp_path_factory.mktemp("homes"), home_memory_mb=64) as started:
        yield started


def test_a_job_works_in_memory_and_what_it_makes_is_kept(app: Clone) -> None:
    app.commit({"greeting.txt": "hello\n"})
    steps = (
        "      - uses: actions/checkout@v4\n      - {uses: actions/cache@v4, with: {path: kept, key: k}}\n"
    )
    words = said(
        app, shell_job("mkdir -p kept; cp greeting.txt kept/\nstat -f -c %T . ~\ncat kept/*", steps=steps)
    )
    assert [line for line in words.splitlines() if line.endswith("Z tmpfs")][1:], words
    assert "Z hello" in words
    assert "Cache restored from key: k" in said(app, shell_job("cat kept/greeting.txt", steps=steps))


def test_a_home_that_is_full_fails_its_job_and_nobody_else(app: Clone) -> None:
    words = said(app, shell_job("head -c 100M /dev/zero > big"), "failure")
    assert "No space left on device" in words
    assert "Z still well" in said(app, shell_job("echo still well"))
