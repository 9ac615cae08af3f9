"""Puts a localhub together: ports to adapters, and the threads that keep it going."""

import hashlib
import hmac
import os
import secrets as random
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localhub.base.clock import Clock, RealClock
from localhub.base.errors import PlatformError
from localhub.bootstrap import deployments, linting, pushes
from localhub.bootstrap.settings import PASSED, Settings
from localhub.execution import sandbox, tools
from localhub.execution.jobs import SandboxedJobs
from localhub.repositories import receipts
from localhub.repositories.bare import BareRepositories
from localhub.runs import hub as hubs
from localhub.runs import protection
from localhub.runs.contexts import Around
from localhub.runs.engine import Engine, Hooks, Labels
from localhub.runs.records import Job, Run
from localhub.store import database, records, secrets
from localhub.store.files import Files
from localhub.store.runs import StoredRuns


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
    hub: hubs.Hub
    token: str
    fenced: bool
    job_tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    changing: threading.RLock = field(default_factory=threading.RLock)
    """Held while records of repositories and pull requests are read, changed and kept."""

    def login(self, given: str) -> str | None:
        """Whose token this is; None: nobody's."""
        if hmac.compare_digest(given.encode(), self.token.encode()):
            return self.settings.user
        digest = hashlib.sha256(given.encode()).hexdigest()
        for name, known in secrets.tokens(self.settings.state / "tokens.json").items():
            if hmac.compare_digest(digest, known):
                return name
        return "github-actions[bot]" if given in self.job_tokens else None

    def start(self) -> list[threading.Thread]:
        """Recovers what an earlier server left, and starts the loops."""
        self.engine.recover()
        watcher = pushes.Watcher(self)
        threads = [
            threading.Thread(target=self.engine.run_forever, args=(self.stopping,), name="engine", daemon=True),
            threading.Thread(target=watcher.run_forever, args=(self.stopping,), name="pushes", daemon=True),
        ]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        """Ends the loops; jobs under way end with the process."""
        self.stopping.set()
        self.engine.stir()

    def create_repository(self, name: str, *, default_branch: str = "main", description: str = "") -> records.Repository:
        """A repository; the one that is there where there is one."""
        found = self.repositories.get(name)
        if found is not None:
            return found
        folder = self.bare.create(name, default_branch)
        receipts.install_hook(folder)
        number = self.runs.next_id("repositories")
        repository = records.Repository(number, name, default_branch, self.clock.now(), description=description)
        self.repositories.save(repository)
        return repository

    def around(self, repository: str) -> Around:
        """What expressions know of a repository."""
        found = self.repositories.get(repository)
        branch = found.default_branch if found else "main"
        return Around(self.secrets.variables(repository, None), branch)


class _Workflows:
    """The hub's `Workflows` port by the repositories' records."""

    def __init__(self, repositories: records.Repositories, clock: Clock) -> None:
        self._repositories, self._clock = repositories, clock

    def known(self, repository: str, path: str, name: str) -> hubs.Known:
        found = self._repositories.known(repository, path, name, self._clock.now())
        return hubs.Known(found.id, found.path, found.name, active=found.state == "active")


def built(settings: Settings, clock: Clock | None = None) -> Localhub:
    """A localhub on its state folder, not yet started.

    Raises:
        PlatformError: If a tool that jobs need is missing.
    """
    clock = clock or RealClock()
    state = settings.state
    for name in ("run", "logs", "jobs"):
        (state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    found = tools.found(state)
    _empty_repository(state / "cwd")
    engine_database = database.opened(state / "localhub.db")
    runs, files = StoredRuns(engine_database), Files(engine_database, state / "files")
    bare = BareRepositories(state / "repositories")
    secret_files = secrets.SecretFiles(state / "secrets")
    fenced = settings.sandbox == "bubblewrap"
    if fenced and not tools.bubblewrap_works(found):
        raise PlatformError(
            "bubblewrap cannot make sandboxes here: user namespaces are forbidden",
            hint="allow them, or set `sandbox: none` in localhub.yaml: workflow code then runs as this user",
        )
    jobs = SandboxedJobs(
        state,
        found,
        sandbox.Settings(found.bubblewrap, tools.user_for_jobs(), network=settings.network, fenced=fenced),
        repository_folder=bare.folder,
        store=files,
        actions=settings.actions,
        extra_binds=_binds(settings.binds),
        passed={name: os.environ[name] for name in PASSED if name in os.environ},
    )
    repositories = records.Repositories(engine_database)
    made: list[Localhub] = []
    hooks = Hooks(
        around=lambda name: made[0].around(name),
        protection=lambda repository, environment: _rules(made[0], repository, environment),
        job_token=lambda run, job: _job_token(made[0], run, job),
        job_changed=lambda run, job: _job_changed(made[0], run, job),
        run_ended=lambda run: pushes.run_ended(made[0], run),
    )
    labels = Labels(frozenset(label.lower() for label in settings.labels))
    engine = Engine(runs, jobs, secret_files, clock, labels, hooks, slots=settings.slots)
    hub = hubs.Hub(
        engine, runs, bare, _Workflows(repositories, clock), clock, check=lambda run: linting.begin(made[0], run)
    )
    localhub = Localhub(
        settings=settings,
        clock=clock,
        repositories=repositories,
        bare=bare,
        runs=runs,
        files=files,
        secrets=secret_files,
        pulls=records.Documents(engine_database, "pull", records.PullRequest, lambda pull: str(pull.number)),
        environments=records.Documents(engine_database, "environment", records.HubEnvironment, lambda e: e.name),
        deployments=records.Documents(engine_database, "deployment", records.HubDeployment, lambda d: str(d.id)),
        jobs=jobs,
        engine=engine,
        hub=hub,
        token=secrets.token(state / "token"),
        fenced=fenced,
    )
    made.append(localhub)
    return localhub


def _binds(binds: Mapping[str, str]) -> tuple[sandbox.Bind, ...]:
    return tuple(sandbox.Bind(Path(source), target) for source, target in binds.items())


def _rules(localhub: Localhub, repository: str, name: str) -> protection.Rules:
    """An environment's rules; one that nobody has made is made now, as GitHub does."""
    found = localhub.environments.get(repository, name)
    if found is None:
        number = localhub.runs.next_id("environments")
        found = records.HubEnvironment(number, repository, name, localhub.clock.now())
        localhub.environments.save(found)
    return protection.Rules(found.reviewers, found.branches, found.prevent_self_review)


def _job_token(localhub: Localhub, run: Run, job: Job) -> str:
    """A token that is good while its job runs."""
    value = f"ghs_{random.token_urlsafe(30)}"
    localhub.job_tokens[value] = (run.repository, job.id)
    return value


def _job_changed(localhub: Localhub, run: Run, job: Job) -> None:
    if job.done:
        for value, (_, job_id) in list(localhub.job_tokens.items()):
            if job_id == job.id:
                del localhub.job_tokens[value]
    deployments.follow(localhub, run, job)


def _empty_repository(folder: Path) -> None:
    """Where act is started: it complains at every row outside a git repository."""
    if (folder / ".git").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    commands = (
        ["init", "--quiet", "--initial-branch=main", "."],
        ["-c", "user.name=localhub", "-c", "user.email=noreply@localhub", "commit", "-q", "--allow-empty", "-m", "-"],
        ["remote", "add", "origin", "http://github.localhost/localhub/localhub.git"],
    )
    for command in commands:
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


