"""One instance, looked at closely."""

from dataclasses import dataclass

from carelane.api import views
from carelane.base.errors import NotFoundError
from carelane.bootstrap.app import App
from carelane.delivery.looking import CopyDetail
from carelane.delivery.observations import CopySeen, ProcessPhase


@dataclass(frozen=True)
class InstanceDescription:
    """One instance, what is worth knowing of it, and in words what it *waits_for* ("" for nothing)."""

    service: str
    instance: views.InstanceView
    waits_for: str
    detail: CopyDetail


def instance(app: App, environment: str, name: str) -> InstanceDescription:
    """Instance *name* of *environment*.

    Raises:
        NotFoundError: If it is not there; what has ended has a log and no more.
    """
    found = app.environments[environment]
    copies = found.engine.shown.copies
    if name not in copies:
        there = ", ".join(copies) or "none"
        raise NotFoundError(
            f"{environment} has no instance {name}",
            hint=f"there are: {there}; `carelane logs` reads what has ended",
        )
    copy = copies[name]
    versions = app.repository.snapshot(environment).state.service(copy.service).versions
    readiness = versions[copy.label].run.readiness if copy.label in versions else None
    detail = found.details.detail(name, readiness)
    return InstanceDescription(copy.service, views.instance(copy), _waits_for(copy, detail), detail)


def _waits_for(copy: CopySeen, detail: CopyDetail) -> str:
    if copy.unstarted is not None:
        return f"to be started, in vain so far: {copy.unstarted.why}"
    if copy.leaving:
        return "its process to end; it was told to"
    if copy.purpose is None:
        return f"the requests that it has to end ({copy.active_requests or 0} now), then it is told to"
    if copy.phase is not ProcessPhase.RUNNING:
        ended = f": it has ended {copy.restarts} times in a row" if copy.restarts else ""
        return f"its process to be started{ended}"
    if not copy.ready:
        return f"its readiness: {detail.probe}" if detail.probe else "the proxies to see that it is ready"
    return ""
