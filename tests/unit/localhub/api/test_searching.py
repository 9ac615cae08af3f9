from dataclasses import replace
from datetime import UTC, datetime

import pytest

from localhub.api.graphql import searching
from localhub.store.records import PullRequest

AT = datetime(2026, 1, 2, tzinfo=UTC)
OPEN = PullRequest(
    number=1,
    id=1,
    repository="acme/app",
    title="Ward rounds on Sundays",
    body="asked for by nurses",
    author="alice",
    head="rounds",
    base="main",
    head_sha="1" * 40,
    base_sha="0" * 40,
    created_at=AT,
    updated_at=AT,
)
MERGED = replace(OPEN, state="closed", merged_at=AT)


@pytest.mark.parametrize(
    ("query", "pull", "fits"),
    [
        ("repo:acme/app is:pr state:open", OPEN, True),
        ("is:open", MERGED, False),
        ("is:merged", MERGED, True),
        ("is:closed is:unmerged", MERGED, False),
        ("author:@me", OPEN, True),
        ("author:bob", OPEN, False),
        ("-author:bob", OPEN, True),
        ("head:rounds base:main draft:false", OPEN, True),
        ("draft:true", OPEN, False),
        ("base:release", OPEN, False),
        ("sundays NURSES", OPEN, True),
        ('"rounds on sundays"', OPEN, True),
        ('"sundays rounds"', OPEN, False),
        ("label:bug", OPEN, False),
        ("-label:bug", OPEN, True),
        ("review-requested:@me", OPEN, False),
        ("sort:created-desc", OPEN, True),
    ],
)
def test_a_search_finds_what_every_term_of_it_holds_for(query: str, pull: PullRequest, fits: bool) -> None:
    assert searching.fits(pull, query, "alice") is fits


def test_a_search_names_its_repository() -> None:
    assert searching.repository_of("is:pr repo:acme/app author:@me") == "acme/app"
    assert searching.repository_of("is:pr") is None
