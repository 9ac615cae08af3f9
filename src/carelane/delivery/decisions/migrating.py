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
        begun = replace(rollout, migration=Migration.RUNNING, migration_task=task, started_at=draft.now)
        draft.put_rollout(begun)
        draft.record("migration.started", task, details={"service": rollout.service})
        return None
    never = failing.unstarted(draft, task)
    if never is not None:
        return f"migration: {never}"
    seen = draft.seen.tasks.get(task)
    limit = draft.policy.rollback.progress_deadline_seconds
    if seen is None or seen.phase is not ProcessPhase.EXITED:
        late = rollout.started_at is not None and draft.now - rollout.started_at > timedelta(seconds=limit)
        return f"migration: {task} has not ended within {limit:g} s" if late else None
    if seen.exit_code != 0:
        code = "unknown" if seen.exit_code is None else seen.exit_code
        return f"migration: {task} ended with exit code {code}; its log says why"
    state = draft.service(rollout.service)
    draft.put(rollout.service, replace(state, migrated=(*state.migrated, rollout.to_label)))
    draft.put_rollout(replace(rollout, migration=Migration.DONE))
    draft.record("migration.finished", task, details={"service": rollout.service})
    return None
