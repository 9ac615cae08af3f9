"""The migration of one service: a task that runs once, before the first instance of its version."""

from dataclasses import replace
from datetime import timedelta

from carelane.delivery.decisions import failing
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Migration, Rollout
from carelane.delivery.observations import ProcessPhase


def advance(draft: Draft, rollout: Rollout) -> str | None:
    """Begin the migration, or see how it ended; the reason where it has failed."""
    task = rollout.migration_id(draft.current().id)
    if rollout.migration is Migration.NONE:
        return _begin(draft, rollout, task)
    never = failing.unstarted(draft, task)
    if never is not None:
        return f"migration: {never}"
    seen = draft.seen.tasks.get(task)
    if seen is None or seen.phase is not ProcessPhase.EXITED:
        return f"migration: {task} has not ended {_within(draft)}" if _is_late(draft, rollout) else None
    if seen.exit_code != 0:
        code = "unknown" if seen.exit_code is None else seen.exit_code
        return f"migration: {task} ended with exit code {code}; its log says why"
    state = draft.service(rollout.service)
    draft.put(rollout.service, replace(state, migrated=(*state.migrated, rollout.to_label)))
    draft.put_rollout(replace(rollout, migration=Migration.DONE))
    draft.record("migration.finished", task, details={"service": rollout.service})
    return None


def _begin(draft: Draft, rollout: Rollout, task: str) -> str | None:
    """Begin it once no earlier task of the service runs: that of a superseded deployment is told to end."""
    before = draft.seen.unended_tasks(rollout.service, task)
    if not before:
        begun = replace(rollout, migration=Migration.RUNNING, migration_task=task, started_at=draft.now)
        draft.put_rollout(replace(begun, reason=""))
        draft.record("migration.started", task, details={"service": rollout.service})
        return None
    waiting = f"waits for {', '.join(before)} to end"
    since = rollout.started_at or draft.now
    draft.put_rollout(replace(rollout, started_at=since, reason=waiting))
    if not _is_late(draft, draft.rollout(rollout.service)):
        return None
    return f"migration: {', '.join(before)}, told to end before, has not ended {_within(draft)}"


def _is_late(draft: Draft, rollout: Rollout) -> bool:
    limit = draft.policy.rollback.progress_deadline_seconds
    return rollout.started_at is not None and draft.now - rollout.started_at > timedelta(seconds=limit)


def _within(draft: Draft) -> str:
    return f"within {draft.policy.rollback.progress_deadline_seconds:g} s"
