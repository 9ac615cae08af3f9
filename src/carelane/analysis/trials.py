"""What a judging is part of: a canary's weights, one after another, and a deployment's services."""

from dataclasses import dataclass

from carelane.analysis.alternatives import EDITION

# What speaks against the canary counts from its first request; so much of it anew from each later
# weight, all of them together, so that clean time does not blind the judge to what begins with load.
ANEW_SHARE = 0.2


@dataclass(frozen=True)
class Trial:
    """The canary's *weights*, in percent, as they will follow one another; fixed before its first request.

    None for a preview, which has no users, and for what was recorded before they were. *others* are the
    log E of the deployment's other services that are judged, which share alpha: what one that is through
    ended with, 0 for one that has not begun. *edition* is that of the prior it is judged by.
    """

    weights: tuple[int, ...] = ()
    others: tuple[float, ...] = ()
    edition: int = EDITION

    @property
    def later(self) -> int:
        """How many weights follow the first."""
        return max(0, len(self.weights) - 1)

    @property
    def services(self) -> int:
        """How many services share alpha."""
        return 1 + len(self.others)

    def share(self, weight: int) -> float:
        """The part of E that counts from where *weight* began; 0: from the first request."""
        if not self.later:
            return 0.0 if weight else 1.0
        if weight == 0:
            return 1.0 - ANEW_SHARE
        return ANEW_SHARE / self.later if weight <= self.later else 0.0

    def percent(self, weight: int) -> int:
        """The *weight* in percent; 0 where that was not recorded."""
        return self.weights[weight] if weight < len(self.weights) else 0


ALONE = Trial()
UNRECORDED = Trial(edition=1)
"""What an analysis was part of that a version before recorded, which knew of no weights."""
