"""What carelane.yaml may say of how an environment ships, judges and turns back."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from carelane.base.errors import InputError
from carelane.config.basics import HttpPath, Seconds, Strict
from carelane.delivery.strategies import CanaryStep, StepKind, StrategyKind, check_steps

_PERCENT = re.compile(r"^\d{1,3}%$")


def _share(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or (isinstance(value, str) and _PERCENT.match(value)):
        return value
    raise ValueError(f'must be a number from 0 or a percentage such as "25%", not {value!r}')


def _percent(value: object) -> object:
    if isinstance(value, str) and _PERCENT.match(value):
        return int(value[:-1])
    return value


Share = Annotated[int | str, BeforeValidator(_share)]
Percent = Annotated[
    int,
    BeforeValidator(_percent, json_schema_input_type=int | str),
    Field(ge=0, le=100, description="10 or 10%"),
]


WithoutVerdict = Literal["pause", "extend", "abort"]


class RollingSettings(Strict):
    """How far a rolling replacement may stray from its replicas."""

    max_unavailable: Share = 1
    max_surge: Share = 1
    min_ready_seconds: float = Field(
        5.0,
        ge=0,
        le=3600,
        description="how long a new instance must be ready before it counts, by any strategy",
    )


class PauseSettings(Strict):
    """A pause for a time; without one, until a person resumes it."""

    seconds: Seconds | None = None


class AnalysisStepSettings(Strict):
    """How long a verdict is waited for; a pass ends the step early, a fail the canary."""

    seconds: Seconds = 1800.0

    def step(self) -> CanaryStep:
        """The canary step it is."""
        return CanaryStep(StepKind.ANALYSIS, seconds=self.seconds)


class CheckSettings(Strict):
    """What is asked of the new version before it gets traffic: a command, or a path that answers 200."""

    run: list[str] = Field(default_factory=list, description="a command, run in what was packed")
    path: HttpPath | None = Field(None, description="asked of the new version by hand, until it answers 200")
    seconds: Seconds = 60.0

    @model_validator(mode="after")
    def _one_question(self) -> "CheckSettings":
        if bool(self.run) == (self.path is not None):
            raise ValueError("a check is either a command (run) or a path: say one of them")
        return self

    def step(self) -> CanaryStep:
        """The canary step it is."""
        return CanaryStep(StepKind.CHECK, seconds=self.seconds, command=tuple(self.run), path=self.path)


class VerifySettings(Strict):
    """How long the front door may take until health and version are right."""

    seconds: Seconds = 10.0


class CanaryStepSettings(Strict):
    """One canary step: exactly one of these."""

    weight: Percent | None = None
    pause: PauseSettings | None = None
    analysis: AnalysisStepSettings | None = None
    check: CheckSettings | None = None
    verify: VerifySettings | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "CanaryStepSettings":
        if len(self.model_fields_set) != 1:
            raise ValueError("a canary step is one of weight, pause, analysis, check or verify")
        return self

    def step(self) -> CanaryStep:
        """The domain's form of it."""
        if self.weight is not None:
            return CanaryStep(StepKind.WEIGHT, self.weight)
        asked = self.check or self.analysis
        if asked is not None:
            return asked.step()
        timed = {StepKind.PAUSE: self.pause, StepKind.VERIFY: self.verify}
        kind, settings = next((k, s) for k, s in timed.items() if s is not None)
        return CanaryStep(kind, seconds=settings.seconds)


def _can_be_gone(steps: list[CanaryStepSettings]) -> list[CanaryStepSettings]:
    try:
        check_steps(tuple(settings.step() for settings in steps))
    except InputError as error:
        raise ValueError(f"{error.message}: {error.hint}") from None
    return steps


class CanarySettings(Strict):
    """The canary steps, in order; after the last one the canary takes over."""

    steps: Annotated[list[CanaryStepSettings], AfterValidator(_can_be_gone)] | None = Field(
        None, description="default 10, 25 and 50 %, each with an analysis, then 100 %"
    )
    on_inconclusive: WithoutVerdict = Field(
        "pause", description="what an analysis step does that ends without a verdict"
    )


class BlueGreenSettings(Strict):
    """Everything beside the old, checked, then switched at once."""

    check: CheckSettings | None = None
    analysis: AnalysisStepSettings | None = Field(
        None, description="judge what comes through the preview against stable"
    )
    on_inconclusive: WithoutVerdict = Field(
        "pause", description="what an analysis does that ends without a verdict"
    )
    hold: bool = Field(False, description="wait for a person before the switch")
    preview_port: int | None = Field(None, ge=1, le=65_535, description="an address of the version on trial")


class StrategySettings(Strict):
    """The strategies with their settings, and which one is used."""

    use: Literal["rolling", "blue-green", "canary"] | None = Field(
        None, description="needed where several have settings"
    )
    rolling: RollingSettings | None = None
    blue_green: BlueGreenSettings | None = None
    canary: CanarySettings | None = None
    services: dict[str, Literal["rolling", "blue-green", "canary"]] = Field(
        default_factory=dict, description="services that go another way than the rest"
    )

    @model_validator(mode="after")
    def _one_is_used(self) -> "StrategySettings":
        if self.use is None and len(self._given()) > 1:
            raise ValueError(f"use: is missing: say which of {', '.join(self._given())} is used")
        return self

    def _given(self) -> list[StrategyKind]:
        given = {
            StrategyKind.ROLLING: self.rolling,
            StrategyKind.BLUE_GREEN: self.blue_green,
            StrategyKind.CANARY: self.canary,
        }
        return [kind for kind, settings in given.items() if settings is not None]

    @property
    def used(self) -> StrategyKind:
        """The one that is used where a deployment names none."""
        if self.use is not None:
            return StrategyKind(self.use)
        return next(iter(self._given()), StrategyKind.ROLLING)


def _strategy(value: object) -> object:
    if isinstance(value, str):
        known = [str(kind) for kind in StrategyKind]
        if value not in known:
            raise ValueError(f"{value!r} is no strategy; there are: {', '.join(known)}")
        return {"use": value}
    return value


Strategy = Annotated[
    StrategySettings,
    BeforeValidator(
        _strategy, json_schema_input_type=Literal["rolling", "blue-green", "canary"] | StrategySettings
    ),
]


class Objectives(Strict):
    """What must not get worse than stable's, nor above a limit where one is set."""

    error_ratio: float | None = Field(None, gt=0, lt=1, description="the limit of failed requests")
    slow_seconds: Seconds | list[Seconds] | None = Field(
        None, description="requests this slow are counted too"
    )
    slow_ratio: float | None = Field(None, gt=0, lt=1, description="the limit of slow requests")

    @property
    def thresholds_ms(self) -> tuple[int, ...]:
        """The thresholds of slow requests, in milliseconds, rising."""
        given = self.slow_seconds
        seconds = [] if given is None else given if isinstance(given, list) else [given]
        return tuple(sorted({round(s * 1000) for s in seconds}))


class AnalysisSettings(Strict):
    """How sure the judge is to be, and how much worse would be bad."""

    alpha: float = Field(0.01, gt=0, lt=0.5, description="the probability of a false alarm a deployment")
    later_alpha: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="that of a bad canary's passing at a later weight; ten times alpha, 10 % at most",
    )
    bad_ratio: float = Field(2.0, gt=1, le=100, description="how many times stable's ratio would be bad")
    floor: float = Field(0.01, gt=0, lt=1, description="a ratio below which nothing is bad")
    dry_run: bool = Field(False, description="judge, record, and let nothing follow from it")
    warm_up_seconds: float = Field(
        0.0, ge=0, le=3600, description="left out of the judging, but for catastrophes"
    )


class RollbackSettings(Strict):
    """When a rollout is undone by itself, and how much is kept for undoing it later."""

    automatic: bool = True
    progress_deadline_seconds: Seconds = 600.0
    pause_expires_seconds: Seconds = Field(86_400.0, description="how long a pause waits for a person")
    revision_history: int = Field(10, ge=1, le=1000)
    keep_warm: int = Field(1, ge=0, le=10)
    keep_warm_seconds: Seconds = 3600.0
    crash_loop_restarts: int = Field(3, ge=1)
