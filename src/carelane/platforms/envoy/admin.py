"""What a proxy says of itself, over its admin socket."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from carelane.base.unix_http import KeptConnection, UnixHTTPConnection

TIMEOUT_SECONDS = 1.0
_VERSION = ".version_text"
_REJECTED = ".update_rejected"


class Health(Enum):
    """Whether a proxy holds an endpoint fit; PENDING before it has asked for the first time."""

    FIT = "fit"
    UNFIT = "unfit"
    PENDING = "pending"


@dataclass(frozen=True)
class HostSeen:
    """One endpoint as one proxy sees it."""

    health: Health
    active_requests: int


@dataclass(frozen=True)
class Taken:
    """The version of a document that is in force, and how many were rejected since the proxy started."""

    version: str
    rejected: int


class Admin:
    """One proxy's admin interface."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._connection = KeptConnection(lambda: UnixHTTPConnection(socket, TIMEOUT_SECONDS))

    def answers(self) -> bool:
        """Whether it answers at all, fit or not."""
        try:
            self._connection.get("/ready")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def hosts(self) -> Mapping[int, HostSeen] | None:
        """Its endpoints by port; None where it does not answer."""
        answer = self._get("/clusters?format=json")
        if answer is None:
            return None
        hosts = {}
        for cluster in answer.get("cluster_statuses", []):
            for host in cluster.get("host_statuses", []):
                if "socket_address" in host["address"]:  # not the process beside, which is at a pipe
                    hosts[host["address"]["socket_address"]["port_value"]] = _host(host)
        return hosts

    def counts(self) -> list[dict[str, Any]] | None:
        """Its counters and histograms of answers; None where it does not answer."""
        answer = self._get("/stats?format=json&histogram_buckets=detailed&filter=^carelane")
        return None if answer is None else list(answer.get("stats", []))

    def taken(self) -> Mapping[str, Taken] | None:
        """What it took of each document it was given, by the scope it counts under; None if silent."""
        answer = self._get("/stats?format=json&filter=(update_rejected|version_text)$")
        if answer is None:
            return None
        said = {stat["name"]: stat["value"] for stat in answer.get("stats", []) if "name" in stat}
        scopes = {name.removesuffix(_VERSION) for name in said if name.endswith(_VERSION)}
        return {s: Taken(str(said[s + _VERSION]), int(said.get(s + _REJECTED, 0))) for s in scopes}

    def connections(self) -> int | None:
        """How many connections users have to it; None where it does not answer."""
        answer = self._get("/stats?format=json&filter=^http\\..*\\.downstream_cx_active$")
        if answer is None:
            return None
        return sum(
            int(s["value"])
            for s in answer.get("stats", [])
            if not s.get("name", "").startswith("http.admin.")
        )

    def post(self, path: str) -> bool:
        """Ask for *path* by POST; False where it did not answer 200."""
        connection = UnixHTTPConnection(self._socket, TIMEOUT_SECONDS)
        try:
            connection.request("POST", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            status, body = self._connection.get(path)
        except (OSError, http.client.HTTPException):
            return None
        if status != 200:
            return None
        document: dict[str, Any] = from_json(body)  # a third less than json takes
        return document


def _host(host: Mapping[str, Any]) -> HostSeen:
    said = host.get("health_status", {})
    health = Health.UNFIT if said.get("failed_active_health_check") else Health.FIT
    if said.get("pending_active_hc"):
        health = Health.PENDING
    active = next((int(s.get("value", 0)) for s in host.get("stats", []) if s["name"] == "rq_active"), 0)
    return HostSeen(health, active)
