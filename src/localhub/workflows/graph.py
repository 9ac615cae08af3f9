"""Which job waits for which."""

from collections.abc import Iterable, Mapping

from localhub.workflows.definitions import Workflow


def ordered(workflow: Workflow) -> tuple[str, ...]:
    """All jobs' ids, each after the jobs that it needs; else in the file's order."""
    done, _ = resolved({job.id: job.needs for job in workflow.jobs.values()})
    return done


def ancestors(workflow: Workflow, job: str) -> frozenset[str]:
    """The jobs that *job* needs, and those that they need, and so on; not itself."""
    found: set[str] = set()
    waiting = list(workflow.jobs[job].needs)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += workflow.jobs[name].needs
    return frozenset(found)


def resolved(needs: Mapping[str, Iterable[str]]) -> tuple[tuple[str, ...], dict[str, set[str]]]:
    """Jobs in an order in which they can run, and those that never can with what they wait for."""
    done: dict[str, None] = {}
    waiting = {name: set(needed) for name, needed in needs.items()}
    while ready := [name for name, needed in waiting.items() if needed <= done.keys()]:
        done |= dict.fromkeys(ready)
        for name in ready:
            del waiting[name]
    return tuple(done), {name: needed - done.keys() for name, needed in waiting.items()}
