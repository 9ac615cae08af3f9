"""Canary steps: what a canary and a blue-green deployment of a web service go by.

Stable stays whole until every step is done; turning back is one routing change.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from carelane.analysis.verdicts import Evidence, Reason, Verdict
from carelane.base.errors import ConflictError
from carelane.delivery.decisions import failing, holding, instances, rolling, watching
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import FailureKind, Rollout
from carelane.delivery.environments import Intent
from carelane.delivery.incidents import Cause
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.strategies import SCALING, CanaryStep, OnInconclusive, StepKind

EXTENSIONS = 4
"""How many times its seconds an analysis step may take that is extended; then a person is asked."""


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Take the next step; True once all are done and the new version has all the traffic."""
    steps = rollout.strategy.steps
    if rollout.step >= len(steps):
        return _take_over(draft, rollout)
    keep_stable_whole(draft, rollout)
    step = steps[rollout.step]
    if _STEPS[step.kind](draft, rollout, step):
        go_on(draft, rollout.service)
    return False


def revert(draft: Draft, rollout: Rollout) -> bool:
    """Go back to the old label: its weight is whole in the same routing change that takes the other's."""
    stable = draft.service(rollout.service).stable
    if stable is not None:
        instances.fill(draft, rollout.service, stable)  # what is warm takes users before the other loses them
    instances.withdraw(draft, rollout.service, rollout.to_label)
    return rolling.revert(draft, rollout)


def go_on(draft: Draft, service: str) -> None:
    """Leave the present step for the next one, whose time begins."""
    rollout = draft.rollout(service)
    steps = rollout.strategy.steps
    number = rollout.step + 1
    scales = number >= len(steps) or steps[number].kind in SCALING
    draft.put_rollout(
        replace(
            rollout,
            step=number,
            attempt=0,
            step_since=draft.now,
            progress_at=draft.now if scales else None,
        )
    )
    draft.record(
        "rollout.step",
        f"{draft.current().id}/{service}",
        f"{steps[rollout.step]} done" + (f", next {steps[number]}" if number < len(steps) else ""),
        details={"service": service, "step": number, "of": len(steps)},
    )


def skip(draft: Draft, service: str, *, full: bool) -> None:
    """Go past the step that waits, or past all of them.

    Raises:
        ConflictError: If the step is one that is done, not waited for: users would be lost on the way.
    """
    rollout = draft.rollout(service)
    steps = rollout.strategy.steps
    if full:
        draft.put_rollout(replace(rollout, step=len(steps), step_since=draft.now, progress_at=draft.now))
    elif steps[rollout.step].kind in SCALING:
        raise ConflictError(
            f"{service} is at canary step {rollout.step + 1}, {steps[rollout.step]}: that cannot be skipped",
            hint="only a pause, an analysis, a check or a verification is gone past; --full goes past all",
        )
    else:
        go_on(draft, service)


def keep_stable_whole(draft: Draft, rollout: Rollout) -> None:
    """A stable instance that ended gets a successor, whatever the canary does."""
    state = draft.service(rollout.service)
    if state.stable is not None and state.stable != rollout.to_label:
        instances.fill(draft, rollout.service, state.stable)


def _scaled(draft: Draft, rollout: Rollout, percent: int) -> bool:
    """Have as many canary instances as *percent* of the traffic needs; True once they are all ready."""
    name, label = rollout.service, rollout.to_label
    wanted = max(1, math.ceil(draft.replicas(name) * percent / 100))
    instances.fill(draft, name, label, wanted)
    ready = [i for i in draft.service(name).of(label, Intent.SERVE) if draft.settled(i)]
    rolling.note_progress(draft, rollout, len(ready))
    return len(ready) >= wanted


def _scale(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    return _scaled(draft, rollout, step.percent)


def _weigh(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    if not _scaled(draft, rollout, step.percent):
        return False
    _share(draft, rollout, step.percent)
    return True


def _share(draft: Draft, rollout: Rollout, percent: int) -> None:
    state = draft.service(rollout.service)
    if state.canary_percent != percent:
        draft.put(rollout.service, replace(state, canary_percent=percent))
        draft.record(
            "rollout.weight",
            f"{draft.current().id}/{rollout.service}",
            f"{percent} % to {rollout.to_label}",
            details={"service": rollout.service, "percent": percent, "to": rollout.to_label},
        )


def _take_over(draft: Draft, rollout: Rollout) -> bool:
    """Everything to the canary, and the old instances out of the traffic.

    They stay warm until the whole deployment has succeeded, whatever is kept afterwards: a later
    service may still fail and take this one back.
    """
    if not _scaled(draft, rollout, 100):
        keep_stable_whole(draft, rollout)
        return False
    _share(draft, rollout, 100)
    name = rollout.service
    others = [i for i in draft.service(name).of_intent(Intent.SERVE) if i.label != rollout.to_label]
    # Done once the proxies took it: a routing that they rejected is a wish.
    done = draft.in_force() and not others
    draft.intend(others, Intent.WARM)
    return done


def _pause(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    if step.seconds is not None:
        return draft.seconds_at_step(rollout) >= step.seconds
    if rollout.held_step == rollout.step:
        return True  # somebody has resumed it
    holding.ask(draft, rollout, f"canary step {rollout.step + 1} waits for a person: resume or promote it")
    return False


def _check(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    """Done once the answer is right: of the command where there is one, else of who was asked.

    Before the proxies took the routing another version may have answered.
    """
    if not step.command:
        return draft.in_force() and draft.answer(rollout) == ""
    task = draft.seen.tasks.get(rollout.check_id(draft.current().id))
    return task is not None and task.phase is ProcessPhase.EXITED and task.exit_code == 0


def _analysis(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    """Done once it passes, or a person says so; never because nothing is known."""
    evidence = draft.evidence(rollout)
    if evidence is not None and evidence.verdict is Verdict.PASS:
        _record_judged(draft, rollout, "analysis.passed", evidence.words)
        return True
    if draft.policy.dry_run:
        return _would_have(draft, rollout, step, evidence)
    if rollout.held_step == rollout.step or FailureKind.WORSE in rollout.overruled:
        return True
    extended = EXTENSIONS if rollout.strategy.on_inconclusive is OnInconclusive.EXTEND else 1
    late = step.seconds is not None and draft.seconds_at_step(rollout) >= step.seconds * extended
    if late or (evidence is not None and Reason.STABLE_ABOVE_CEILING in evidence.reasons):
        words = evidence.words if evidence is not None else "analysis: nothing was counted"
        holding.ask(draft, rollout, f"{words}; promote, resume or abort it")
    return False


def _compare(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    """Done once stable is shown to be worse than the version before it; nothing else ends it well."""
    del step
    evidence = draft.evidence(rollout)
    crashes = failing.crashes(draft, rollout.service, rollout.from_label or "")
    if crashes is not None:
        words = str(crashes)
    elif evidence is not None and evidence.verdict is Verdict.FAIL:
        words = failing.compared(evidence, rollout)
    else:
        return False
    _record_judged(draft, rollout, "analysis.confirmed", f"{words}: worse")
    watching.note_incident(draft, rollout.service, Cause.SUSPECTED, words)
    return True


def _would_have(draft: Draft, rollout: Rollout, step: CanaryStep, evidence: Evidence | None) -> bool:
    """A dry run waits as long as a verdict takes, says it, and goes on."""
    failed = evidence is not None and evidence.verdict is Verdict.FAIL
    late = step.seconds is not None and draft.seconds_at_step(rollout) >= step.seconds
    if failed or late:
        words = evidence.words if evidence is not None else "nothing was counted"
        _record_judged(draft, rollout, "analysis.dry_run", words)
    return failed or late


def _record_judged(draft: Draft, rollout: Rollout, act: str, words: str) -> None:
    draft.record(
        act,
        f"{draft.current().id}/{rollout.service}",
        words,
        details={"service": rollout.service, "step": rollout.step + 1},
    )


_STEPS: dict[StepKind, Callable[[Draft, Rollout, CanaryStep], bool]] = {
    StepKind.SCALE: _scale,
    StepKind.WEIGHT: _weigh,
    StepKind.PAUSE: _pause,
    StepKind.ANALYSIS: _analysis,
    StepKind.CHECK: _check,
    StepKind.VERIFY: _check,
    StepKind.COMPARE: _compare,
}
