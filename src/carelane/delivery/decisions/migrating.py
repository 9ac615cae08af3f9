"""The migration of one service: a task that runs once, before the first instance of its version."""

from dataclasses import replace

from carelane.delivery.decisions import failing
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Failure, FailureKind, Migration, Rollout
from carelane.delivery.observations import ProcessPhase

MOST_MIGRATED = 200
"""Labels whose migration is known to be done; what is older is migrated again, which is safe to repeat."""


def advance(draft: Draft, rollout: Rollout) -> Failure | None:
    """Begin the migration, or see how it ended; the reason where it has failed."""
    task = rollout.migration_id(draft.current().id)
    if rollout.migration is Migration.NONE:
        return _begin(draft, rollout, task)
    never = failing.unstarted(draft, task, draft.seen.unstarted.get(task))
    if never is not None:
        return Failure(FailureKind.MIGRATION, never)
    seen = draft.seen.tasks.get(task)
    if seen is None or seen.phase is not ProcessPhase.EXITED:
        return _late(draft, rollout, task)
    if seen.exit_code != 0:
        said = f"{task} ended with {failing.exit_words(seen.exit_code)}; its log says why"
        return Failure(FailureKind.MIGRATION, said)
    state = draft.service(rollout.service)
    draft.put(rollout.service, replace(state, migrated=(*state.migrated, rollout.to_label)[-MOST_MIGRATED:]))
    draft.put_rollout(replace(rollout, migration=Migration.DONE))
    draft.record("migration.finished", task, details={"service": rollout.service})
    return None


def _begin(draft: Draft, rollout: Rollout, task: str) -> Failure | None:
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
    return _late(draft, draft.rollout(rollout.service), f"{', '.join(before)}, told to end before,")


def _late(draft: Draft, rollout: Rollout, what: str) -> Failure | None:
    """Whether *what* has not ended in the time that there is for it."""
    limit = draft.policy.rollback.progress_deadline_seconds
    if rollout.started_at is None or draft.seconds_since(rollout.started_at) <= limit:
        return None
    return Failure(FailureKind.MIGRATION, f"{what} has not ended within {limit:g} s")
