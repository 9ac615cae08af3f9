"""Filter patterns; the examples are those of the cheat sheet in docs.github.com, "Workflow syntax"."""

import time

import pytest

from localhub.workflows import patterns


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("feature/*", "feature/my-branch feature/your-branch"),
        ("feature/**", "feature/beta-a/my-branch feature/your-branch feature/mona/the/octocat"),
        ("main", "main"),
        ("releases/mona-the-octocat", "releases/mona-the-octocat"),
        ("*", "main releases"),
        ("**", "all/the/branches every/tag"),
        ("*feature", "mona-feature feature ver-10-feature"),
        ("v2*", "v2 v2.0 v2.9"),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1 v2.0.0"),
        ("*.js", "app.js index.js"),
        ("**.js", "index.js js/index.js src/js/app.js"),
        ("docs/*", "docs/README.md docs/file.txt"),
        ("docs/**", "docs/README.md docs/mona/octocat.txt"),
        ("docs/**/*.md", "docs/README.md docs/mona/hello-world.md docs/a/markdown/file.md"),
        ("**/docs/**", "docs/hello.md dir/docs/my-file.txt space/docs/plan/space.doc"),
        ("**/README.md", "README.md js/README.md"),
        ("**/*src/**", "a/src/app.js my-src/code/js/app.js"),
        ("**/*-post.md", "my-post.md path/their-post.md"),
        ("**/migrate-*.sql", "migrate-10909.sql db/migrate-v1.0.sql db/sept/migrate-v1.sql"),
        ("*.jsx?", "page.js page.jsx"),
        ("**/*", "README.md server.rb a/b/c"),
        ("a\\*b", "a*b"),
        ("[CB]at", "Cat Bat"),
        ("[1-2]00", "100 200"),
        ("Octocat", "Octocat"),
        ("?x", "?x"),
        ("a[b", "a[b"),
    ],
)
def test_a_pattern_matches_what_the_cheat_sheet_says(pattern: str, names: str) -> None:
    assert [name for name in names.split() if not patterns.matches(pattern, name)] == []


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("feature/*", "feature feature/a/b xfeature/a"),
        ("*", "all/the/branches"),
        ("v2*", "v1.9 xv2"),
        ("v[12].[0-9]+.[0-9]+", "v1. v1.x.1 v3.0.0 v1.0"),
        ("*.js", "src/app.js app.jsx"),
        ("docs/*", "docs/mona/octocat.txt"),
        ("docs/**", "docs"),
        ("*.jsx?", "page.jsxx"),
        ("main", "Main main2"),
        ("[CB]at", "cat at CBat"),
        ("a.c", "abc"),
        ("**/README.md", "xREADME.md"),
    ],
)
def test_a_pattern_does_not_match_more(pattern: str, names: str) -> None:
    assert [name for name in names.split() if patterns.matches(pattern, name)] == []


@pytest.mark.parametrize(
    ("in_order", "name", "chosen"),
    [
        ("*.md !README.md", "hello.md", True),
        ("*.md !README.md", "README.md", False),
        ("*.md !README.md README*", "README.md", True),
        ("*.md !README.md README*", "README.doc", True),
        ("!README.md", "hello.md", False),
        ("releases/** !releases/**-alpha", "releases/10", True),
        ("releases/** !releases/**-alpha", "releases/beta/3-alpha", False),
    ],
)
def test_a_later_pattern_wins(in_order: str, name: str, *, chosen: bool) -> None:
    assert patterns.selected(in_order.split(), name) is chosen


def test_no_pattern_takes_for_ever() -> None:
    started = time.perf_counter()
    assert not patterns.matches("*+" * 30 + "**" * 30 + "x", "a" * 1000)
    assert time.perf_counter() - started < 5
