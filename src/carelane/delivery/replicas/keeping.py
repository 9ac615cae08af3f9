"""The rules that always hold: leaving instances leave, what hangs is replaced, labels are filled."""

from carelane.delivery.copies import Purpose
from carelane.delivery.releases import ServiceKind
from carelane.delivery.replicas.draft import FleetDraft
from carelane.delivery.replicas.fleet import STAYING, Instance, Intent

IDLE_SECONDS = 0.2
"""How long no proxy may have a request under way before an instance is told to stop."""


def tidy(draft: FleetDraft, service: str) -> None:
    """Carry leaving instances on: drained ones stop, stopped ones are forgotten."""
    needed = _needed(draft, service)
    draining = [i for i in draft.crew(service).of_intent(Intent.DRAIN) if i not in needed]
    draft.intend([i for i in draining if _drained(draft, i)], Intent.STOP)
    crew = draft.crew(service)
    gone = [i for i in crew.of_intent(Intent.STOP) if draft.seen.gone(i.id)]
    if gone:
        draft.put(service, tuple(i for i in crew.instances if i not in gone))


def recallable(draft: FleetDraft, service: str, label: str) -> list[Instance]:
    """Those of *label* on their way out that are ready: as good as warm ones, not told to end."""
    return [i for i in draft.crew(service).of(label, Intent.DRAIN) if draft.ready(i)]


def _needed(draft: FleetDraft, service: str) -> list[Instance]:
    """Those on their way out that are ready, of labels that are wanted and lack as many."""
    wanted, crew = draft.wanted(service), draft.crew(service)
    found: list[Instance] = []
    for label, copies in wanted.copies.items():
        ready = sum(draft.ready(i) for i in crew.of(label, Intent.SERVE))
        found += recallable(draft, service, label)[: max(copies.of(wanted.size) - ready, 0)]
    return found


def _drained(draft: FleetDraft, instance: Instance) -> bool:
    run = draft.version(instance).run
    waited = (draft.now - instance.since).total_seconds()
    if run.kind is not ServiceKind.WEB or not draft.seen.running(instance.id):
        return True
    if not draft.in_force() and not draft.seen.routing.rejected:
        return False  # a proxy that has not taken the routing without it sends it requests still
    if waited >= run.drain_seconds:
        return True
    endpoint = (draft.seen.endpoints or {}).get(instance.id)
    idle = endpoint.idle_seconds if endpoint is not None else None
    return idle is not None and min(idle, waited) >= IDLE_SECONDS


def replace_dead(draft: FleetDraft, service: str) -> None:
    """Stop instances of the stable version that fail their liveness probe; new ones take their places."""
    stable = draft.wanted(service).stable
    for instance in draft.crew(service).of(stable, *STAYING) if stable is not None else []:
        seen = draft.seen.instances.get(instance.id)
        if seen is not None and seen.live is False:
            draft.intend([instance], Intent.STOP)
            draft.record("instance.replaced", instance, "its liveness probe fails", {})


def fill(draft: FleetDraft, service: str, label: str, wanted: int) -> None:
    """Bring *label* to *wanted* instances: warm ones first, then those on their way out, then new ones.

    Those that are ready are recalled beyond the number, too, while others of the label are not.
    """
    crew = draft.crew(service)
    serving, warm = crew.of(label, Intent.SERVE), crew.of(label, Intent.WARM)
    spare = [*warm, *recallable(draft, service, label)]
    missing = max(wanted - len(serving), 0)
    recalled = spare[:missing]
    unready = wanted - sum(draft.ready(i) for i in [*serving, *recalled])
    recalled += [i for i in spare[missing:] if draft.ready(i)][: max(unready, 0)]
    draft.intend(recalled, Intent.SERVE)
    draft.start(service, label, max(missing - len(recalled), 0))


def shrink(draft: FleetDraft, service: str, label: str, wanted: int) -> None:
    """Let go what serves at *label* beyond *wanted*, and is least needed."""
    serving = draft.crew(service).of(label, Intent.SERVE)
    by_need = sorted(serving, key=draft.ready)
    draft.intend(by_need[: max(len(serving) - wanted, 0)], Intent.DRAIN)


def retire(draft: FleetDraft, instances: list[Instance]) -> None:
    """Take *instances* out of the traffic: those stay warm whose label is to, the others leave."""
    warm = [i for i in instances if _kept_warm(draft, i)]
    draft.intend(warm, Intent.WARM)
    draft.intend([i for i in instances if i not in warm], Intent.DRAIN)


def let_go(draft: FleetDraft, service: str) -> None:
    """What is wanted no more leaves as soon as somebody else takes its users, as `users.shared` has it.

    Side by side that is what is to be warm, too. Who is not ready goes before: users would get it as soon
    as it is, though it is wanted no more.
    """
    wanted, there = draft.wanted(service), draft.crew(service).of_intent(Intent.SERVE)
    stays = parts = set(wanted.copies)
    if wanted.shares is not None:
        stays = {label for label, copies in wanted.copies.items() if copies.serves}
        parts = {label for label, part in wanted.shares.items() if part}
        if len(parts) > 1 and wanted.trial != wanted.home:
            parts.discard(wanted.trial or "")  # a canary is not to have everybody
    taken_over = any(draft.ready(i) for i in there if i.label in parts)
    retire(draft, [i for i in there if i.label not in stays and (taken_over or not draft.ready(i))])


def _kept_warm(draft: FleetDraft, instance: Instance) -> bool:
    copies = draft.wanted(instance.service).copies.get(instance.label)
    return copies is not None and copies.purpose is Purpose.WARM


def cool(draft: FleetDraft, service: str) -> None:
    """Let go what is warm and wanted no more, or not so many; a worker that an earlier version left warm."""
    wanted = draft.wanted(service)
    draft.intend(draft.crew(service).of_intent(Intent.WARM), Intent.WARM)
    warm = sorted(draft.crew(service).of_intent(Intent.WARM), key=draft.ready, reverse=True)
    most = max(wanted.size, wanted.warm)
    kept = [i for label in wanted.copies for i in [w for w in warm if w.label == label][:most]]
    draft.intend([i for i in warm if i not in kept], Intent.DRAIN)
