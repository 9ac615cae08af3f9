"""Repositories and branches, as queries see them."""

from typing import Any

from localhub.api.graphql.commits import Commit
from localhub.api.graphql.connections import EMPTY, Info, connection
from localhub.api.graphql.people import User
from localhub.api.graphql.pull_requests import PullRequest
from localhub.hub import forms, pulls
from localhub.hub.parts import Localhub
from localhub.store import records


class Ref:
    """A branch."""

    prefix = "refs/heads/"

    def __init__(self, hub: Localhub, repository: records.Repository, name: str, sha: str) -> None:
        self.id = f"REF_{repository.id}_{name}"
        self.name = name
        self.target = Commit(hub, repository.name, sha)
        names = repository.required_checks.get(name, ())
        rule = {
            "requiresStatusChecks": True,
            "requiresStrictStatusChecks": False,
            "requiredStatusCheckContexts": list(names),
            "requiredApprovingReviewCount": 0,
        }
        self.branch_protection_rule = rule if names else None


class _Alike:
    """What is the same of every repository here."""

    visibility = "PRIVATE"
    is_private = viewer_can_administer = merge_commit_allowed = squash_merge_allowed = True
    rebase_merge_allowed = auto_merge_allowed = delete_branch_on_merge = viewer_has_starred = False
    is_fork = is_archived = is_mirror = is_template = is_in_organization = False
    has_issues_enabled = has_wiki_enabled = has_projects_enabled = has_discussions_enabled = False
    viewer_permission = "ADMIN"
    viewer_default_merge_method = "MERGE"
    fork_count = stargazer_count = disk_usage = 0
    parent = template_repository = archived_at = homepage_url = mirror_url = None
    primary_language = latest_release = license_info = None
    pull_request_templates = issue_templates = ()
    issues = labels = milestones = assignable_users = mentionable_users = languages = EMPTY
    repository_topics = watchers = EMPTY


class Repository(_Alike):
    """A repository."""

    def __init__(self, hub: Localhub, record: records.Repository) -> None:
        self._hub, self._record = hub, record
        owner, _, self.name = record.name.partition("/")
        self.id, self.database_id = f"R_{record.id}", record.id
        self.name_with_owner = record.name
        self.owner = User(owner)
        self.description = record.description or None
        self.url = f"{forms.WEB}/{record.name}"
        self.ssh_url = f"{forms.WEB}/{record.name}.git"
        self.created_at, self.pushed_at = forms.when(record.created_at), forms.when(record.pushed_at)
        self.updated_at = self.pushed_at or self.created_at

    @property
    def is_empty(self) -> bool:
        """Whether nothing was pushed yet."""
        return not any(ref.startswith("refs/heads/") for ref in self._hub.bare.refs(self._record.name))

    @property
    def default_branch_ref(self) -> Ref | dict[str, Any]:
        """The default branch, though it has no commit yet: gh cannot do without its name."""
        name = self._record.default_branch
        return self.branch(name) or {"id": f"REF_{name}", "name": name, "prefix": Ref.prefix}

    def branch(self, name: str) -> Ref | None:
        """A branch; None where there is none of that name."""
        sha = pulls.tip(self._hub, self._record.name, name)
        return Ref(self._hub, self._record, name, sha) if sha else None

    def ref(self, _info: Info, **wanted: str) -> Ref | None:
        """The same, by a name with or without refs/heads/."""
        return self.branch(wanted["qualifiedName"].removeprefix(Ref.prefix))

    def shown(self, pull: records.PullRequest) -> PullRequest:
        """One of its pull requests."""
        return PullRequest(self._hub, self, pull, self._record.id)

    def pull_request(self, _info: Info, number: int) -> PullRequest:
        """One of its pull requests, by number."""
        return self.shown(pulls.one(self._hub, self._record.name, number))

    def pull_requests(self, _info: Info, **wanted: Any) -> dict[str, Any]:
        """Its pull requests that fit, newest first unless asked otherwise."""
        fitting = [
            self.shown(pull)
            for pull in pulls.newest_first(self._hub, self._record.name)
            if wanted.get("headRefName") in {None, pull.head}
            and wanted.get("baseRefName") in {None, pull.base}
            and (not wanted.get("states") or pulls.shown_state(pull) in wanted["states"])
            and not wanted.get("labels")
        ]
        order = wanted.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
        if order["field"] == "UPDATED_AT":
            fitting.sort(key=lambda pull: str(pull.updated_at), reverse=True)
        if order["direction"] == "ASC":
            fitting.reverse()
        page = {key: wanted.get(key) for key in ("first", "last", "after")}
        return connection(fitting, **page)
