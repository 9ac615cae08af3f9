"""The rules that hold with or without a deployment: leaving instances leave, stable ones stay whole."""

from dataclasses import replace

from carelane.delivery.decisions.draft import Draft
from carelane.delivery.environments import STAYING, Instance, Intent, ServiceState
from carelane.delivery.releases import ServiceKind

IDLE_SECONDS = 0.2
"""How long no proxy may have a request under way before an instance is told to stop."""


def tidy(draft: Draft) -> None:
    """Carry leaving instances on: drained ones stop, stopped ones are forgotten, cold ones drain."""
    for name, state in list(draft.services.items()):
        drained = [i for i in state.instances if i.intent is Intent.DRAIN and _drained(draft, i)]
        draft.intend(drained, Intent.STOP)
        draft.forget([i for i in state.of_intent(Intent.STOP) if draft.seen.gone(i.id)])
        _cool(draft, name)
        _drop_versions(draft, name)
        _see_off(draft, name)
        _leave(draft, name)


def _drained(draft: Draft, instance: Instance) -> bool:
    version = draft.service(instance.service).versions[instance.label]
    waited = (draft.now - instance.since).total_seconds()
    if version.run.kind is not ServiceKind.WEB or not draft.seen.running(instance.id):
        return True
    if not draft.in_force() and not draft.seen.routing.rejected:
        return False  # a proxy that has not taken the routing without it sends it requests still
    if waited >= version.run.drain_seconds:
        return True
    endpoint = (draft.seen.endpoints or {}).get(instance.id)
    idle = endpoint.idle_seconds if endpoint is not None else None
    return idle is not None and min(idle, waited) >= IDLE_SECONDS


def _cool(draft: Draft, name: str) -> None:
    """Drain what is kept warm beyond its time or number."""
    state = draft.service(name)
    kept = tuple(w for w in state.previous if w.until > draft.now)[: draft.policy.rollback.keep_warm]
    if kept != state.previous:
        draft.put(name, replace(state, previous=kept))
    belongs = {state.stable, state.canary, *(w.label for w in kept)}
    draft.intend([i for i in state.of_intent(Intent.WARM) if i.label not in belongs], Intent.DRAIN)
    draft.intend(draft.service(name).of_intent(Intent.WARM), Intent.WARM)  # as an earlier version left it


def _drop_versions(draft: Draft, name: str) -> None:
    state = draft.service(name)
    needed = {
        state.stable,
        state.canary,
        *(w.label for w in state.previous),
        *(i.label for i in state.instances),
    }
    if set(state.versions) - needed:
        kept = {label: version for label, version in state.versions.items() if label in needed}
        draft.put(name, replace(state, versions=kept))


def withdraw(draft: Draft, name: str, label: str) -> None:
    """Take what was on trial out of the traffic: now where one of stable is ready, else as soon as one is.

    Where nobody of stable is ready users stay where they are: an error is better than no answer.
    """
    state = draft.service(name)
    if ready(draft, state, state.stable, Intent.SERVE):
        draft.put(name, replace(state, canary_percent=0))
        # What was compared again belongs to the versions kept warm, and stays one of them.
        kept = label in state.kept_warm
        draft.intend(state.of(label, Intent.SERVE), Intent.WARM if kept else Intent.DRAIN)
    elif state.of(label, Intent.SERVE) and label not in state.withdrawn:
        draft.put(name, replace(state, withdrawn=(*state.withdrawn, label)))


def _see_off(draft: Draft, name: str) -> None:
    """What was withdrawn leaves as soon as somebody else takes its users, as `routing` has it."""
    state = draft.service(name)
    for label in state.withdrawn:
        others = [i for i in state.of_intent(Intent.SERVE) if i.label not in state.withdrawn]
        shared = state.canary_percent is not None
        if any(draft.ready(i) for i in others if not shared or i.label == state.stable):
            draft.intend(state.of(label, Intent.SERVE), Intent.DRAIN)
    state = draft.service(name)
    kept = tuple(label for label in state.withdrawn if state.of(label, Intent.SERVE))
    if kept != state.withdrawn:
        draft.put(name, replace(state, withdrawn=kept))


def _leave(draft: Draft, name: str) -> None:
    """What only stayed for its paths leaves once others answer them, or where it answers nobody itself.

    Unless what is on its way has it again.
    """
    state = draft.service(name)
    if draft.release is not None and name in draft.release.versions:
        return
    others = [draft.service(other) for other in state.leaves_for]
    if state.leaves_for and all(ready(draft, other, other.stable, Intent.SERVE) for other in others):
        draft.put(name, replace(state, stable=None, canary=None, previous=(), watch=None, leaves_for=()))
        draft.intend(state.of_intent(Intent.SERVE), Intent.DRAIN)


def maintain(draft: Draft, name: str) -> None:
    """Keep a service that is not being rolled out at its replicas, and replace what no longer lives."""
    state = draft.service(name)
    if state.stable is None:
        if not state.leaves_for:
            draft.put(name, replace(state, canary=None))
            draft.intend(state.of_intent(Intent.SERVE), Intent.DRAIN)
        return
    replace_dead(draft, name, state.stable)
    worker = state.versions[state.stable].run.kind is ServiceKind.WORKER
    if worker and any(i.label != state.stable for i in state.instances):
        draft.intend([i for i in state.of_intent(Intent.SERVE) if i.label != state.stable], Intent.STOP)
        return
    fill(draft, name, state.stable)
    drain_others(draft, name, state.stable)
    _forget_share(draft, name)
    serving = draft.service(name).of(state.stable, Intent.SERVE)
    surplus = len(serving) - draft.replicas(name)
    if surplus > 0:
        by_need = sorted(serving, key=draft.ready)
        draft.intend(by_need[:surplus], Intent.DRAIN)


def _forget_share(draft: Draft, name: str) -> None:
    """Once nobody but the stable version serves, traffic follows the instances again."""
    state = draft.service(name)
    if state.canary_percent is not None and all(
        i.label == state.stable for i in state.of_intent(Intent.SERVE)
    ):
        draft.put(name, replace(state, canary_percent=None))


def fill(draft: Draft, name: str, label: str, wanted: int | None = None) -> None:
    """Bring *label* to *wanted* instances (default its replicas): warm ones first, then new ones."""
    state = draft.service(name)
    wanted = draft.replicas(name) if wanted is None else wanted
    missing = wanted - len(state.of(label, Intent.SERVE))
    if missing <= 0:
        return
    warm = state.of(label, Intent.WARM)[:missing]
    draft.intend(warm, Intent.SERVE)
    draft.start(name, label, missing - len(warm))


def top_up(draft: Draft, name: str) -> None:
    """Keep a held service whole: what is on trial counts as far as it is ready, the rest is stable's."""
    state = draft.service(name)
    serving = state.of_intent(Intent.SERVE)
    counted = [i for i in serving if i.label == state.stable or draft.ready(i)]
    missing = draft.replicas(name) - len(counted)
    if state.stable is not None and missing > 0:
        warm = state.of(state.stable, Intent.WARM)[:missing]
        draft.intend(warm, Intent.SERVE)
        draft.start(name, state.stable, missing - len(warm))


def drain_others(draft: Draft, name: str, label: str) -> bool:
    """Take every other label out of the routing once *label* is whole there; True if it is done.

    Until then ready ones of another label go on serving: fewer instances than promised would be worse.
    While nobody can say who is ready, nobody is taken out.
    """
    if draft.seen.endpoints is None:
        return False
    state = draft.service(name)
    whole = len(ready(draft, state, label, Intent.SERVE)) >= draft.promised(name)
    others = [i for i in state.of_intent(Intent.SERVE) if i.label != label]
    leaving = [i for i in others if whole or not draft.ready(i)]
    draft.intend(leaving, Intent.DRAIN)
    return whole and len(leaving) == len(others)


def replace_dead(draft: Draft, name: str, label: str) -> None:
    """Stop serving instances that fail their liveness probe; new ones take their places."""
    for instance in draft.service(name).of(label, *STAYING):
        seen = draft.seen.instances.get(instance.id)
        if seen is not None and seen.live is False:
            draft.intend([instance], Intent.STOP)
            of = {"service": instance.service, "version": instance.label}
            draft.record("instance.replaced", instance.id, "its liveness probe fails", details=of)


def ready(draft: Draft, state: ServiceState, label: str | None, *intents: Intent) -> list[Instance]:
    """The ready instances at *label*."""
    return [i for i in state.of(label, *intents) if draft.ready(i)]
