"""Asking whether a release is there and well: the proxies, then itself through the front door."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from carelane.base.clock import Clock
from carelane.base.errors import PlatformError, Rejected
from carelane.delivery.ports import TrafficRouter
from carelane.delivery.releases import Release, ServiceVersion

WITHIN_SECONDS = 5.0
AGAIN_SECONDS = 0.02
REJECTED_SECONDS = 0.5
"""How long a rejection must last to be one: a document before this one may be what was rejected."""
Answer = tuple[int, bytes]
_WORD = re.compile(r"[A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class _Check:
    path: str
    contains: str | None


def in_place(router: TrafficRouter, release: Release, clock: Clock) -> str:
    """Ask health and version of *release* until all are right, for five seconds at most.

    The proxies must have taken the routing first: what answers may be what they were to leave.

    A health path must answer 200; a version path must answer 200 and name the version's label.

    Returns:
        A sentence: ``verified: …``, or ``NOT verified: …`` with what was wrong.

    Raises:
        Rejected: If a proxy rejected the routing: nothing was switched there.
    """
    checks = list(_checks(release))
    give_up = clock.monotonic() + WITHIN_SECONDS
    while wrong := _all_wrong(router, checks):
        if clock.monotonic() > give_up:
            return "NOT verified: " + "; ".join(wrong)
        clock.sleep(AGAIN_SECONDS)
    if not checks:
        return "switched; no service names a health or version path to verify with"
    return "verified: " + ", ".join(sorted({check.path for check in checks}))


def wrong_with(router: TrafficRouter, version: ServiceVersion, timeout_seconds: float) -> str:
    """Ask health and version of one service once; what is wrong, "" where nothing is."""
    said = (_at_the_front_door(router, check, timeout_seconds) for check in _checks_of(version))
    return "; ".join(wrong for wrong in said if wrong is not None)


def not_well(router: TrafficRouter, version: ServiceVersion, path: str, timeout_seconds: float) -> str:
    """Ask *path* of this very *version*, on trial or not; what is wrong, "" where nothing is.

    Not through the front door: there the path may belong to another service, which would answer for it.
    """

    def ask() -> Answer:
        return router.ask_version(version.service, version.label, path, timeout_seconds)

    return _wrong(ask, _Check(path, None)) or ""


def _checks(release: Release) -> list[_Check]:
    return [check for version in release.versions.values() for check in _checks_of(version)]


def _checks_of(version: ServiceVersion) -> list[_Check]:
    checks = []
    if version.run.routes and version.run.health_path is not None:
        checks.append(_Check(version.run.health_path, None))
    if version.run.routes and version.run.version_path is not None:
        checks.append(_Check(version.run.version_path, version.label))
    return checks


def _all_wrong(router: TrafficRouter, checks: list[_Check]) -> list[str]:
    routed = router.routed()
    if routed.rejected and routed.rejected_seconds >= REJECTED_SECONDS:
        raise Rejected(
            f"NOT switched: {routed.rejected}",
            hint="users have what they had; a release whose routing the proxies take mends it",
        )
    if routed.generation is None:
        return [routed.rejected or "the proxies have not taken the routing yet"]
    return [said for check in checks if (said := _at_the_front_door(router, check)) is not None]


def _at_the_front_door(
    router: TrafficRouter, check: _Check, timeout_seconds: float = WITHIN_SECONDS
) -> str | None:
    return _wrong(lambda: router.ask(check.path, timeout_seconds), check)


def _wrong(ask: Callable[[], Answer], check: _Check) -> str | None:
    try:
        status, body = ask()
    except PlatformError as error:
        return f"{check.path}: {error.message}"
    if status != 200:
        return f"{check.path} answered {status}"
    if check.contains is not None and check.contains not in _WORD.findall(body.decode(errors="replace")):
        return f"{check.path} does not name {check.contains}"
    return None
