"""An audited act, and where it stands in the trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Detail = str | int | float | bool | None | list[str] | dict[str, float]


@dataclass(frozen=True)
class Entry:
    """One act: who did what, to what, when and why.

    The act is a past participle behind a noun (``deployment.requested``, ``traffic.switched``);
    the actor is a person (``alice``) or ``carelane`` itself.
    """

    at: datetime
    actor: str
    act: str
    subject: str
    environment: str | None = None
    reason: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True)
class Positioned:
    """An entry with its position in the trail, counted from 1 without gaps."""

    position: int
    entry: Entry
