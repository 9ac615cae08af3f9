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
    waiting = {name: set(needed) for name, needed in needs.items()}
    followers: dict[str, list[str]] = {}
    for name, needed in waiting.items():
        for need in needed:
            followers.setdefault(need, []).append(name)
    place = {name: at for at, name in enumerate(waiting)}
    done: list[str] = []
    ready = [name for name, needed in waiting.items() if not needed]
    while ready:
        done += ready
        freed = [(follower, name) for name in ready for follower in followers.get(name, ())]
        for follower, name in freed:
            waiting[follower].discard(name)
        ready = sorted({name for name, _ in freed if not waiting[name]}, key=place.__getitem__)
    return tuple(done), {name: needed for name, needed in waiting.items() if needed}
