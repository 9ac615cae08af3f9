"""What protects an environment: who must approve, which branches may deploy."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from localhub.base.errors import RefusedError
from localhub.runs.contexts import ref_name
from localhub.runs.records import Run, Status

_KINDS = {"heads": "Branch", "tags": "Tag", "pull": "Pull request"}


@dataclass(frozen=True)
class Rules:
    """An environment's rules; none by default.

    *branches* are patterns of branches' names, or of whole refs (`refs/tags/v*`).
    """

    reviewers: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    prevent_self_review: bool = False


def verdict(rules: Rules, run: Run, environment: str) -> Status | str:
    """QUEUED: may run; WAITING: for approval; words: may not, and why."""
    if rules.branches and not any(_fits(run.ref, pattern) for pattern in rules.branches):
        allowed = ", ".join(rules.branches)
        kind = _KINDS.get(run.ref.split("/")[1], "Ref")
        return (
            f'{kind} "{ref_name(run.ref)}" is not allowed to deploy to {environment}'
            f" due to environment protection rules ({allowed})."
        )
    if not rules.reviewers:
        return Status.QUEUED
    states = [review.state for review in run.reviews if review.environment == environment]
    if "rejected" in states:
        return f"{environment} was rejected by {_who(run, environment)}"
    return Status.QUEUED if "approved" in states else Status.WAITING


def _fits(ref: str, pattern: str) -> bool:
    """Whether a rule is of *ref*: it names branches, unless it says by `refs/tags/…` what it names."""
    whole = pattern if pattern.startswith("refs/") else f"refs/heads/{pattern}"
    return fnmatchcase(ref, whole)


def _who(run: Run, environment: str) -> str:
    return ", ".join(_unique(review.user for review in run.reviews if review.environment == environment))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def may_review(rules: Rules, run: Run, user: str) -> None:
    """Raises RefusedError where this person may not approve."""
    if rules.reviewers and user not in rules.reviewers:
        raise RefusedError(
            f"{user} is not a reviewer of this environment", hint=f"one of {', '.join(rules.reviewers)}"
        )
    if rules.prevent_self_review and user in {run.actor, run.triggering_actor}:
        raise RefusedError(f"{user} started this run and may not approve it")
