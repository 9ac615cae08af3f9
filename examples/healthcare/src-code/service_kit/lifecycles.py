"""Where a process is in its life: serving, or draining before it ends."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from service_kit import settings


@dataclass
class Lifecycle:
    """The state that the probes, the server and the metrics of one process share."""

    service: settings.ServiceSettings
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    draining: bool = False

    @property
    def ready(self) -> bool:
        """Whether new requests should be sent here; says nothing about the database on purpose.

        A database outage makes every instance equally unable, so taking all of them out of
        service would only turn clear errors into none at all.
        """
        return not self.draining and not self.service.fault.unready
