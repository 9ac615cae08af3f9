"""Asking whether a release is there and well: the proxies, then itself, by the front door and directly."""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from carelane.base.clock import Clock
from carelane.base.errors import PlatformError
from carelane.delivery.ports import TrafficRouter
from carelane.delivery.releases import ServiceVersion

WITHIN_SECONDS = 5.0
AT_ONCE = 32
"""Questions that are asked at the same time: many slow services take no longer than one."""
AGAIN_SECONDS = 0.02
HURRY_SECONDS = 0.2
REJECTED_SECONDS = 0.5
"""How long a rejection must last to be one: a document before this one may be what was rejected."""
Answer = tuple[int, bytes]
_WORD = re.compile(r"[A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class _Check:
    path: str
    contains: str | None


@dataclass(frozen=True)
class Verified:
    """What was asked of one service, and what was wrong with the answers; empty where nothing was."""

    paths: tuple[str, ...]
    wrong: str = ""

    @property
    def well(self) -> bool | None:
        """Whether all was right; None where there is nothing to ask, and nothing known against it."""
        return not self.wrong if self.paths or self.wrong else None


@dataclass(frozen=True)
class InPlace:
    """What was found of versions that were switched to, by service; *rejected* is the proxies' reason.

    Nothing is verified where *rejected* or *untaken*: who answers may be who was to be left. Nor where it was
    *overtaken*, in words: who answers may be who came after.
    """

    services: Mapping[str, Verified]
    rejected: str = ""
    untaken: bool = False
    overtaken: str = ""


def in_place(router: TrafficRouter, versions: Sequence[ServiceVersion], clock: Clock) -> InPlace:
    """Ask health and version of *versions* until all are right, for five seconds at most, however many.

    The proxies must have taken the routing first, for which they have as long: what answers may be what they
    were to leave. A health path must answer 200; a version path must answer 200 and name the version's label.
    """
    give_up, asking = clock.monotonic() + WITHIN_SECONDS, None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while True:
            found = _taken(router)
            if found is None:
                asking = asking or _Asking(router, clock, clock.monotonic() + WITHIN_SECONDS, pool)
                give_up, begun = asking.until, [asking.begun(version) for version in versions]
                found = InPlace({v.service: each() for v, each in zip(versions, begun, strict=True)})
            unwell = found.untaken or any(service.wrong for service in found.services.values())
            # What is asked in a hurry would take the place of what was answered.
            if found.rejected or not unwell or clock.monotonic() > give_up - HURRY_SECONDS:
                return found
            clock.sleep(AGAIN_SECONDS)


def _taken(router: TrafficRouter) -> InPlace | None:
    """None where the proxies have taken the routing; else what is to be said instead of answers."""
    routed = router.routed()
    if routed.rejected and routed.rejected_seconds >= REJECTED_SECONDS:
        return InPlace({}, rejected=routed.rejected)
    return InPlace({}, untaken=True) if routed.generation is None else None


@dataclass(frozen=True)
class _Asking:
    """Asks until a moment of the clock, and not beyond it; everything at the same time."""

    router: TrafficRouter
    clock: Clock
    until: float
    pool: ThreadPoolExecutor

    def begun(self, version: ServiceVersion) -> Callable[[], Verified]:
        """Ask for *version*, by the front door and by itself; what comes of it, to be waited for."""
        checks, itself = _checks_of(version), self.router.reaches(version.service)
        front = [self._submit(check, partial(_at_the_front_door, self.router)) for check in checks]
        alone = [self._submit(check, partial(_itself, self.router, version)) for check in checks if itself]

        def verified() -> Verified:
            wrong = [said for each in front if (said := each.result()) is not None]
            # The path may have led to another service, whose answer says nothing of this one.
            own = [f"{version.label} itself: {said}" for each in alone if (said := each.result()) is not None]
            return Verified(tuple(check.path for check in checks), "; ".join(wrong or own))

        return verified

    def _submit(self, check: _Check, ask: Callable[[_Check, float], str | None]) -> "Future[str | None]":
        return self.pool.submit(self._in_time, check, ask)

    def _in_time(self, check: _Check, ask: Callable[[_Check, float], str | None]) -> str | None:
        left = self.until - self.clock.monotonic()
        if left <= 0:
            return f"{check.path} was not asked: {WITHIN_SECONDS:.0f} s had gone by"
        return ask(check, left)


def wrong_with(router: TrafficRouter, version: ServiceVersion, timeout_seconds: float) -> str:
    """Ask health and version of one service once; what is wrong first, "" where nothing is."""
    said = (_at_the_front_door(router, check, timeout_seconds) for check in _checks_of(version))
    return next((wrong for wrong in said if wrong is not None), "")


def not_well(router: TrafficRouter, version: ServiceVersion, path: str, timeout_seconds: float) -> str:
    """Ask *path* of this very *version*, on trial or not; what is wrong, "" where nothing is.

    Not through the front door: there the path may belong to another service, which would answer for it.
    """
    return _itself(router, version, _Check(path, None), timeout_seconds) or ""


def _checks_of(version: ServiceVersion) -> list[_Check]:
    checks = []
    if version.run.routes and version.run.health_path is not None:
        checks.append(_Check(version.run.health_path, None))
    if version.run.routes and version.run.version_path is not None:
        checks.append(_Check(version.run.version_path, version.label))
    return checks


def _at_the_front_door(router: TrafficRouter, check: _Check, timeout_seconds: float) -> str | None:
    return _wrong(lambda: router.ask(check.path, timeout_seconds), check)


def _itself(
    router: TrafficRouter, version: ServiceVersion, check: _Check, timeout_seconds: float
) -> str | None:
    return _wrong(
        lambda: router.ask_version(version.service, version.label, check.path, timeout_seconds), check
    )


def _names(text: str, label: str) -> bool:
    """Whether one of its words is *label*; the stop at the end of a sentence is no part of a word."""
    words = _WORD.findall(text)
    return label in words or label in {word.rstrip(".") for word in words}


def _wrong(ask: Callable[[], Answer], check: _Check) -> str | None:
    try:
        status, body = ask()
    except PlatformError as error:
        return f"{check.path}: {error.message}"
    if status != 200:
        return f"{check.path} answered {status}"
    if check.contains is not None and not _names(body.decode(errors="replace"), check.contains):
        return f"{check.path} does not name {check.contains}"
    return None
