"""Pull requests: opened, edited, closed, reopened, followed as their branches move; merging.py merges."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localhub.base.errors import InputError, NotFoundError, NotMergeableError
from localhub.hub import payloads
from localhub.hub.parts import JOBS, Localhub
from localhub.runs.starting import Happened
from localhub.store.records import PullRequest, Repository


@dataclass(frozen=True)
class Proposal:
    """What somebody asks to be merged."""

    title: str
    head: str  # branch, or owner:branch
    base: str
    body: str = ""
    draft: bool = False


def one(localhub: Localhub, repository: str, number: int) -> PullRequest:
    """The pull request of that number.

    Raises:
        NotFoundError: If there is none.
    """
    found = localhub.pulls.get(repository, str(number))
    if found is None:
        raise NotFoundError(f"{repository} has no pull request {number}", hint="gh pr list --state all")
    return found


def newest_first(localhub: Localhub, repository: str) -> list[PullRequest]:
    """All of a repository's."""
    return sorted(localhub.pulls.all(repository), key=lambda pull: -pull.number)


def tip(localhub: Localhub, repository: str, branch: str) -> str | None:
    """Where a branch is now; None where there is none."""
    return localhub.bare.at(repository, f"refs/heads/{branch}")


def create(localhub: Localhub, repository: Repository, proposal: Proposal, actor: str) -> PullRequest:
    """Opens a pull request, and starts the workflows that wait for one.

    Raises:
        InputError: In GitHub's words, if there is nothing to merge or it is proposed already.
    """
    with localhub.changing:
        head, (base_sha, head_sha) = _checked(localhub, repository, proposal)
        now = localhub.clock.now()
        pull = PullRequest(
            number=localhub.runs.next_id(f"pulls of {repository.name}"),
            id=localhub.runs.next_id("pulls"),
            repository=repository.name,
            title=proposal.title.strip(),
            body=proposal.body,
            author=actor,
            head=head,
            base=proposal.base,
            head_sha=head_sha,
            base_sha=base_sha,
            created_at=now,
            updated_at=now,
            draft=proposal.draft,
        )
        _keep(localhub, pull)
        announce(localhub, pull, "opened", actor)
    return pull


def _checked(localhub: Localhub, repository: Repository, proposal: Proposal) -> tuple[str, tuple[str, str]]:
    """The head branch, and where base and head are now."""
    owner = repository.name.partition("/")[0]
    whose, _, head = proposal.head.rpartition(":")
    if whose and whose.lower() != owner.lower():
        raise InputError(f"the head {proposal.head} is of a fork", hint="localhub has none: push it here")
    base_sha, head_sha = (tip(localhub, repository.name, branch) for branch in (proposal.base, head))
    nothing = f"No commits between {proposal.base} and {head}"
    if base_sha is None or head_sha is None:
        missing = [
            f"{which} ref must be a branch"
            for which, sha in (("Head", head_sha), ("Base", base_sha))
            if not sha
        ]
        raise InputError(", ".join(["Head sha can't be blank", "Base sha can't be blank", nothing, *missing]))
    if not proposal.title.strip():
        raise InputError("title can't be blank")
    if localhub.bare.contains(repository.name, base_sha, head_sha):
        raise InputError(nothing)
    for pull in localhub.pulls.all(repository.name):
        if (pull.state, pull.head, pull.base) == ("open", head, proposal.base):
            raise InputError(f"A pull request already exists for {owner}:{head}.")
    return head, (base_sha, head_sha)


@dataclass(frozen=True)
class Edit:
    """What is to be changed of a pull request; None: nothing."""

    title: str | None = None
    body: str | None = None
    base: str | None = None


def edit(localhub: Localhub, pull: PullRequest, wanted: Edit, actor: str) -> PullRequest:
    """Changes its words, or the branch it is to be merged into.

    Raises:
        InputError: If the title is blank or there is no such branch.
    """
    with localhub.changing:
        pull = one(localhub, pull.repository, pull.number)
        changed = pull
        if wanted.title is not None:
            if not wanted.title.strip():
                raise InputError("title can't be blank")
            changed = replace(changed, title=wanted.title.strip())
        if wanted.body is not None:
            changed = replace(changed, body=wanted.body)
        if wanted.base not in {None, pull.base}:
            changed = _rebased(localhub, changed, str(wanted.base))
        if changed == pull:
            return pull
        changed = _keep(localhub, changed)
        announce(localhub, changed, "edited", actor, payloads.edited(pull, changed))
    return changed


def _rebased(localhub: Localhub, pull: PullRequest, base: str) -> PullRequest:
    if pull.state != "open":
        raise InputError("Cannot change the base branch of a closed pull request.")
    sha = tip(localhub, pull.repository, base)
    if sha is None:
        raise InputError(f"Proposed base branch '{base}' was not found")
    if localhub.bare.contains(pull.repository, sha, pull.head_sha):
        raise InputError(
            f"There are no new commits between base branch '{base}' and head branch '{pull.head}'"
        )
    return replace(pull, base=base, base_sha=sha)


def set_draft(localhub: Localhub, pull: PullRequest, actor: str, *, draft: bool) -> PullRequest:
    """Marks it as a draft, or as ready to be merged."""
    with localhub.changing:
        pull = one(localhub, pull.repository, pull.number)
        if pull.draft == draft:
            return pull
        changed = _keep(localhub, replace(pull, draft=draft))
        announce(localhub, changed, "converted_to_draft" if draft else "ready_for_review", actor)
    return changed


def close(localhub: Localhub, pull: PullRequest, actor: str) -> PullRequest:
    """Closes it without merging; one that is closed stays as it is."""
    with localhub.changing:
        pull = one(localhub, pull.repository, pull.number)
        if pull.state == "closed":
            return pull
        closed = _keep(localhub, replace(pull, state="closed", closed_at=localhub.clock.now()))
        announce(localhub, closed, "closed", actor)
    return closed


def reopen(localhub: Localhub, pull: PullRequest, actor: str) -> PullRequest:
    """Opens it again, at where its branch is now.

    Raises:
        NotMergeableError: If it was merged, or its branch is gone or has nothing to merge.
    """
    with localhub.changing:
        pull = one(localhub, pull.repository, pull.number)
        if pull.state == "open":
            return pull
        if pull.merged_at is not None:
            raise NotMergeableError("Could not open the pull request: it has been merged")
        sha, base = tip(localhub, pull.repository, pull.head), tip(localhub, pull.repository, pull.base)
        if sha is None or base is None:
            gone = pull.head if sha is None else pull.base
            raise NotMergeableError(f"Could not open the pull request: its branch {gone} is gone")
        if localhub.bare.contains(pull.repository, base, sha):
            raise NotMergeableError(
                f"Could not open the pull request: no commits between {pull.base} and {pull.head}"
            )
        opened = _keep(localhub, replace(pull, state="open", closed_at=None, head_sha=sha, base_sha=base))
        announce(localhub, opened, "reopened", actor)
    return opened


def merged(localhub: Localhub, pull: PullRequest, sha: str, actor: str) -> PullRequest:
    """Closes it as merged by that commit of its base branch."""
    now = localhub.clock.now()
    closed = replace(pull, state="closed", closed_at=now, merged_at=now, merged_by=actor, merge_sha=sha)
    _keep(localhub, closed)
    announce(localhub, closed, "closed", actor)
    return closed


def branch_moved(localhub: Localhub, repository: str, branch: str, actor: str) -> None:
    """After a push: pull requests from that branch have a new head; those that it now contains are merged."""
    with localhub.changing:
        sha = tip(localhub, repository, branch)
        for pull in localhub.pulls.all(repository) if sha else ():
            if pull.state != "open" or sha is None:
                continue
            if pull.head == branch and pull.head_sha != sha:
                changed = _keep(localhub, replace(pull, head_sha=sha))
                moved = {"before": pull.head_sha, "after": sha}
                announce(localhub, changed, "synchronize", actor, moved)
            elif pull.base == branch and localhub.bare.contains(repository, sha, pull.head_sha):
                merged(localhub, pull, sha, actor)
            elif pull.base == branch:
                localhub.pulls.save(replace(pull, base_sha=sha))


def branch_deleted(localhub: Localhub, repository: str, branch: str, actor: str) -> None:
    """Closes what was to be merged from or into it; what built on a merged branch goes on to its base."""
    with localhub.changing:
        if tip(localhub, repository, branch) is not None:
            return
        every = newest_first(localhub, repository)
        onward = next((each.base for each in every if each.head == branch and each.merged_at), None)
        for pull in every:
            if pull.state != "open" or branch not in {pull.head, pull.base}:
                continue
            if pull.base == branch and onward is not None and pull.head not in {branch, onward}:
                changed = _keep(localhub, replace(pull, base=onward))
                announce(localhub, changed, "edited", actor, payloads.edited(pull, changed))
            else:
                close(localhub, pull, actor)


def _keep(localhub: Localhub, pull: PullRequest) -> PullRequest:
    pull = replace(pull, updated_at=localhub.clock.now())
    localhub.pulls.save(pull)
    localhub.bare.set_ref(pull.repository, f"refs/pull/{pull.number}/head", pull.head_sha)
    return pull


def announce(
    localhub: Localhub, pull: PullRequest, action: str, actor: str, more: Mapping[str, Any] | None = None
) -> None:
    """Starts the workflows of a pull request, on the commit that merging it would make (or has made).

    *more* is what its event says besides, which depends on the action.
    """
    found = _commit(localhub, pull, actor)
    if found is None or actor == JOBS:
        return  # GitHub starts nothing where there is no merge commit, nor for what a job does
    ref, sha = found
    name = pull.repository
    localhub.starter.happened(
        Happened(
            repository=name,
            event="pull_request",
            ref=ref,
            sha=sha,
            actor=actor,
            payload={**payloads.pull_request(localhub, pull, action, actor), **(more or {})},
            action=action,
            base_ref=pull.base,
            head_ref=pull.head,
            pull_request=pull.number,
            title=pull.title,
            message=localhub.bare.commit(name, pull.head_sha).message,
        ),
        changed=[each.path for each in localhub.bare.files_changed(name, pull.base_sha, pull.head_sha)],
    )


def _commit(localhub: Localhub, pull: PullRequest, actor: str) -> tuple[str, str] | None:
    """The ref and the commit that its workflows run at."""
    if pull.merge_sha is not None:
        return f"refs/heads/{pull.base}", pull.merge_sha
    name = pull.repository
    base = tip(localhub, name, pull.base) or pull.base_sha
    if not localhub.bare.merges(name, base, pull.head_sha):
        return None
    message = f"Merge {pull.head_sha} into {base}"
    sha = localhub.bare.merged(name, base, pull.head_sha, message, method="merge", author=actor)
    ref = f"refs/pull/{pull.number}/merge"
    localhub.bare.set_ref(name, ref, sha)
    return ref, sha


def shown_state(pull: PullRequest) -> str:
    """OPEN, CLOSED or MERGED."""
    return "MERGED" if pull.merged_at else pull.state.upper()
