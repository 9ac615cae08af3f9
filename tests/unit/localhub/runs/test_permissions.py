"""What a job's token may do: what GitHub's documentation says of `permissions`."""

import pytest

from localhub.runs import permissions
from localhub.runs.records import Conclusion
from tests.fakes.localhub import Bench

PLAIN = """\
on: push
{of_the_file}
jobs:
  job:
    runs-on: ubuntu-latest
    {of_the_job}
    steps: [{{run: echo}}]
"""
CALLER = """\
on: push
permissions: {contents: write, actions: read, checks: none}
jobs:
  ship:
    uses: ./.github/workflows/ship.yml
    %s
"""
CALLED = """\
on: workflow_call
%s
jobs:
  job: {runs-on: ubuntu-latest, steps: [{run: echo}]}
"""
RESTRICTED = {"contents": "read", "packages": "read"}


def calling(of_the_call: str, of_the_called: str) -> dict[str, str]:
    """A workflow and the one that it calls."""
    return {
        ".github/workflows/ci.yml": CALLER % of_the_call,
        ".github/workflows/ship.yml": CALLED % of_the_called,
    }


def given(files: dict[str, str] | str) -> dict[str, str]:
    """What the only job's token may."""
    bench = Bench(files)
    bench.push()
    (found,) = bench.permitted.values()
    return {scope: level for scope, level in found.items() if level != "none"}


@pytest.mark.parametrize(
    ("of_the_file", "of_the_job", "expected"),
    [
        ("", "", RESTRICTED),
        ("permissions: {contents: write}", "", {"contents": "write"}),
        ("permissions: {contents: write}", "permissions: {actions: read}", {"actions": "read"}),
        ("permissions: write-all", "permissions: {}", {}),
        ("", "permissions: {checks: none, statuses: write}", {"statuses": "write"}),
    ],
)
def test_a_jobs_own_replace_its_files(of_the_file: str, of_the_job: str, expected: dict[str, str]) -> None:
    assert given(PLAIN.format(of_the_file=of_the_file, of_the_job=of_the_job)) == expected


@pytest.mark.parametrize("level", ["read", "write"])
def test_all_is_every_scope(level: str) -> None:
    found = given(PLAIN.format(of_the_file=f"permissions: {level}-all", of_the_job=""))
    assert set(found.values()) == {level}
    assert {"actions", "contents", "pull-requests", "id-token"} <= found.keys()


@pytest.mark.parametrize(
    ("of_the_call", "of_the_called", "expected"),
    [
        ("", "", {"contents": "write", "actions": "read"}),
        ("permissions: {contents: read}", "", {"contents": "read"}),
        ("", "permissions: {contents: read}", {"contents": "read"}),
        ("", "permissions: {}", {}),
    ],
)
def test_a_called_workflow_has_what_its_caller_has_or_less(
    of_the_call: str, of_the_called: str, expected: dict[str, str]
) -> None:
    assert given(calling(of_the_call, of_the_called)) == expected


@pytest.mark.parametrize(
    ("of_the_call", "of_the_called", "words"),
    [
        ("permissions: {contents: read}", "permissions: {contents: write}", "contents: read"),
        ("", "permissions: {actions: read, checks: write}", "checks: none"),
        ("", "permissions: write-all", "actions: read"),
    ],
)
def test_a_called_workflow_that_asks_for_more_is_refused(
    of_the_call: str, of_the_called: str, words: str
) -> None:
    bench = Bench(calling(of_the_call, of_the_called))
    bench.push()
    (job,) = bench.run().jobs
    assert (job.conclusion, bench.permitted) == (Conclusion.FAILURE, {})
    assert f"but is only allowed '{words}'" in job.annotations[0].message


def test_writing_is_more_than_reading_and_what_is_not_named_is_nothing() -> None:
    held = {"contents": "write", "actions": "read"}
    assert permissions.allows(held, "contents", "read")
    assert permissions.allows(held, "actions", "read")
    assert not permissions.allows(held, "actions", "write")
    assert not permissions.allows(held, "checks", "read")
