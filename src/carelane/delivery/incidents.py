"""Incidents: that users had something worse, since when as far as is known, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Cause(StrEnum):
    """What an incident was noticed by: a kind of failure, a person, or who watches after a success."""

    ANALYSIS = "analysis"
    CRASH_LOOP = "crash_loop"
    READINESS = "readiness"
    LIVENESS = "liveness"
    START = "start"
    ROUTING = "routing"
    CHECK = "check"
    VERIFY = "verify"
    DEADLINE = "deadline"
    MIGRATION = "migration"
    BACKING = "backing"
    UNDECIDED = "undecided"
    EMERGENCY = "emergency"
    SUSPECTED = "suspected"
    UNCONFIRMED = "unconfirmed"
    OTHER = "other"

    @classmethod
    def of_failure(cls, kind: str) -> "Cause":
        """The cause that a rollout's *kind* of failure is: ``crash loop`` is CRASH_LOOP."""
        try:
            return cls(kind.replace(" ", "_"))
        except ValueError:
            return cls.OTHER  # whatever it is called, what it led to is an incident


@dataclass(frozen=True)
class Incident:
    """One incident in an environment, numbered there from 1.

    *deployment* is the one that it is about, which brought what users had; *service* is None where it is
    of several, *version* the label that was worse; *versions* has them by service, where there are several.
    *opened_at* is when it was noticed, *users_since* when users first had it. *resolved_by* is the deployment
    that ended it; None where *deployment* itself turned back. What is unknown is None.
    """

    environment: str
    number: int
    cause: Cause
    words: str
    opened_at: datetime
    deployment: int | None = None
    service: str | None = None
    version: str | None = None
    users_since: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """Under what name it is asked whether what it is about is well again: no task has such a name."""
        return f"incident:{self.number}"

    @property
    def worse(self) -> Mapping[str, str]:
        """The labels that were worse, by service, as far as is known."""
        alone = {self.service: self.version} if self.service and self.version else {}
        return self.versions or alone

    @property
    def recovery_seconds(self) -> float | None:
        """How long users had it, as far as is known: from their first, else from when it was noticed.

        None while it is open. None too where one decision both noticed and ended it and nobody knows since
        when users had it: that is unknown, not zero.
        """
        if self.resolved_at is None:
            return None
        seconds = (self.resolved_at - (self.users_since or self.opened_at)).total_seconds()
        return seconds if seconds > 0 else None
