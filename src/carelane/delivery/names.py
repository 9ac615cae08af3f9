"""What instances and tasks are called: two namespaces that cannot meet.

The mark of a task is a character that no service's name may have (`config.basics.Name`), so no instance of
any service is ever called like a task of another.
"""

from carelane.base.errors import InvariantError

TASK_MARK = "."


def instance_name(service: str, number: int) -> str:
    """The name of the *number*-th instance that was started in an environment."""
    return f"{_unmarked(service)}-{number}"


def migration_name(service: str, deployment: int, attempt: int = 1) -> str:
    """The name of the task that changes a service's data for a deployment, at its *attempt* (from 1)."""
    return f"{_unmarked(service)}{TASK_MARK}migrate-{deployment}{_again(attempt)}"


def check_name(service: str, deployment: int, step: int, attempt: int) -> str:
    """The name of the task that is the check at canary *step* (from 1), at its *attempt* (from 1)."""
    return f"{_unmarked(service)}{TASK_MARK}check-{deployment}-{step}{_again(attempt)}"


def task_of(name: str) -> str | None:
    """The service whose task is called *name*; None where that is an instance's name."""
    service, mark, _ = name.partition(TASK_MARK)
    return service if mark else None


def belongs_to(task: str, deployment: int) -> bool:
    """Whether the *task* of that name is a migration or a check of *deployment*."""
    kind, _, rest = task.partition(TASK_MARK)[2].partition("-")
    return kind in {"migrate", "check"} and rest.split("-")[0] == str(deployment)


def _again(attempt: int) -> str:
    return f"-{attempt}" if attempt > 1 else ""


def migration_name_before_tasks_were_marked(service: str, deployment: int) -> str:
    """What a migration was called that a server of 0.2 began: it is looked for, never given again."""
    return f"{service}-migrate-{deployment}"


def _unmarked(service: str) -> str:
    if not service or TASK_MARK in service:
        raise InvariantError(f"{service!r} cannot be a service's name: {TASK_MARK} marks a task")
    return service
