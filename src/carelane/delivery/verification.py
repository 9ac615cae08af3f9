"""Asking whether a release is there and well: the proxies, then itself through the front door."""

import re
from dataclasses import dataclass

from carelane.base.clock import Clock
from carelane.base.errors import PlatformError, Rejected
from carelane.delivery.ports import TrafficRouter
from carelane.delivery.releases import Release

WITHIN_SECONDS = 5.0
AGAIN_SECONDS = 0.02
REJECTED_SECONDS = 0.5
"""How long a rejection must last to be one: a document before this one may be what was rejected."""
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


def _checks(release: Release) -> list[_Check]:
    checks = []
    for version in release.versions.values():
        if not version.run.routes:
            continue
        if version.run.health_path is not None:
            checks.append(_Check(version.run.health_path, None))
        if version.run.version_path is not None:
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
    return [said for check in checks if (said := _wrong(router, check)) is not None]


def _wrong(router: TrafficRouter, check: _Check) -> str | None:
    try:
        status, body = router.ask(check.path, WITHIN_SECONDS)
    except PlatformError as error:
        return f"{check.path}: {error.message}"
    if status != 200:
        return f"{check.path} answered {status}"
    if check.contains is not None and check.contains not in _WORD.findall(body.decode(errors="replace")):
        return f"{check.path} does not name {check.contains}"
    return None
