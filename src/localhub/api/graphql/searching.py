"""Searching for pull requests: the qualifiers that gh writes, and words of the title or body."""

import re

from localhub.hub import pulls
from localhub.store.records import PullRequest

TERM = re.compile(r'(-?)(?:([a-z-]+):)?("[^"]*"|\S+)')
NEVER = {
    "label",
    "assignee",
    "review-requested",
    "reviewed-by",
    "milestone",
    "mentions",
    "commenter",
    "involves",
}
"""What no pull request here has."""


def repository_of(query: str) -> str | None:
    """The repository that a query is about."""
    return next((value for _, key, value in TERM.findall(query) if key == "repo"), None)


def fits(pull: PullRequest, query: str, viewer: str) -> bool:
    """Whether a pull request is one that the query asks for."""
    for negated, key, value in TERM.findall(query):
        wanted = value.strip('"')
        if _holds(pull, key, viewer if wanted == "@me" else wanted) == bool(negated):
            return False
    return True


def _holds(pull: PullRequest, key: str, value: str) -> bool:
    if key in {"repo", "sort", "order"}:
        return True
    if key in NEVER:
        return False
    if key in {"is", "state", "type"}:
        return _is(pull, value.lower())
    exact = {"author": pull.author, "head": pull.head, "base": pull.base, "draft": str(pull.draft).lower()}
    if key in exact:
        return exact[key].lower() == value.lower()
    return value.lower() in f"{pull.title} {pull.body}".lower()


def _is(pull: PullRequest, value: str) -> bool:
    facts = {
        "pr": True,
        "open": pull.state == "open",
        "closed": pull.state == "closed",
        "unmerged": pull.merged_at is None,
        "draft": pull.draft,
    }
    return facts.get(value, pulls.shown_state(pull).lower() == value)
