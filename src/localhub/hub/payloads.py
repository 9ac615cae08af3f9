"""Events as workflows read them (`github.event`): GitHub's names, as far as one machine can fill them."""

from typing import Any

from localhub.hub.parts import Localhub
from localhub.repositories.bare import Pushed
from localhub.store.records import PullRequest

WEB = "http://github.localhost"


def repository(localhub: Localhub, name: str) -> dict[str, Any]:
    """The `repository` part of an event."""
    owner, _, short = name.partition("/")
    found = localhub.repositories.get(name)
    return {
        "name": short,
        "full_name": name,
        "default_branch": found.default_branch if found else "main",
        "owner": {"login": owner, "name": owner},
        "private": True,
        "html_url": f"{WEB}/{name}",
        "clone_url": f"{WEB}/{name}.git",
    }


def push(localhub: Localhub, name: str, pushed: Pushed, sha: str, actor: str) -> dict[str, Any]:
    """The event of a push."""
    commit = localhub.bare.commit(name, sha)
    head = {
        "id": sha,
        "message": commit.message,
        "timestamp": commit.date,
        "author": {"name": commit.author, "email": commit.author_email},
    }
    return {
        "ref": pushed.ref,
        "before": pushed.before,
        "after": sha,
        "created": pushed.created,
        "deleted": False,
        "forced": False,
        "head_commit": head,
        "commits": [head],
        "pusher": {"name": actor},
        "sender": {"login": actor},
        "repository": repository(localhub, name),
    }


def pull_request(localhub: Localhub, pull: PullRequest, action: str, actor: str) -> dict[str, Any]:
    """The event of a pull request."""
    whole = repository(localhub, pull.repository)
    return {
        "action": action,
        "number": pull.number,
        "pull_request": {
            "id": pull.id,
            "number": pull.number,
            "html_url": f"{WEB}/{pull.repository}/pull/{pull.number}",
            "title": pull.title,
            "body": pull.body or None,
            "draft": pull.draft,
            "state": pull.state,
            "merged": pull.merged_at is not None,
            "merge_commit_sha": pull.merge_sha,
            "merged_by": pull.merged_by and {"login": pull.merged_by},
            "user": {"login": pull.author},
            "labels": [{"name": name} for name in pull.labels],
            "head": {"ref": pull.head, "sha": pull.head_sha, "repo": whole},
            "base": {"ref": pull.base, "sha": pull.base_sha, "repo": whole},
        },
        "sender": {"login": actor},
        "repository": whole,
    }
