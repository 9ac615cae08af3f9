"""What a judging came to, with its evidence, in figures and in words."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The canary is fit to go on, worse than stable, or neither is shown."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Reason(StrEnum):
    """Why a verdict is what it is: the first four stand with fail, the others with inconclusive."""

    WORSE_THAN_STABLE = "worse_than_stable"
    CATASTROPHE = "catastrophe"
    ABOVE_CEILING = "above_ceiling"
    SAFE = "safe"
    NO_REQUESTS = "no_requests"
    NO_CANARY_REQUESTS = "no_canary_requests"
    NO_STABLE_REQUESTS = "no_stable_requests"
    STATISTICS_UNREACHABLE = "statistics_unreachable"
    STABLE_MISSING = "stable_missing"
    CANARY_MISSING = "canary_missing"
    STATISTICS_INCONSISTENT = "statistics_inconsistent"
    STATISTICS_RESET = "statistics_reset"
    WARMING_UP = "warming_up"
    STABLE_ABOVE_CEILING = "stable_above_ceiling"
    WEIGHT_BEGINS = "weight_begins"
    NOT_ENOUGH_REQUESTS = "not_enough_requests"


WORDS = {
    Reason.NO_REQUESTS: "nothing was counted",
    Reason.NO_CANARY_REQUESTS: "the canary had no requests",
    Reason.NO_STABLE_REQUESTS: "stable had no requests to compare with",
    Reason.STATISTICS_UNREACHABLE: "the statistics cannot be reached",
    Reason.STABLE_MISSING: "the statistics do not show the stable version",
    Reason.CANARY_MISSING: "the statistics do not show the canary",
    Reason.STATISTICS_INCONSISTENT: "the statistics contradict themselves",
    Reason.STATISTICS_RESET: "the counters began anew, what they lost is unknown: judged on since",
    Reason.WARMING_UP: "the canary is still warming up",
    Reason.STABLE_ABOVE_CEILING: "stable itself is above the ceiling, which is for a person to judge",
    Reason.WEIGHT_BEGINS: "nothing was counted since its weight rose",
    Reason.NOT_ENOUGH_REQUESTS: "too few requests to tell",
}


@dataclass(frozen=True)
class ObjectiveEvidence:
    """What one objective shows.

    *rate_ratio* is the canary's ratio over stable's (weights that change are allowed for), None where
    it is unknown; *rate_ratio_interval* holds it with probability 1 - alpha at every look, its upper
    end None where nothing bounds it. *log_e_worse* includes catastrophe and ceiling.
    """

    name: str
    stable_bad: int
    canary_bad: int
    rate_ratio: float | None
    rate_ratio_interval: tuple[float, float | None] | None
    log_e_worse: float
    log_e_safe: float
    dispersion: float


@dataclass(frozen=True)
class Evidence:
    """A verdict with what it rests on; *decided_at* is the end of the window that decided it.

    *log_e_worse* is that of all objectives together: the canary fails at ln(1/alpha). *log_e_safe* is
    the least of theirs: it passes at ln(1/alpha). *objective* names the one that weighed most. The counts
    and what is safe are since the canary's weight rose to *since_percent* (0 where that was not recorded),
    None: since its first request. With other *services* on trial *log_e_deployment*, of the mean of their
    E, decides over failing. *alpha* is that of this verdict.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    alpha: float
    at: float
    decided_at: float | None
    stable_requests: int
    canary_requests: int
    objective: str
    log_e_worse: float
    log_e_safe: float
    objectives: tuple[ObjectiveEvidence, ...]
    since_percent: int | None = None
    services: int = 1
    log_e_deployment: float | None = None

    @property
    def leading(self) -> ObjectiveEvidence:
        """The objective that weighed most."""
        return next(o for o in self.objectives if o.name == self.objective)

    @property
    def words(self) -> str:
        """The verdict as a person would say it."""
        seen = self.leading
        did = "failed" if seen.name == "errors" else f"was {seen.name.replace('slow>', 'slower than ')} for"
        compared = (
            f"canary {did} {_share(seen.canary_bad, self.canary_requests)}, "
            f"stable {_share(seen.stable_bad, self.stable_requests, short=True)}{self._since()}"
        )
        return f"{compared}: {self._conclusion()}"

    def _since(self) -> str:
        if self.since_percent is None:
            return ""
        return f" since {self.since_percent} %" if self.since_percent else " since its weight rose"

    def _conclusion(self) -> str:
        together = f" for the {self.services} services together" if self.services > 1 else ""
        sure = f"with false-alarm probability under {percent(self.alpha)}{together}"
        if self.verdict is Verdict.INCONCLUSIVE:
            return f"inconclusive, {'; '.join(WORDS[r] for r in self.reasons)}"
        if self.verdict is Verdict.PASS:
            return (
                f"shown to be no worse than is allowed, wrongly with probability under {percent(self.alpha)}"
            )
        if Reason.CATASTROPHE in self.reasons:
            return f"a catastrophe, {sure}"
        if Reason.ABOVE_CEILING in self.reasons:
            return f"above the ceiling, {sure}"
        return f"worse, {sure}"


def percent(ratio: float) -> str:
    """A ratio as people write it: ``7.1 %``, ``0.5 %``, ``12 %``."""
    value = ratio * 100
    if value and value < 0.05:
        return f"{value:.2g} %"
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text} %"


def _share(bad: int, requests: int, *, short: bool = False) -> str:
    if not requests:
        return "none of 0" if short else "none of 0 requests"
    noun = "" if short else " requests"
    return f"{bad:,} of {requests:,}{noun} ({percent(bad / requests)})"
