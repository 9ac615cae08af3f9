"""The rules that hold with or without a deployment: what is kept warm, what stays, and what leaves."""

from dataclasses import replace

from carelane.delivery.copies import Purpose
from carelane.delivery.decisions import giving, leaving
from carelane.delivery.decisions.draft import Draft


def tidy(draft: Draft) -> None:
    """Let go what was warm for long enough, what nobody runs any more, and who only stayed for others."""
    for name in list(draft.services):
        _cool(draft, name)
        _drop_versions(draft, name)
        _leave(draft, name)


def _cool(draft: Draft, name: str) -> None:
    """What is kept warm beyond its time or number goes; not while what came after it fails."""
    state = draft.service(name)
    needed = state.watch is not None and state.watch.unready_since is not None
    young = tuple(w for w in state.previous if w.until > draft.now or needed)
    kept = young[: draft.policy.rollback.keep_warm]
    if kept == state.previous:
        return
    cold = state.kept_warm - {warm.label for warm in kept}
    copies = {
        label: c for label, c in state.copies.items() if label not in cold or c.purpose is not Purpose.WARM
    }
    draft.put(name, replace(state, previous=kept, copies=copies))


def _drop_versions(draft: Draft, name: str) -> None:
    state = draft.service(name)
    there = {copy.label for copy in draft.seen.of(name)}
    needed = {state.stable, state.canary, state.home, *state.kept_warm, *state.copies, *there}
    if set(state.versions) - needed:
        kept = {label: version for label, version in state.versions.items() if label in needed}
        draft.put(name, replace(state, versions=kept))


def _leave(draft: Draft, name: str) -> None:
    """What only stayed for its paths leaves once others answer them, or where it answers nobody itself.

    Unless what is on its way has it again.
    """
    state = draft.service(name)
    if draft.release is not None and name in draft.release.versions:
        return
    others = [draft.ready(other, draft.service(other).stable) for other in state.leaves_for]
    if others and all(others):
        draft.leave(name)


def maintain(draft: Draft, name: str) -> None:
    """Of a service that is not being rolled out the stable version alone is to serve.

    Where others have users still, these go over as it gets ready.
    """
    state = draft.service(name)
    if state.stable is None:
        if not state.leaves_for:
            leaving.see_off(draft, name)
        return
    left = {label for label, share in (state.shares or {}).items() if share and label != state.stable}
    if left and not giving.over(draft, name, state.stable):
        return
    draft.rest(name)
    if draft.whole(name, state.stable) or not draft.others(name, state.stable):
        draft.share(name, None)  # nobody is to stand beside it any more
