"""/incidents: that users had something worse, since when, and until when."""

from dataclasses import dataclass, fields
from typing import Annotated

from fastapi import APIRouter, Query

from carelane.api.limits import Name
from carelane.bootstrap.app import App
from carelane.delivery.incidents import Incident


@dataclass(frozen=True)
class IncidentView(Incident):
    """An incident, and how long users had it; null while that is unknown."""

    recovered_after_seconds: float | None = None


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/incidents", tags=["incidents"])

    @router.get("", summary="Incidents, newest first")
    def list_incidents(
        environment: Name | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 20
    ) -> list[IncidentView]:
        if environment is not None:
            app.operations.engine(environment)
        return [_view(incident) for incident in app.repository.incidents(environment, limit)]

    return router


def _view(incident: Incident) -> IncidentView:
    known = {field.name: getattr(incident, field.name) for field in fields(incident)}
    return IncidentView(**known, recovered_after_seconds=incident.recovery_seconds)
