"""Events as workflows read them (`github.event`): GitHub's names, as far as one machine can fill them.

Source: docs.github.com, "Webhook events and payloads"; what is shown of a repository, a run, a workflow or a
pull request is what the API answers.
"""

from collections.abc import Collection
from typing import Any

from localhub.base.errors import NotFoundError
from localhub.hub import forms
from localhub.hub.parts import Localhub
from localhub.repositories.bare import Commit, Pushed
from localhub.runs.records import Run
from localhub.store.records import PullRequest, Repository


def about(localhub: Localhub, name: str, actor: str) -> dict[str, Any]:
    """What every event says: where it happened, and by whom."""
    return {"repository": forms.repository(_repository(localhub, name)), "sender": forms.user(actor)}


def _repository(localhub: Localhub, name: str) -> Repository:
    found = localhub.repositories.get(name)
    if found is None:
        raise NotFoundError(f"there is no repository {name}")
    return found


def push(
    localhub: Localhub, name: str, pushed: Pushed, head: Commit, actor: str, later: Collection[str] = ()
) -> dict[str, Any]:
    """The event of a push, at most 250 commits; as in Actions it names no files.

    What it brings is told as if the refs that the same push made *later* were not there yet.
    """
    bare, sha = localhub.bare, head.sha
    fresh = bare.only_at(name, (pushed.ref, *later), sha)
    commits = fresh if pushed.created else bare.between(name, pushed.before, sha)
    distinct = {each.sha for each in fresh}
    whole = about(localhub, name, actor)
    owner = whole["repository"]["owner"]
    whole["repository"]["owner"] = {**owner, "name": owner["login"]}  # pushes alone have it
    return {
        **whole,
        "ref": pushed.ref,
        "base_ref": _base_ref(localhub, name, pushed, sha, later),
        "before": pushed.before,
        "after": pushed.after,
        "created": pushed.created,
        "deleted": pushed.deleted,
        "forced": not pushed.created and not bare.contains(name, sha, pushed.before),
        "compare": _compare(name, pushed, sha, commits),
        "commits": [_commit(name, each, distinct) for each in commits],
        "head_commit": _commit(name, head, distinct),
        "pusher": {"name": actor, "email": None},
    }


def _base_ref(localhub: Localhub, name: str, pushed: Pushed, sha: str, later: Collection[str]) -> str | None:
    """The branch that a new branch or tag starts from: one at the same commit, first of all the default."""
    if not pushed.created:
        return None
    default = f"refs/heads/{_repository(localhub, name).default_branch}"
    refs = localhub.bare.refs(name)
    there = [ref for ref, at in refs.items() if at == sha and ref.startswith("refs/heads/")]
    others = [ref for ref in there if ref != pushed.ref and ref not in later]
    return min(others, key=lambda ref: (ref != default, ref), default=None)


def _compare(name: str, pushed: Pushed, sha: str, commits: list[Commit]) -> str:
    """The address where GitHub shows what was pushed."""
    place = f"{forms.WEB}/{name}"
    if not pushed.created:
        return f"{place}/compare/{pushed.before[:12]}...{sha[:12]}"
    return f"{place}/compare/{pushed.ref.split('/', 2)[2]}" if commits else f"{place}/commit/{sha[:12]}"


def _commit(name: str, it: Commit, distinct: set[str]) -> dict[str, Any]:
    return {
        "id": it.sha,
        "tree_id": it.tree,
        "distinct": it.sha in distinct,
        "message": it.message,
        "timestamp": it.committed,
        "url": f"{forms.WEB}/{name}/commit/{it.sha}",
        "author": {"name": it.author, "email": it.author_email},
        "committer": {"name": it.committer, "email": it.committer_email},
    }


def pull_request(localhub: Localhub, pull: PullRequest, action: str, actor: str) -> dict[str, Any]:
    """The event of a pull request."""
    shown = forms.pull_request(pull, _repository(localhub, pull.repository), pull.merge_sha)
    return {
        **about(localhub, pull.repository, actor),
        "action": action,
        "number": pull.number,
        "pull_request": {**shown, **forms.merged(pull)},
    }


def edited(before: PullRequest, after: PullRequest) -> dict[str, Any]:
    """What the event of an edited pull request says besides: how it was before."""
    words = {
        name: {"from": getattr(before, name)}
        for name in ("title", "body")
        if getattr(before, name) != getattr(after, name)
    }
    base = {"base": {"ref": {"from": before.base}, "sha": {"from": before.base_sha}}}
    return {"changes": words if before.base == after.base else {**words, **base}}


def workflow_run(localhub: Localhub, repository: Repository, run: Run) -> dict[str, Any]:
    """The event of a run that has ended."""
    file = localhub.repositories.workflow(run.repository, run.workflow_id)
    return {
        **about(localhub, run.repository, run.actor),
        "action": "completed",
        "workflow_run": forms.run(run, repository),
        "workflow": file and forms.workflow(file),
    }
