"""What must not get worse, how much worse would be bad, and how sure to be."""

from dataclasses import dataclass
from enum import StrEnum

from carelane.base.errors import InputError

LATER = 10.0
MOST_LATER = 0.1


class Measure(StrEnum):
    """What is counted against a version."""

    ERRORS = "errors"
    SLOW = "slow"


@dataclass(frozen=True)
class Objective:
    """A share of requests that must not grow.

    *threshold_ms* is that of slow requests; None where whoever counted them chose it.
    A canary may pass once its ratio is shown to be below max(*bad_ratio* x stable's, *floor*), and
    below *ceiling* where there is one; it fails once shown to be worse than stable or above the
    ceiling. *weight* is this objective's share of the false-alarm probability, relative to the others'.
    """

    measure: Measure = Measure.ERRORS
    threshold_ms: float | None = None
    bad_ratio: float = 2.0
    floor: float = 0.01
    weight: float = 1.0
    ceiling: float | None = None

    def __post_init__(self) -> None:
        if self.measure is Measure.ERRORS and self.threshold_ms is not None:
            raise InputError("an objective on errors has no threshold_ms")
        if self.threshold_ms is not None and not 0.0 < self.threshold_ms < float("inf"):
            raise InputError(f"threshold_ms is {self.threshold_ms}; it is a number above 0")
        if not 1.0 < self.bad_ratio <= 100.0:
            raise InputError(f"bad_ratio is {self.bad_ratio}; it is a number above 1, for instance 2")
        if not 0.0 < self.floor < 1.0:
            raise InputError(f"floor is {self.floor}; it is a ratio between 0 and 1, for instance 0.01")
        if not 0.0 < self.weight < float("inf"):
            raise InputError(f"weight is {self.weight}; it is a number above 0")
        if self.ceiling is not None and not 0.0 < self.ceiling < 1.0:
            raise InputError(f"ceiling is {self.ceiling}; it is a ratio between 0 and 1")

    @property
    def name(self) -> str:
        """What it is called: ``errors``, ``slow>800ms``, ``slow`` where the threshold is not known."""
        return self.measure.value if self.threshold_ms is None else f"slow>{self.threshold_ms:g}ms"


@dataclass(frozen=True)
class AnalysisPolicy:
    """How sure to be (*alpha*: the probability of a false alarm over a whole deployment), of what.

    A canary that is bad passes at its first weight with a probability of at most *alpha*, and at each
    later one, where it has passed before, of *later_alpha*: where None ten times *alpha*, 10 % at most.
    The windows of the canary's first *warm_up_seconds* do not count, but for a catastrophe:
    a ratio shown to be above max(5 x stable's, 10 %).
    """

    alpha: float = 0.01
    objectives: tuple[Objective, ...] = (Objective(),)
    warm_up_seconds: float = 0.0
    later_alpha: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 0.5:
            raise InputError(f"alpha is {self.alpha}; it is a probability, for instance 0.01")
        if self.later_alpha is not None and not 0.0 < self.later_alpha < 0.5:
            raise InputError(f"later_alpha is {self.later_alpha}; it is a probability, for instance 0.1")
        if not self.objectives:
            raise InputError("there is nothing to judge by: no objectives")
        if len({o.name for o in self.objectives}) < len(self.objectives):
            raise InputError("two objectives are the same")
        if not 0.0 <= self.warm_up_seconds < float("inf"):
            raise InputError(f"warm_up_seconds is {self.warm_up_seconds}; it is a number from 0 on")

    def passing_alpha(self, weight: int) -> float:
        """The probability with which a bad canary may pass at the *weight* counted from 0."""
        if weight == 0:
            return self.alpha
        return self.later_alpha or max(self.alpha, min(LATER * self.alpha, MOST_LATER))

    @property
    def thresholds_ms(self) -> tuple[float | None, ...]:
        """The thresholds that `Counts.slow` counts by, in this order; None: as it was recorded."""
        return tuple(o.threshold_ms for o in self.objectives if o.measure is Measure.SLOW)
