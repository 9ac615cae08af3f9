"""Pull requests, as queries see them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from localhub.api.graphql.commits import Commit, StatusCheckRollup
from localhub.api.graphql.connections import EMPTY, Info, connection
from localhub.api.graphql.people import User, actor
from localhub.hub import forms, merging, pulls
from localhub.hub.parts import Localhub
from localhub.repositories import bare
from localhub.store import records


class Home(Protocol):
    """The repository that a pull request is in."""

    @property
    def owner(self) -> User:
        """Whose it is."""
        ...

    @property
    def branch(self) -> Callable[[str], object | None]:
        """Its branches, by name."""
        ...


class _Nothing:
    """What localhub does not have: no pull request has any of it."""

    is_cross_repository = False
    maintainer_can_modify = False
    auto_merge_request = None
    review_decision = None
    milestone = None
    reaction_groups: tuple[()] = ()
    closing_issues_references = EMPTY
    comments = EMPTY
    labels = EMPTY
    latest_reviews = EMPTY
    reviews = EMPTY
    review_requests = EMPTY
    project_cards = EMPTY
    project_items = EMPTY
    assignees = EMPTY
    assigned_actors = EMPTY
    suggested_reviewer_actors = EMPTY


class PullRequest(_Nothing):
    """A pull request."""

    def __init__(self, hub: Localhub, home: Home, record: records.PullRequest, repository_id: int) -> None:
        self._hub, self._record = hub, record
        self.repository = self.base_repository = self.head_repository = home
        self.head_repository_owner = home.owner
        self.id = f"PR_{repository_id}_{record.number}"
        self.full_database_id = str(record.id)
        self.number, self.title, self.body = record.number, record.title, record.body
        self.url = f"{forms.WEB}/{record.repository}/pull/{record.number}"
        self.state = pulls.shown_state(record)
        self.closed = record.state == "closed"
        self.is_draft = record.draft
        self.author = actor(record.author)
        self.merged_by = record.merged_by and actor(record.merged_by)
        self.created_at, self.updated_at = forms.when(record.created_at), forms.when(record.updated_at)
        self.closed_at, self.merged_at = forms.when(record.closed_at), forms.when(record.merged_at)
        self.base_ref_name, self.base_ref_oid = record.base, record.base_sha
        self.head_ref_name, self.head_ref_oid = record.head, record.head_sha
        self.base_ref, self.head_ref = home.branch(record.base), home.branch(record.head)

    @cached_property
    def _standing(self) -> merging.Standing:
        return merging.standing(self._hub, self._record)

    @property
    def mergeable(self) -> str:
        """Whether it merges without conflicts."""
        return self._standing.mergeable

    @property
    def merge_state_status(self) -> str:
        """Whether it may be merged, and what holds it back."""
        return self._standing.status

    @property
    def merge_commit(self) -> Commit | None:
        """What merged it."""
        return self._commit(self._record.merge_sha) if self._record.merge_sha else None

    @property
    def potential_merge_commit(self) -> Commit | None:
        """What merging it would make; its workflows run there."""
        sha = self._hub.bare.at(self._record.repository, f"refs/pull/{self.number}/merge")
        return self._commit(sha) if sha and self.state == "OPEN" else None

    def _commit(self, sha: str) -> Commit:
        required = merging.required(self._hub, self._record)
        return Commit(self._hub, self._record.repository, sha, required)

    def viewer_merge_headline_text(self, _info: Info, **wanted: str) -> str:
        """The headline of its merge, where nobody says otherwise."""
        return merging.message(self._hub, self._record, wanted.get("mergeType", "MERGE").lower())[0]

    def viewer_merge_body_text(self, _info: Info, **wanted: str) -> str:
        """The body of its merge, where nobody says otherwise."""
        return merging.message(self._hub, self._record, wanted.get("mergeType", "MERGE").lower())[1]

    @cached_property
    def _files(self) -> list[bare.Changed]:
        record = self._record
        return self._hub.bare.files_changed(record.repository, record.base_sha, record.head_sha)

    @property
    def additions(self) -> int:
        """Lines added."""
        return sum(each.added for each in self._files)

    @property
    def deletions(self) -> int:
        """Lines deleted."""
        return sum(each.deleted for each in self._files)

    @property
    def changed_files(self) -> int:
        """Files that differ."""
        return len(self._files)

    def files(self, _info: Info, **page: Any) -> dict[str, Any]:
        """File by file."""
        rows = [
            {
                "path": each.path,
                "additions": each.added,
                "deletions": each.deleted,
                "changeType": {"removed": "DELETED"}.get(each.status, each.status.upper()),
            }
            for each in self._files
        ]
        return connection(rows, **page)

    def commits(self, _info: Info, **page: Any) -> dict[str, Any]:
        """Its commits, oldest first."""
        record = self._record
        found = self._hub.bare.between(record.repository, record.base_sha, record.head_sha)
        return connection([{"commit": self._commit(each.sha)} for each in found], **page)

    @property
    def status_check_rollup(self) -> StatusCheckRollup | None:
        """The checks of its head."""
        return self._commit(self.head_ref_oid).status_check_rollup
