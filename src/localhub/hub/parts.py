"""All parts of one localhub, for those who turn what happens into runs and for the API."""

import hashlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from localhub.base.clock import Clock
from localhub.base.loops import Watch
from localhub.execution.jobs import SandboxedJobs
from localhub.hub.settings import Settings
from localhub.hub.tokens import Caller, JobToken
from localhub.repositories import hooks
from localhub.repositories.bare import BareRepositories
from localhub.runs.contexts import Around
from localhub.runs.engine import Engine
from localhub.runs.starting import Starter
from localhub.store import records, secrets
from localhub.store.files import Files
from localhub.store.runs import StoredRuns

JOBS = "github-actions[bot]"
"""Who a job is, by the token it is given: what it pushes or merges starts no runs, as on GitHub."""


@dataclass
class Localhub:
    """All parts of one localhub."""

    settings: Settings
    clock: Clock
    repositories: records.Repositories
    bare: BareRepositories
    runs: StoredRuns
    files: Files
    secrets: secrets.SecretFiles
    pulls: records.Documents[records.PullRequest]
    environments: records.Documents[records.HubEnvironment]
    deployments: records.Documents[records.HubDeployment]
    jobs: SandboxedJobs
    engine: Engine
    starter: Starter
    token: str
    fenced: bool
    address: str = ""
    """Of its port, `127.0.0.1:PORT`; empty where it serves none."""
    job_tokens: dict[str, JobToken] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    watch: Watch | None = None
    """Of the loops; None until they are begun."""
    changing: threading.RLock = field(default_factory=threading.RLock)
    """Held while records of repositories and pull requests are read, changed and kept."""

    def caller(self, given: str) -> Caller | None:
        """Whose token this is; None: nobody's."""
        if hmac.compare_digest(given.encode(), self.token.encode()):
            return Caller(self.settings.user)
        digest = hashlib.sha256(given.encode()).hexdigest()
        for name, known in secrets.tokens(self.settings.state / "tokens.json").items():
            if hmac.compare_digest(digest, known):
                return Caller(name)
        of_job = self.job_tokens.get(given)
        return Caller(JOBS, of_job) if of_job else None

    def stop(self) -> None:
        """Ends the loops; jobs under way end with the process."""
        self.stopping.set()
        self.engine.stir()

    def create_repository(
        self, name: str, *, default_branch: str = "main", description: str = ""
    ) -> records.Repository:
        """A repository; the one that is there where there is one."""
        with self.changing:
            found = self.repositories.get(name)
            if found is not None:
                return found
            folder = self.bare.create(name, default_branch)
            hooks.install(folder)
            number = self.runs.next_id("repositories")
            repository = records.Repository(
                number, name, default_branch, self.clock.now(), description=description
            )
            self.repositories.save(repository)
            return repository

    def set_environment(
        self,
        repository: str,
        name: str,
        reviewers: Sequence[str] | None = None,
        branches: Sequence[str] | None = None,
        prevent_self_review: bool | None = None,
    ) -> records.HubEnvironment:
        """An environment with these rules; those of which nothing is said stay as they are."""
        new = records.HubEnvironment(self.runs.next_id("environments"), repository, name, self.clock.now())

        def change(found: records.HubEnvironment | None) -> records.HubEnvironment:
            said: dict[str, Any] = {
                "reviewers": None if reviewers is None else tuple(reviewers),
                "branches": None if branches is None else tuple(branches),
                "prevent_self_review": prevent_self_review,
            }
            return replace(found or new, **{name: rule for name, rule in said.items() if rule is not None})

        return self.environments.changed(repository, name, change)

    def around(self, repository: str) -> Around:
        """What expressions know of a repository."""
        found = self.repositories.get(repository)
        variables = self.secrets.variables(repository, None)
        around = Around(variables, address=self.address)
        if found is None:
            return around
        return replace(around, default_branch=found.default_branch, repository_id=found.id)
