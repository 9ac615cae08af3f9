"""What a proxy on this machine has counted, from its statistics."""

import re
from collections.abc import Mapping
from typing import Any

from carelane.delivery.metering import Metering, Source, Tallies, Tally
from carelane.platforms.envoy.admin import Admin

BY_USERS, BY_HAND = "judged", "hand"
"""The names of the routes: of who is drawn to a version, and of who asked for one."""
_COUNTER = re.compile(
    r"^carelane\.rq\.listener\..+?\.route\.(?P<route>judged|hand)"
    r"\.version\.(?P<service>[^~]+)~(?P<label>.*?)\.code\.(?P<code>\d+)\.flags\.(?P<flags>.*)$"
)
_SLOW = re.compile(
    r"^carelane\.slow_(?P<ms>\d+)\.listener\..+?\.route\.(?P<route>judged|hand)"
    r"\.version\.(?P<service>[^~]+)~(?P<label>.*)$"
)
_HISTOGRAM = re.compile(
    r"^carelane\.ms\.listener\..+?\.route\.(?P<route>judged|hand)"
    r"\.version\.(?P<service>[^~]+)~(?P<label>.*)$"
)


class TrafficMeter(Metering):
    """Reads the proxies by their admin interfaces."""

    def __init__(self, admins: Mapping[str, Admin], epoch: str = "") -> None:
        """Of *admins*, by the names of their proxies."""
        super().__init__({name: _source(admin) for name, admin in admins.items()}, epoch)


def _source(admin: Admin) -> Source:
    def counted() -> tuple[Tallies, Tallies] | None:
        stats = admin.counts()
        return None if stats is None else read(stats)

    return counted


def read(stats: list[dict[str, Any]]) -> tuple[Tallies, Tallies]:
    """A proxy's own totals, from its stats document: of users' requests, and of those by hand."""
    totals: dict[str, Tallies] = {BY_USERS: {}, BY_HAND: {}}
    for stat in stats:
        name = stat.get("name", "")
        if "histograms" in stat:
            for histogram in stat["histograms"].get("details", []):
                buckets = {float(b["lower_bound"]): int(b["count"]) for b in histogram.get("totals", [])}
                _add(totals, _HISTOGRAM.match(histogram["name"]), Tally(milliseconds=buckets))
        elif (match := _SLOW.match(name)) is not None:
            _add(totals, match, Tally(slow={int(match["ms"]): int(stat.get("value", 0))}))
        elif (match := _COUNTER.match(name)) is not None:
            value = int(stat.get("value", 0))
            failed = _failed(match["code"], match["flags"])
            _add(totals, match, Tally(value, value if failed else 0))
    return totals[BY_USERS], totals[BY_HAND]


def _add(totals: dict[str, Tallies], match: re.Match[str] | None, counts: Tally) -> None:
    if match is not None:
        of_route, key = totals[match["route"]], (match["service"], match["label"])
        of_route[key] = of_route.get(key, Tally()).plus(counts)


def _failed(code: str, flags: str) -> bool:
    """Whether a user got no answer (code 0), one that says so (5xx), or one that our side cut off.

    Who waits in vain and leaves has no code: else a canary that hangs would fail nobody. Impatient users
    leave both versions alike. Who leaves in the middle of an answer (DC) was being served. An upgraded
    connection (101) was answered: whether its service said goodbye or died looks the same from here (UC).
    """
    cut = code.startswith("2") and flags not in {"-", "DC"}
    return cut or code == "0" or code.startswith("5")
