"""The emergency's way: everything to the version to go back to, in one routing change."""

from carelane.delivery.decisions import instances
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Rollout
from carelane.delivery.environments import Intent


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Switch as soon as one instance to go back to is ready; True once that is done.

    One is enough to leave a bad version; the rest are started at once and join when they are ready.
    """
    name = rollout.service
    warm = draft.service(name).of(rollout.to_label, Intent.WARM)
    draft.intend([i for i in warm if not draft.ready(i)], Intent.DRAIN)
    instances.fill(draft, name, rollout.to_label)
    state = draft.service(name)
    if not instances.ready(draft, state, rollout.to_label, Intent.SERVE):
        return False
    draft.intend([i for i in state.instances if _elsewhere(i.label, i.intent, rollout)], Intent.DRAIN)
    return True


def _elsewhere(label: str, intent: Intent, rollout: Rollout) -> bool:
    bad = label == rollout.from_label and intent is Intent.WARM
    return label != rollout.to_label and (intent is Intent.SERVE or bad)
