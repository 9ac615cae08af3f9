"""Services that a release does not have: who takes over their paths, and when they may leave."""

from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import RolloutPhase
from carelane.delivery.environments import Instance, Intent
from carelane.delivery.releases import Release

THERE = frozenset({RolloutPhase.PROMOTING, RolloutPhase.HEALTHY})


def to_take_out(draft: Draft) -> list[str]:
    """The services that run and that the release under way does not have."""
    wanted = draft.release.versions if draft.release is not None else {}
    return [n for n, s in draft.services.items() if n not in wanted and s.stable is not None]


def may_leave(draft: Draft, name: str) -> bool:
    """Whether whoever answers the paths of service *name* from then on is there by now."""
    return all(_took_over(draft, name, successor) for successor in successors(draft, name))


def successors(draft: Draft, name: str) -> list[str]:
    """The services of the release under way that answer the paths of *name* once it has left."""
    state = draft.service(name)
    if draft.release is None or state.stable is None:
        return []
    found = (_answering(draft.release, path) for path in state.versions[state.stable].run.routes)
    return list(dict.fromkeys(service for service in found if service is not None))


def carrying_for(draft: Draft, service: str) -> list[Instance]:
    """Who still answers, in services that are to leave, what *service* is to answer."""
    return [
        instance
        for name in to_take_out(draft)
        if service in successors(draft, name)
        for instance in _answers(draft, name)
    ]


def _answers(draft: Draft, name: str) -> list[Instance]:
    return [i for i in draft.service(name).of_intent(Intent.SERVE) if draft.ready(i)]


def _took_over(draft: Draft, name: str, successor: str) -> bool:
    rollout = draft.current().rollouts.get(successor)
    if rollout is not None:
        return rollout.phase in THERE
    return bool(_answers(draft, successor)) or not _answers(draft, name)


def _answering(release: Release, path: str) -> str | None:
    """The service with the longest prefix that leads to *path*."""
    prefixes = [
        (len(prefix), name)
        for name, version in release.versions.items()
        for prefix in version.run.routes
        if prefix in {"/", path} or path.startswith(f"{prefix}/")
    ]
    return max(prefixes, default=(0, None))[1]
