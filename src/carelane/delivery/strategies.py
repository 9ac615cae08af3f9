"""How a service gets from its stable to its canary version: at a pace, or by canary steps.

Blue-green is canary steps too: everything is started, checked, and then switched at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from carelane.base.errors import InputError


class StrategyKind(StrEnum):
    """The three ways."""

    ROLLING = "rolling"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"


class StepKind(StrEnum):
    """What a canary step does.

    SCALE starts instances without traffic; WEIGHT gives traffic to as many as it needs (at 0 to nobody: one
    is there for who asks for it by hand); PAUSE waits for a time or a person; ANALYSIS for a verdict; CHECK
    for a command or an HTTP probe of what is not switched yet; VERIFY for health and version at the front
    door; COMPARE until stable is shown to be worse than what is on trial: only a return by itself has it.
    """

    SCALE = "scale"
    WEIGHT = "weight"
    PAUSE = "pause"
    ANALYSIS = "analysis"
    CHECK = "check"
    VERIFY = "verify"
    COMPARE = "compare"


EVERYBODY = 100
"""All of the traffic, in percent: nobody is left to compare with."""
SCALING = frozenset({StepKind.SCALE, StepKind.WEIGHT})


class OnInconclusive(StrEnum):
    """What is done where an analysis step ends without a verdict; never is that taken for a pass."""

    PAUSE = "pause"
    EXTEND = "extend"
    ABORT = "abort"


@dataclass(frozen=True)
class CanaryStep:
    """One step: *percent* of the traffic (or of the replicas, for SCALE), and *seconds* it may take.

    A PAUSE without seconds waits for a person. A CHECK has a *command* or a *path*.
    """

    kind: StepKind
    percent: int = 0
    seconds: float | None = None
    command: tuple[str, ...] = ()
    path: str | None = None

    def __str__(self) -> str:
        if self.kind in SCALING:
            return f"{self.kind} {self.percent} %"
        limit = "" if self.seconds is None else f" {self.seconds:g} s"
        if self.kind is StepKind.PAUSE:
            return f"pause{limit or ' until somebody resumes it'}"
        what = self.path or " ".join(self.command)
        return f"{self.kind} {what}".strip() + (f", at most{limit}" if limit else "")


ANALYSIS_SECONDS = 1800.0
CHECK_SECONDS = 60.0
VERIFY_SECONDS = 10.0


def _analysed(*percents: int) -> tuple[CanaryStep, ...]:
    return tuple(
        step
        for percent in percents
        for step in (
            CanaryStep(StepKind.WEIGHT, percent),
            CanaryStep(StepKind.ANALYSIS, seconds=ANALYSIS_SECONDS),
        )
    )


DEFAULT_CANARY = (*_analysed(10, 25, 50), CanaryStep(StepKind.WEIGHT, 100))
VERIFY = CanaryStep(StepKind.VERIFY, seconds=VERIFY_SECONDS)


def blue_green_steps(*checks: CanaryStep, hold: bool) -> tuple[CanaryStep, ...]:
    """Everything up beside the old, checked, held for a person if asked, switched at once, verified.

    A check may be an analysis: of what came through the preview, for it has no users yet.
    """
    held = (CanaryStep(StepKind.PAUSE),) if hold else ()
    up, switched = CanaryStep(StepKind.SCALE, 100), CanaryStep(StepKind.WEIGHT, 100)
    return (up, *checks, *held, switched, VERIFY)


@dataclass(frozen=True)
class Strategy:
    """One way, with its canary steps; rolling has none."""

    kind: StrategyKind = StrategyKind.ROLLING
    steps: tuple[CanaryStep, ...] = ()
    on_inconclusive: OnInconclusive = OnInconclusive.PAUSE

    @property
    def previewed(self) -> range:
        """The steps at which the preview's requests are judged, where any is an analysis.

        From when everything is up until users get it.
        """
        kinds = [step.kind for step in self.steps]
        if self.kind is not StrategyKind.BLUE_GREEN or StepKind.ANALYSIS not in kinds:
            return range(0)
        return range(kinds.index(StepKind.SCALE) + 1, kinds.index(StepKind.WEIGHT))

    @property
    def compares(self) -> bool:
        """Whether stable is on trial, beside the version before it."""
        return any(step.kind is StepKind.COMPARE for step in self.steps)

    @property
    def judged(self) -> bool:
        """Whether what it brings is compared with stable on its way."""
        return self.kind is StrategyKind.CANARY or bool(self.previewed)

    @property
    def weights(self) -> tuple[int, ...]:
        """The shares of the traffic at which stable has users too, in percent, as they follow one another."""
        shares = (step.percent for step in self.steps if step.kind is StepKind.WEIGHT)
        return tuple(percent for percent in shares if 0 < percent < EVERYBODY)

    def weight_at(self, step: int) -> int:
        """Which of `weights` a canary at *step* has, counted from 0; the first until there is a second."""
        return max(0, len(replace(self, steps=self.steps[:step]).weights) - 1)

    @property
    def stepped(self) -> bool:
        """Whether it goes by canary steps."""
        return self.kind is not StrategyKind.ROLLING


ROLLING = Strategy()
COMPARE_SECONDS = 300.0
COMPARED = Strategy(
    StrategyKind.CANARY,
    (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.COMPARE, seconds=COMPARE_SECONDS)),
)
"""How a suspicion is looked into: the version before gets half of the users, and all if it is better."""
DEFAULTS = {
    StrategyKind.ROLLING: ROLLING,
    StrategyKind.BLUE_GREEN: Strategy(StrategyKind.BLUE_GREEN, blue_green_steps(hold=False)),
    StrategyKind.CANARY: Strategy(StrategyKind.CANARY, DEFAULT_CANARY),
}


def standing(steps: tuple[CanaryStep, ...]) -> tuple[CanaryStep, ...]:
    """The *steps*, at weight 0 first where they begin with what somebody must be there for."""
    return steps if steps and steps[0].kind in SCALING else (CanaryStep(StepKind.WEIGHT, 0), *steps)


def check_steps(steps: tuple[CanaryStep, ...]) -> None:
    """Refuse canary steps that cannot be gone.

    Raises:
        InputError: If a weight does not rise, or an analysis has nothing to compare.
    """
    weight = -1
    for number, step in enumerate(steps, 1):
        if step.kind is StepKind.WEIGHT:
            if not weight < step.percent <= 100:
                raise InputError(
                    f"step {number}: weight {step.percent} after {weight}",
                    hint="each weight is greater than the one before, and 100 at most",
                )
            weight = step.percent
        elif step.kind is StepKind.ANALYSIS and weight <= 0:
            raise InputError(
                f"step {number}: an analysis before the first user has nothing to judge",
                hint="put a weight before it",
            )
        elif step.kind is StepKind.ANALYSIS and weight == EVERYBODY:
            raise InputError(
                f"step {number}: an analysis at weight 100 has no stable to compare with",
                hint="put it before that weight",
            )


_GIVEN_UP = {
    StepKind.ANALYSIS: "its analysis",
    StepKind.CHECK: "its checks",
    StepKind.PAUSE: "a person's word",
}


def given_up(usual: Strategy, chosen: Strategy) -> list[str]:
    """What *usual* asks and *chosen* does not, in words: whoever takes *chosen* instead goes round it."""
    if usual.stepped and not chosen.stepped:
        return [f"the steps of {usual.kind}"]
    kept = {step.kind for step in chosen.steps if _asks(step)}
    return [word for kind, word in _GIVEN_UP.items() if kind not in kept and _any_asks(usual, kind)]


def _any_asks(strategy: Strategy, kind: StepKind) -> bool:
    return any(step.kind is kind and _asks(step) for step in strategy.steps)


def _asks(step: CanaryStep) -> bool:
    """Whether it can end a deployment or hold it for a person; a pause of some seconds does neither."""
    return step.kind is not StepKind.PAUSE or step.seconds is None


def named(kind: str, configured: Mapping[StrategyKind, Strategy]) -> Strategy:
    """The strategy called *kind*, with its settings where there are any.

    Raises:
        InputError: If there is no such strategy.
    """
    try:
        chosen = StrategyKind(kind)
    except ValueError:
        known = ", ".join(StrategyKind)
        raise InputError(f"{kind!r} is no strategy", hint=f"there are: {known}") from None
    return configured.get(chosen, DEFAULTS[chosen])
