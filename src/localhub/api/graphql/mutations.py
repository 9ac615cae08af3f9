"""What may be changed: the mutations that gh sends, each an order to the hub's pulls and merging."""

from collections.abc import Callable
from typing import Any

from localhub.api.graphql.connections import Info
from localhub.api.graphql.repositories import Repository
from localhub.base.errors import InputError, NotFoundError
from localhub.hub import merging, pulls
from localhub.hub.parts import Localhub
from localhub.hub.tokens import Caller
from localhub.store import records

Input = dict[str, Any]
METADATA = ("assigneeIds", "labelIds", "projectIds", "milestoneId")


class Mutations:
    """What may be changed, by whoever asks."""

    def __init__(self, hub: Localhub, who: Caller) -> None:
        self._hub, self._who, self._actor = hub, who, who.login

    def _known(self) -> list[records.Repository]:
        """The repositories that the token is good for."""
        return [each for each in self._hub.repositories.all() if self._who.reaches(each.name)]

    def create_pull_request(self, _info: Info, **given: Input) -> Input:
        """Opens one."""
        wanted = given["input"]
        repository = by_id(self._known(), wanted["repositoryId"], "R")
        if wanted.get("headRepositoryId") not in {None, wanted["repositoryId"]}:
            raise InputError("the head is in another repository", hint="localhub has no forks")
        proposal = pulls.Proposal(
            title=wanted["title"],
            head=wanted["headRefName"],
            base=wanted["baseRefName"].removeprefix("refs/heads/"),
            body=wanted.get("body") or "",
            draft=bool(wanted.get("draft")),
        )
        made = pulls.create(self._hub, repository, proposal, self._actor)
        return self._payload(made, wanted)

    def update_pull_request(self, _info: Info, **given: Input) -> Input:
        """Changes its words, its base branch or its state."""
        wanted = given["input"]
        unknown = [name for name in METADATA if wanted.get(name)]
        if unknown:
            raise InputError(f"pull requests have no {unknown[0].removesuffix('s').removesuffix('Id')} here")
        pull = pulls.edit(
            self._hub,
            self._pull(wanted),
            pulls.Edit(wanted.get("title"), wanted.get("body"), wanted.get("baseRefName")),
            self._actor,
        )
        change = {"OPEN": pulls.reopen, "CLOSED": pulls.close}.get(wanted.get("state", ""))
        return self._payload(change(self._hub, pull, self._actor) if change else pull, wanted)

    def close_pull_request(self, _info: Info, **given: Input) -> Input:
        """Closes it."""
        return self._done(given, pulls.close)

    def reopen_pull_request(self, _info: Info, **given: Input) -> Input:
        """Opens it again."""
        return self._done(given, pulls.reopen)

    def mark_pull_request_ready_for_review(self, _info: Info, **given: Input) -> Input:
        """It is no draft any more."""
        return self._done(given, lambda *who: pulls.set_draft(*who, draft=False))

    def convert_pull_request_to_draft(self, _info: Info, **given: Input) -> Input:
        """It is a draft."""
        return self._done(given, lambda *who: pulls.set_draft(*who, draft=True))

    def merge_pull_request(self, _info: Info, **given: Input) -> Input:
        """Merges it."""
        wanted = given["input"]
        if wanted.get("authorEmail"):
            raise InputError("the author of a merge is who merges", hint="leave --author-email out")
        how = merging.Merge(
            method=wanted.get("mergeMethod", "MERGE").lower(),
            headline=wanted.get("commitHeadline"),
            body=wanted.get("commitBody"),
            expected_head=wanted.get("expectedHeadOid"),
        )
        return self._payload(merging.merge(self._hub, self._pull(wanted), how, self._actor), wanted)

    def enable_pull_request_auto_merge(self, _info: Info, **_given: Input) -> Input:
        """Refused."""
        raise InputError(
            "Auto merge is not allowed for this repository", hint="gh pr checks --watch, then gh pr merge"
        )

    def add_comment(self, _info: Info, **_given: Input) -> Input:
        """Refused."""
        raise InputError("localhub keeps no comments", hint="gh pr edit --body changes the description")

    def add_pull_request_review(self, _info: Info, **_given: Input) -> Input:
        """Refused."""
        raise InputError("localhub keeps no reviews", hint="protect the base branch by required checks")

    def _done(
        self, given: Input, change: Callable[[Localhub, records.PullRequest, str], records.PullRequest]
    ) -> Input:
        wanted = given["input"]
        return self._payload(change(self._hub, self._pull(wanted), self._actor), wanted)

    def _pull(self, wanted: Input) -> records.PullRequest:
        return pull_by_id(self._hub, self._known(), wanted["pullRequestId"])

    def _payload(self, pull: records.PullRequest, wanted: Input) -> Input:
        home = self._hub.repositories.get(pull.repository)
        shown = Repository(self._hub, home).shown(pull) if home else None
        return {"pullRequest": shown, "clientMutationId": wanted.get("clientMutationId")}


def by_id(known: list[records.Repository], node_id: str, kind: str) -> records.Repository:
    """The repository with that number in its id.

    Raises:
        NotFoundError: If there is none.
    """
    prefix, _, rest = node_id.partition("_")
    number = rest.partition("_")[0]
    for each in known if prefix == kind else ():
        if str(each.id) == number:
            return each
    raise NotFoundError(f"Could not resolve to a node with the global id of '{node_id}'")


def pull_by_id(hub: Localhub, known: list[records.Repository], node_id: str) -> records.PullRequest:
    """The pull request with that id.

    Raises:
        NotFoundError: If there is none.
    """
    found = hub.pulls.get(by_id(known, node_id, "PR").name, node_id.rpartition("_")[2])
    if found is None:
        raise NotFoundError(f"Could not resolve to a node with the global id of '{node_id}'")
    return found
