"""Every push is taken once, whatever fails meanwhile."""

from collections import Counter
from pathlib import Path

import pytest

from localhub.base.errors import PlatformError
from localhub.runs.ports import StoreUnavailableError
from localhub.store.runs import RunFilter
from tests.localhub_hub import NAME, StillHub


@pytest.fixture
def bench(tmp_path: Path) -> StillHub:
    """A hub in a folder of the test's own."""
    return StillHub(tmp_path)


def started(bench: StillHub) -> Counter[str]:
    """How many runs each ref has."""
    return Counter(run.ref for run in bench.hub.runs.listed(NAME, RunFilter(event="push"))[1])


@pytest.mark.parametrize(
    "problem", [PlatformError("git log: 128"), StoreUnavailableError("database is locked")]
)
def test_what_fails_for_now_is_looked_at_again_and_nothing_twice(
    bench: StillHub, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    bench.commit("one")
    bench.git("push", "--quiet", "origin", "HEAD:main", "HEAD:two", "HEAD:three")
    only_at, calls = bench.hub.bare.only_at, []

    def failing_the_second_time(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise problem
        return only_at(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.hub.bare, "only_at", failing_the_second_time)
    with pytest.raises(type(problem)):
        bench.watcher.take_pushes(NAME)
    assert started(bench).total() == 1
    assert bench.watcher.take_pushes(NAME) == 1
    assert started(bench) == {"refs/heads/main": 1, "refs/heads/two": 1, "refs/heads/three": 1}
    assert bench.watcher.take_pushes(NAME) == 0


def test_a_branch_may_have_what_python_takes_for_a_lines_end(bench: StillHub) -> None:
    bench.commit("one")
    bench.push("HEAD:refs/heads/a\u2028b")
    assert started(bench) == {"refs/heads/a\u2028b": 1}
    assert set(bench.hub.bare.refs(NAME)) == {"refs/heads/a\u2028b"}


def test_only_branches_and_tags_start_workflows(bench: StillHub) -> None:
    bench.commit("one")
    bench.git(
        "push", "--quiet", "origin", "HEAD:refs/notes/x", "HEAD:refs/odd/x", "HEAD:main", "HEAD:refs/tags/v1"
    )
    assert bench.watcher.take_pushes(NAME) == 1
    assert started(bench) == {"refs/heads/main": 1, "refs/tags/v1": 1}
    assert bench.hub.bare.at(NAME, "refs/notes/x"), "notes are kept"


@pytest.mark.parametrize("ref", ["refs/pull/1/head", "refs/pull/9/merge", "refs/localhub/x"])
@pytest.mark.parametrize("what", ["HEAD", ""], ids=["moved", "deleted"])
def test_refs_of_our_own_are_nobodys_to_push(bench: StillHub, ref: str, what: str) -> None:
    bench.pull()
    bench.hub.bare.set_ref(NAME, "refs/localhub/x", bench.git("rev-parse", "HEAD~1"))
    before = bench.hub.bare.at(NAME, ref)
    assert "a hidden ref" in bench.refused("push", "origin", f"{what}:{ref}")
    assert bench.hub.bare.at(NAME, ref) == before
    assert bench.git("ls-remote", "origin", "refs/pull/1/head"), "they are there to be fetched"
