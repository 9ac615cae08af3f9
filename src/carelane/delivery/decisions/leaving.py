"""Services that a release does not have: who takes over their paths, and when they may leave."""

from collections.abc import Mapping
from dataclasses import replace

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import THERE, RolloutPhase
from carelane.delivery.environments import ServiceState
from carelane.delivery.observations import CopySeen
from carelane.delivery.releases import ServiceVersion

ARRIVED = THERE | {RolloutPhase.HEALTHY}


def to_take_out(draft: Draft) -> list[str]:
    """The services that run and that the release under way does not have."""
    wanted = draft.release.versions if draft.release is not None else {}
    return [n for n, s in draft.services.items() if n not in wanted and s.stable is not None]


def may_leave(draft: Draft, name: str) -> bool:
    """Whether whoever answers the paths of service *name* from then on is there by now."""
    return all(_took_over(draft, name, successor) for successor in successors(draft, name))


def still_there(draft: Draft) -> dict[str, str]:
    """The services that the release under way does not have and that answer until others do, and at what."""
    wanted = draft.release.versions if draft.release is not None else {}
    there = {n: draft.service(n).stable or "" for n in to_take_out(draft)}
    new = {n: s for n, s in draft.services.items() if n not in wanted and s.leaves_for}
    return {**{n: min(s.serving) for n, s in new.items() if s.serving}, **there}


def successors(draft: Draft, name: str) -> list[str]:
    """The services of the release under way that answer the paths of *name* once it has left."""
    state = draft.service(name)
    if draft.release is None or state.stable is None:
        return list(state.leaves_for)
    return answering(draft.release.versions, state.versions[state.stable])


def see_off(draft: Draft, name: str, to: Mapping[str, ServiceVersion] | None = None) -> None:
    """What was new here and is not to stay leaves; its paths first, where only it answers them.

    Where nobody but the versions that are gone *to* will answer them, it is what is there until then.
    """
    state = draft.service(name)
    stable = {n: s.versions[s.stable] for n, s in draft.services.items() if s.stable is not None}
    ready = list(dict.fromkeys(copy.label for copy in _serving(draft, name) if copy.ready))
    there = [n for label in ready for n in answering(stable, state.versions[label])]
    coming = [n for label in ready for n in answering(to or {}, state.versions[label])]
    others = [n for n in there if not _answers(draft, n)]
    if others and not state.leaves_for:
        _stand_still(draft, name, tuple(dict.fromkeys(others)))
    elif not there and any(not _answers(draft, n) for n in coming):
        draft.put(name, replace(state, stable=ready[0]))
        draft.rest(name)
    elif not others:
        draft.leave(name)


def _stand_still(draft: Draft, name: str, leaves_for: tuple[str, ...]) -> None:
    """What serves goes on as it does, and nothing is added to it, until others have its paths."""
    state = draft.service(name)
    shares = draft.users()[name].weights
    labels = [label for label, weight in shares.items() if weight]
    copies = {label: Copies(Purpose.SERVE, 0) for label in labels}
    draft.put(
        name,
        replace(state, leaves_for=leaves_for, home=labels[0], copies=copies, shares=dict(shares)),
    )


def carrying_for(draft: Draft, service: str) -> list[CopySeen]:
    """Who still answers, in services that are to leave, what *service* is to answer."""
    return [
        copy
        for name in to_take_out(draft)
        if service in successors(draft, name)
        for copy in _answers(draft, name)
    ]


def _serving(draft: Draft, name: str) -> list[CopySeen]:
    return [copy for label in draft.service(name).versions for copy in draft.serving(name, label)]


def _answers(draft: Draft, name: str) -> list[CopySeen]:
    """Who is ready to answer users of a service; not what is up beside it, and has no share."""
    state = draft.service(name)
    return [copy for copy in _serving(draft, name) if copy.ready and not _is_beside(state, copy.label)]


def _is_beside(state: ServiceState, label: str) -> bool:
    return state.shares is not None and label == state.canary and not state.shares.get(label)


def _took_over(draft: Draft, name: str, successor: str) -> bool:
    rollout = draft.current().rollouts.get(successor)
    if rollout is not None:
        return rollout.phase in ARRIVED
    return bool(_answers(draft, successor)) or not _answers(draft, name)


def answering(versions: Mapping[str, ServiceVersion], left: ServiceVersion) -> list[str]:
    """The services among *versions* with the longest prefixes that lead to the paths of *left*."""
    found = []
    for path in left.run.routes:
        prefixes = [
            (len(prefix), name)
            for name, version in versions.items()
            for prefix in version.run.routes
            if prefix in {"/", path} or path.startswith(f"{prefix}/")
        ]
        found += [name for _, name in [max(prefixes)]] if prefixes else []
    return list(dict.fromkeys(found))
