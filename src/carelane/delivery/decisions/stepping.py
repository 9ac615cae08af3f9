"""Canary steps: what a canary and a blue-green deployment of a web service go by.

Stable stays whole until every step is done; turning back is one routing change.
"""

from collections.abc import Callable
from dataclasses import replace

from carelane.analysis.verdicts import Evidence, Reason, Verdict
from carelane.base.errors import ConflictError
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions import failing, holding, rolling, watching
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import FailureKind, Rollout
from carelane.delivery.environments import WHOLE
from carelane.delivery.incidents import Cause
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.strategies import EVERYBODY, SCALING, CanaryStep, OnInconclusive, StepKind

LEAST = 1
"""In percent: enough for one copy."""
EXTENSIONS = 4
"""How many times its seconds an analysis step may take that is extended; then a person is asked."""


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Take the next step; True once all are done and the new version has all the traffic."""
    steps = rollout.strategy.steps
    if rollout.step >= len(steps):
        return _take_over(draft, rollout)
    step = steps[rollout.step]
    if _STEPS[step.kind](draft, rollout, step):
        go_on(draft, rollout.service)
    return False


def begin(draft: Draft, rollout: Rollout) -> None:
    """Stand beside the stable version, without users; with all of them where nobody else has any."""
    name, label = rollout.service, rollout.to_label
    alone = draft.reached(name) == {label}  # it is asked for again before stable was back
    draft.put_on_trial(rollout)
    state = draft.service(name)
    purpose = Purpose.CANARY if alone else Purpose.PREVIEW
    copies = {**state.at_rest, label: Copies(purpose, 0)}
    shares = _shares(state.stable, label, EVERYBODY if alone else 0)
    draft.put(name, replace(state, home=state.stable, copies=copies, shares=shares))


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
            f"{service} is at step {rollout.step + 1}, {steps[rollout.step]}: that cannot be skipped",
            hint="only a pause, an analysis, a check or a verification is gone past; --full goes past all",
        )
    else:
        go_on(draft, service)


def _scaled(draft: Draft, rollout: Rollout, percent: int) -> bool:
    """Have as many canary copies as *percent* of the traffic needs; True once they are all ready."""
    name, label = rollout.service, rollout.to_label
    before = draft.service(name).copies.get(label, Copies(Purpose.PREVIEW, 0))
    wanted = replace(before, percent=max(percent, before.percent))
    draft.want(name, label, wanted)
    ready = draft.settled(name, label)
    rolling.note_progress(draft, rollout, ready)
    return ready >= Copies(wanted.purpose, percent).of(draft.size(name))


def _scale(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    return _scaled(draft, rollout, step.percent)


def _weigh(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    if not _scaled(draft, rollout, max(step.percent, LEAST)):
        return False
    _share(draft, rollout, step.percent)
    return True


def _share(draft: Draft, rollout: Rollout, percent: int) -> None:
    name, label, stable = rollout.service, rollout.to_label, draft.service(rollout.service).stable
    shares = _shares(stable, label, percent)
    if draft.service(name).shares != shares:
        draft.share(name, shares)
        purpose = Purpose.CANARY if percent else Purpose.PREVIEW
        draft.want(name, label, replace(draft.service(name).copies[label], purpose=purpose))
        draft.record(
            "rollout.weight",
            f"{draft.current().id}/{name}",
            f"{percent} % to {label}",
            details={"service": name, "percent": percent, "to": label},
        )


def _shares(stable: str | None, label: str, percent: int) -> dict[str, int]:
    """The parts of WHOLE of the stable version and of the one on trial at *label*."""
    trial = {label: WHOLE * percent // 100}
    return trial if stable is None else {stable: WHOLE * (100 - percent) // 100, **trial}


def _take_over(draft: Draft, rollout: Rollout) -> bool:
    """Everything to the canary, and the old version out of the traffic.

    It stays warm until the whole deployment has succeeded, whatever is kept afterwards: a later
    service may still fail and take this one back.
    """
    name, label = rollout.service, rollout.to_label
    if not _scaled(draft, rollout, EVERYBODY):
        return False
    _share(draft, rollout, EVERYBODY)
    stable = draft.service(name).stable
    if stable is not None and stable != label:
        draft.want(name, stable, Copies(Purpose.WARM))
    # Done once it is in force: a routing that was rejected is a wish.
    return draft.in_force() and not draft.others(name, label)


def _pause(draft: Draft, rollout: Rollout, step: CanaryStep) -> bool:
    if step.seconds is not None:
        return draft.seconds_at_step(rollout) >= step.seconds
    if rollout.held_step == rollout.step:
        return True  # somebody has resumed it
    holding.ask(draft, rollout, f"step {rollout.step + 1} waits for a person: resume or promote it")
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
