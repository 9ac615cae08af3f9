"""How large a run may become: a file of 800 bytes that calls itself twenty times is 20^10 calls, ten deep."""

from localhub.base.errors import InputError
from localhub.runs.frames import Read
from localhub.runs.records import Run

MOST_JOBS = 1024
"""Of a run, with those that call, are called, wait or are skipped. Ours: GitHub bounds a matrix (256)."""

MOST_WORKFLOWS = 50
"""Different reusable workflows that a run calls: docs.github.com, "Reuse workflows", "Limitations"."""


def check(run: Run, read: Read) -> None:
    """Refuse a run that has grown too large: by what its calls will make, before they have made it.

    Raises:
        InputError: If it has too many jobs, or calls too many workflows.
    """
    calls = [(node.callee, len(node.calls)) for node in run.nodes.values() if node.callee is not None]
    if len({callee for callee, _ in calls}) > MOST_WORKFLOWS:
        raise InputError(f"The run calls more than {MOST_WORKFLOWS} different reusable workflows")
    written = len(read(run.path).jobs) + sum(times * len(read(callee).jobs) for callee, times in calls)
    of_matrices = sum(job.index > 0 for job in run.jobs)
    if written + of_matrices > MOST_JOBS:
        raise InputError(
            f"The run has more than {MOST_JOBS} jobs, those of the workflows that it calls included"
        )
