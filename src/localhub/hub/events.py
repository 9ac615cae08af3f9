"""What git is told, turned into events: a hook writes each push down, so that none is lost while we are away."""

import os
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from localhub.base.errors import LocalhubError
from localhub.hub.parts import Localhub
from localhub.repositories.bare import Pushed
from localhub.runs.contexts import ref_name
from localhub.runs.records import Run
from localhub.runs.starting import FOLDER, Happened
from localhub.workflows import schedules
from localhub.workflows.reading import read

LOOK_EVERY_SECONDS = 0.1
log = structlog.get_logger()


class Watcher:
    """Looks for pushes and for schedules that are due."""

    def __init__(self, localhub: Localhub) -> None:
        self._hub = localhub

    def run_forever(self, stopping: threading.Event) -> None:
        """Looks until *stopping* is set."""
        looked_at_schedules = None
        while not stopping.wait(LOOK_EVERY_SECONDS):
            for repository in self._hub.repositories.all():
                self.take_pushes(repository.name)
            minute = self._hub.clock.now().replace(second=0, microsecond=0)
            if minute != looked_at_schedules:
                looked_at_schedules = minute
                self.start_what_is_due()

    def take_pushes(self, repository: str) -> int:
        """Turns pushes written down into events; returns how many there were."""
        folder = self._hub.bare.folder(repository) / "localhub" / "pushes"
        try:
            names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        except FileNotFoundError:
            return 0
        for name in names:
            path = folder / name
            actor, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines:
                before, after, ref = line.split(" ", 2)
                try:
                    self._pushed(repository, Pushed(ref, before, after), actor)
                except LocalhubError as problem:
                    log.warning(
                        "push_not_understood", repository=repository, ref=ref, problem=problem.message
                    )
            path.unlink()
        return len(names)

    def _pushed(self, repository: str, pushed: Pushed, actor: str) -> None:
        found = self._hub.repositories.get(repository)
        if found is None:
            return
        self._hub.repositories.save(replace(found, pushed_at=self._hub.clock.now()))
        if pushed.deleted:
            return
        sha = self._hub.bare.resolve(repository, pushed.after)
        commit = self._hub.bare.commit(repository, sha)
        title = commit.message.splitlines()[0] if commit.message else sha[:7]
        before = None if pushed.created else pushed.before
        self._hub.starter.happened(
            Happened(
                repository=repository,
                event="push",
                ref=pushed.ref,
                sha=sha,
                actor=actor,
                payload=push_payload(self._hub, repository, pushed, sha, actor),
                before=before,
                title=title,
            )
        )
        if pushed.ref.startswith("refs/heads/"):
            pull_requests_moved(self._hub, repository, ref_name(pushed.ref), sha, actor)

    def start_what_is_due(self) -> None:
        """Schedules of the default branch whose time has come since they were last looked at."""
        for repository in self._hub.repositories.all():
            ref = f"refs/heads/{repository.default_branch}"
            sha = self._hub.bare.refs(repository.name).get(ref)
            if sha is None:
                continue
            for path, text in self._hub.bare.files(repository.name, sha, FOLDER).items():
                if "schedule" not in text:
                    continue
                self._schedule(repository.name, ref, sha, path, text)

    def _schedule(self, repository: str, ref: str, sha: str, path: str, text: str) -> None:
        now = self._hub.clock.now()
        try:
            workflow = read(text, path)
        except LocalhubError:
            return
        known = self._hub.repositories.known(repository, path, workflow.name, now)
        last = known.schedule_checked_at or now - timedelta(minutes=1)
        self._hub.repositories.save_workflow(replace(known, schedule_checked_at=now))
        trigger = workflow.on.get("schedule")
        for each in trigger.schedules if trigger else ():
            if schedules.next_time(each.cron, last, each.timezone) <= now:
                payload = {"schedule": each.cron, "repository": repository_payload(self._hub, repository)}
                user = self._hub.settings.user
                self._hub.starter.happened(
                    Happened(repository, "schedule", ref, sha, user, payload, only=path, cron=each.cron)
                )


def repository_payload(localhub: Localhub, name: str) -> dict[str, Any]:
    """The `repository` part of an event."""
    owner, _, short = name.partition("/")
    found = localhub.repositories.get(name)
    return {
        "name": short,
        "full_name": name,
        "default_branch": found.default_branch if found else "main",
        "owner": {"login": owner, "name": owner},
        "private": True,
        "html_url": f"http://github.localhost/{name}",
        "clone_url": f"http://github.localhost/{name}.git",
    }


def push_payload(localhub: Localhub, repository: str, pushed: Pushed, sha: str, actor: str) -> dict[str, Any]:
    """The event of a push, as far as workflows read it."""
    commit = localhub.bare.commit(repository, sha)
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
        "repository": repository_payload(localhub, repository),
    }


def pull_requests_moved(localhub: Localhub, repository: str, branch: str, sha: str, actor: str) -> None:
    """Open pull requests from a branch that was pushed to: they have a new head, and their workflows run."""
    for pull in localhub.pulls.all(repository):
        if pull.state == "open" and pull.head == branch and pull.head_sha != sha:
            moved = replace(pull, head_sha=sha, updated_at=localhub.clock.now())
            localhub.pulls.save(moved)
            pull_request_event(localhub, moved, "synchronize", actor)


def pull_request_event(localhub: Localhub, pull: Any, action: str, actor: str) -> None:
    """Starts the workflows of a pull request, on the commit that merging it would make."""
    name = pull.repository
    base = localhub.bare.refs(name).get(f"refs/heads/{pull.base}", pull.base_sha)
    try:
        sha = localhub.bare.merged(
            name, base, pull.head_sha, f"Merge {pull.head_sha} into {base}", method="merge", author=actor
        )
    except LocalhubError:
        return  # with conflicts there is no merge commit, and GitHub starts nothing
    ref = f"refs/pull/{pull.number}/merge"
    localhub.bare.set_ref(name, ref, sha)
    payload = {
        "action": action,
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "draft": pull.draft,
            "state": pull.state,
            "merged": pull.merged_at is not None,
            "user": {"login": pull.author},
            "head": {"ref": pull.head, "sha": pull.head_sha, "repo": repository_payload(localhub, name)},
            "base": {"ref": pull.base, "sha": base, "repo": repository_payload(localhub, name)},
        },
        "sender": {"login": actor},
        "repository": repository_payload(localhub, name),
    }
    changed = list(localhub.bare.changed(name, localhub.bare.base(name, base, pull.head_sha), pull.head_sha))
    localhub.starter.happened(
        Happened(
            repository=name,
            event="pull_request",
            ref=ref,
            sha=sha,
            actor=actor,
            payload=payload,
            action=action,
            base_ref=pull.base,
            head_ref=pull.head,
            pull_request=pull.number,
            title=pull.title,
        ),
        changed=changed,
    )


def run_ended(localhub: Localhub, run: Run) -> None:
    """Starts what waits for the run to complete (`on: workflow_run`), at the default branch."""
    if run.event == "workflow_run":
        return
    repository = localhub.repositories.get(run.repository)
    if repository is None:
        return
    ref = f"refs/heads/{repository.default_branch}"
    sha = localhub.bare.refs(run.repository).get(ref)
    if sha is None:
        return
    payload = {
        "action": "completed",
        "workflow_run": {
            "id": run.id,
            "name": run.name,
            "head_branch": run.head_branch,
            "head_sha": run.sha,
            "event": run.event,
            "conclusion": str(run.conclusion),
            "status": "completed",
            "path": run.path,
            "run_number": run.number,
            "run_attempt": run.attempt,
        },
        "workflow": {"id": run.workflow_id, "name": run.name, "path": run.path},
        "sender": {"login": run.actor},
        "repository": repository_payload(localhub, run.repository),
    }
    localhub.starter.happened(
        Happened(
            run.repository,
            "workflow_run",
            ref,
            sha,
            run.actor,
            payload,
            action="completed",
            workflow=run.name,
            workflow_branch=run.head_branch,
        )
    )
