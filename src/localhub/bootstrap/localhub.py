"""Puts a localhub together: ports to adapters, and the threads that keep it going."""

import contextlib
import os
import secrets as random
import subprocess
from collections.abc import Mapping
from pathlib import Path

from localhub.base.clock import Clock, RealClock
from localhub.base.errors import PlatformError
from localhub.base.loops import Loop, Watch
from localhub.execution import sandbox, tools
from localhub.execution.jobs import SandboxedJobs
from localhub.execution.uses import Actions
from localhub.hub import deployments, events, linting, retention, tokens
from localhub.hub.parts import Localhub
from localhub.hub.settings import PASSED, Settings
from localhub.repositories.bare import BareRepositories
from localhub.runs import protection
from localhub.runs.contexts import Around
from localhub.runs.engine import Engine
from localhub.runs.hooks import Hooks, Labels
from localhub.runs.ports import Known
from localhub.runs.records import Job, Run
from localhub.runs.starting import Starter
from localhub.store import database, records, secrets
from localhub.store.files import Files
from localhub.store.runs import StoredRuns

SWEPT_SECONDS = 3600.0
"""How long sweeping, and repacking every repository, may take."""


def started(localhub: Localhub) -> None:
    """Recovers what an earlier server left, and starts the loops."""
    for repository in localhub.repositories.all():
        with contextlib.suppress(PlatformError):  # it is damaged, or gone: that is said when it is looked at
            localhub.bare.guard(repository.name)
    localhub.engine.recover()
    watcher, sweeper = events.Watcher(localhub), retention.Sweeper(localhub)
    stopping = localhub.stopping
    steps = {"engine": localhub.engine.go_on, "pushes": watcher.go_on}
    loops = [Loop(name, step, stopping) for name, step in steps.items()]
    loops.append(Loop("retention", sweeper.go_on, stopping, late_seconds=SWEPT_SECONDS))
    localhub.watch = Watch(loops, stopping)
    localhub.watch.begin()


class _Workflows:
    """The starter's `Workflows` port by the repositories' records."""

    def __init__(self, repositories: records.Repositories, clock: Clock) -> None:
        self._repositories, self._clock = repositories, clock

    def known(self, repository: str, path: str, name: str) -> Known:
        found = self._repositories.known(repository, path, name, self._clock.now())
        return Known(found.id, found.path, found.name, active=found.state == "active")


def built(settings: Settings, clock: Clock | None = None) -> Localhub:
    """A localhub on its state folder, not yet started.

    Raises:
        PlatformError: If a tool that jobs need is missing.
    """
    clock = clock or RealClock()
    state = settings.state
    for name in ("run", "logs", "jobs"):
        (state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    _empty_repository(state / "cwd")
    engine_database = database.opened(state / "localhub.db")
    runs, files = StoredRuns(engine_database), Files(engine_database, state / "files")
    bare = BareRepositories(state / "repositories")
    secret_files = secrets.SecretFiles(state / "secrets")
    jobs = _jobs(settings, bare, files)
    repositories = records.Repositories(engine_database)
    wiring = _Wiring()
    hooks = Hooks(wiring.around, wiring.rules, wiring.job_token, wiring.job_changed, wiring.run_ended)
    labels = Labels(frozenset(label.lower() for label in settings.labels))
    engine = Engine(runs, jobs, secret_files, clock, labels, hooks, slots=settings.slots)
    workflows = _Workflows(repositories, clock)
    documents = records.Documents
    wiring.localhub = Localhub(
        settings=settings,
        clock=clock,
        repositories=repositories,
        bare=bare,
        runs=runs,
        files=files,
        secrets=secret_files,
        pulls=documents(engine_database, "pull", records.PullRequest, lambda pull: str(pull.number)),
        environments=documents(engine_database, "environment", records.HubEnvironment, lambda e: e.name),
        deployments=documents(engine_database, "deployment", records.HubDeployment, lambda d: str(d.id)),
        jobs=jobs,
        engine=engine,
        starter=Starter(engine, runs, bare, workflows, clock, check=wiring.lint),
        token=secrets.token(state / "token"),
        fenced=_fenced(settings),
    )
    return wiring.localhub


def _fenced(settings: Settings) -> bool:
    return settings.sandbox == "bubblewrap"


def _jobs(settings: Settings, bare: BareRepositories, files: Files) -> SandboxedJobs:
    """Whoever carries jobs out; raises PlatformError where a tool for that is missing."""
    found = tools.found(settings.state)
    if _fenced(settings) and not tools.bubblewrap_works(found):
        raise PlatformError(
            "bubblewrap cannot make sandboxes here: user namespaces are forbidden",
            hint="allow them, or set `sandbox: none` in localhub.yaml: workflow code then runs as this user",
        )
    around = sandbox.Settings(
        found.bubblewrap,
        tools.user_for_jobs(),
        network=settings.network,
        home_bytes=settings.home_memory_mb << 20 if settings.home_memory_mb else None,
        fenced=_fenced(settings),
    )
    return SandboxedJobs(
        settings.state,
        found,
        around,
        repository_folder=bare.folder,
        store=files,
        actions=Actions(found.actions, settings.actions, bare.text),
        extra_binds=_binds(settings.binds),
        paths=settings.paths,
        passed={name: os.environ[name] for name in PASSED if name in os.environ},
    )


def _binds(binds: Mapping[str, str]) -> tuple[sandbox.Bind, ...]:
    return tuple(sandbox.Bind(Path(source), target) for source, target in binds.items())


class _Wiring:
    """What the engine asks and tells; the parts that answer are put together after the engine itself."""

    localhub: Localhub

    def around(self, repository: str) -> Around:
        return self.localhub.around(repository)

    def rules(self, repository: str, name: str) -> protection.Rules:
        """An environment's rules; one that nobody has made is made now, as GitHub does."""
        found = self.localhub.environments.get(repository, name)
        if found is None:
            found = self.localhub.set_environment(repository, name)
        return protection.Rules(found.reviewers, found.branches, found.prevent_self_review)

    def job_token(self, run: Run, job: Job, permissions: Mapping[str, str]) -> str:
        """A token that is good while its job runs."""
        value = f"ghs_{random.token_urlsafe(30)}"
        self.localhub.job_tokens[value] = tokens.JobToken(run.repository, job.id, permissions)
        return value

    def job_changed(self, run: Run, job: Job) -> None:
        if job.done:
            for value, known in list(self.localhub.job_tokens.items()):
                if known.job_id == job.id:
                    del self.localhub.job_tokens[value]
        deployments.follow(self.localhub, run, job)

    def run_ended(self, run: Run) -> None:
        events.run_ended(self.localhub, run)

    def lint(self, run: Run) -> None:
        linting.begin(self.localhub, run)


def _empty_repository(folder: Path) -> None:
    """Where act is started: it complains at every row outside a git repository."""
    if (folder / ".git").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    commands = (
        ["init", "--quiet", "--initial-branch=main", "."],
        [
            "-c",
            "user.name=localhub",
            "-c",
            "user.email=noreply@localhub",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "-",
        ],
        ["remote", "add", "origin", "http://github.localhost/localhub/localhub.git"],
    )
    for command in commands:
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
