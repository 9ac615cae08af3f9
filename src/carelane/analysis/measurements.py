"""What was counted: requests of two versions between two looks, and what stands where nothing was."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from carelane.base.errors import InputError


class Gap(StrEnum):
    """Why there are no counts for a while; only after a reset are they lost for good."""

    UNREACHABLE = "unreachable"
    STABLE_MISSING = "stable_missing"
    CANARY_MISSING = "canary_missing"
    INCONSISTENT = "inconsistent"
    RESET = "reset"

    @property
    def loses(self) -> bool:
        """Whether what happened meanwhile will never be known."""
        return self is Gap.RESET


@dataclass(frozen=True)
class Counts:
    """Requests that ended; those of them that failed; those slower than each of the policy's thresholds.

    *slow* has one count a threshold, in the order of `AnalysisPolicy.thresholds_ms`.
    """

    requests: int = 0
    errors: int = 0
    slow: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        bad = (self.errors, *self.slow)
        if min(self.requests, *bad) < 0:
            raise InputError(f"counts below zero: {self}")
        if max(bad) > self.requests:
            raise InputError(f"more failed or slow than there were requests: {self}")

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(
            self.requests + other.requests,
            self.errors + other.errors,
            tuple(a + b for a, b in zip(self.slow, other.slow, strict=True)),
        )


@dataclass(frozen=True)
class Window:
    """What ended between *started_at* and *ended_at* (seconds on any one clock), for both versions.

    With a *gap* the counts are zero: nothing is known of that time (yet). *weight* says which of the
    canary's weights it had all the while, counted from 0.
    """

    started_at: float
    ended_at: float
    stable: Counts
    canary: Counts
    gap: Gap | None = None
    weight: int = 0


@dataclass(frozen=True)
class Reading:
    """Counters as a source shows them at one moment, counted from any beginning.

    None for a version that the source does not show; *reachable* is False where it did not answer.
    *epoch* names the life of clock and counters (a machine's boot): in another one both begin anew.
    """

    at_seconds: float
    stable: Counts | None = None
    canary: Counts | None = None
    reachable: bool = True
    epoch: str = ""


@dataclass(frozen=True)
class Readings:
    """Makes windows of successive readings of one source; several sources have one each.

    A source that could not be read loses nothing while its counters go on: the next reading's window
    then reaches back to the last whole one. In another epoch the clock begins anew with the counters:
    its times are moved *ahead_seconds*, so that windows follow one another.
    """

    last: Reading | None = None
    looked_at: float | None = None
    epoch: str = ""
    ahead_seconds: float = 0.0

    def then(self, reading: Reading) -> tuple["Readings", Window | None]:
        """What *reading* adds; None where it is the first, a repeat, or older than the last."""
        if self.epoch not in {"", reading.epoch} and self.looked_at is not None:
            return self._begun_anew(self.looked_at, reading)
        known = replace(self, epoch=reading.epoch)
        return known._then(replace(reading, at_seconds=reading.at_seconds + self.ahead_seconds))  # noqa: SLF001 - as itself

    def _begun_anew(self, stopped_at: float, reading: Reading) -> tuple["Readings", Window | None]:
        """Whatever the numbers say: they may by now be greater than before."""
        moved = replace(reading, at_seconds=stopped_at)
        whole = _incomplete(reading) is None
        after = replace(
            self,
            last=moved if whole else None,
            epoch=reading.epoch,
            ahead_seconds=stopped_at - reading.at_seconds,
        )
        return after, None if self.last is None else _nothing(stopped_at, moved, Gap.RESET)

    def _then(self, reading: Reading) -> tuple["Readings", Window | None]:
        if self.looked_at is not None and reading.at_seconds <= self.looked_at:
            return self, None
        after = replace(self, looked_at=reading.at_seconds)
        if self.last is None:
            whole = _incomplete(reading) is None
            return replace(after, last=reading if whole else None), None
        gap = _incomplete(reading) or _between(self.last, reading)
        if gap is None:
            return replace(after, last=reading), _difference(self.last, reading)
        kept = reading if gap.loses else self.last
        since = self.looked_at if self.looked_at is not None else self.last.at_seconds
        return replace(after, last=kept), _nothing(since, reading, gap)


def gone_on(
    known: Mapping[str, Readings], readings: Mapping[str, Reading]
) -> tuple[dict[str, Readings], list[Window]]:
    """Each source of *readings* one reading further, and the windows that this gives; both by source id.

    A source may come at any time: it counts from its first reading on. One that is gone takes with it what
    it counted since its last: a proxy that the canary killed must not leave as if nothing had happened.
    Where none answers to its name nothing is known of any.
    """
    if not readings:
        return dict(known), []
    then = {name: known.get(name, Readings()).then(reading) for name, reading in readings.items()}
    windows = [window for _, window in then.values() if window is not None]
    for name in known.keys() - readings.keys():
        before = known[name]
        if before.last is not None and before.looked_at is not None:
            latest = max(reading.at_seconds for reading in readings.values())
            at = replace(before.last, at_seconds=max(before.looked_at, latest))
            windows.append(_nothing(before.looked_at, at, Gap.RESET))
    return {name: source for name, (source, _) in then.items()}, windows


def merged(windows: Iterable[Window]) -> Window:
    """One window of several sources' windows; a gap in any of them is one of the whole.

    Raises:
        InputError: If there are none, or they count different thresholds.
    """
    first, *others = windows
    for window in others:
        first = Window(
            min(first.started_at, window.started_at),
            max(first.ended_at, window.ended_at),
            first.stable.plus(window.stable),
            first.canary.plus(window.canary),
            max((g for g in (first.gap, window.gap) if g), key=lambda g: g.loses, default=None),
            min(first.weight, window.weight),
        )
    return first


def _incomplete(reading: Reading) -> Gap | None:
    if not reading.reachable:
        return Gap.UNREACHABLE
    if reading.stable is None:
        return Gap.STABLE_MISSING
    return Gap.CANARY_MISSING if reading.canary is None else None


def _pairs(earlier: Reading, later: Reading) -> Iterable[tuple[Counts, Counts]]:
    for before, now in ((earlier.stable, later.stable), (earlier.canary, later.canary)):
        if before is not None and now is not None:
            yield before, now


def _between(earlier: Reading, later: Reading) -> Gap | None:
    torn = False
    for before, now in _pairs(earlier, later):
        steps = [
            now.errors - before.errors,
            *(n - b for n, b in zip(now.slow, before.slow, strict=True)),
        ]
        if min(now.requests - before.requests, *steps) < 0:
            return Gap.RESET
        # A source read while it counts can show an error before its request: the next look has both.
        torn = torn or max(steps) > now.requests - before.requests
    return Gap.INCONSISTENT if torn else None


def _difference(earlier: Reading, later: Reading) -> Window:
    stable, canary = (
        Counts(
            now.requests - before.requests,
            now.errors - before.errors,
            tuple(n - b for n, b in zip(now.slow, before.slow, strict=True)),
        )
        for before, now in _pairs(earlier, later)
    )
    return Window(earlier.at_seconds, later.at_seconds, stable, canary)


def _nothing(since: float, reading: Reading, gap: Gap) -> Window:
    known = reading.stable or reading.canary
    none = Counts(slow=tuple(0 for _ in known.slow) if known else ())
    return Window(since, reading.at_seconds, none, none, gap)
