"""/notifications: who is told, and how that went."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from carelane.audit.telling import Told
from carelane.bootstrap.app import App


@dataclass(frozen=True)
class NotificationsView:
    """The destinations there are, and what they were told, newest first."""

    destinations: list[str]
    told: list[Told]


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/notifications", tags=["notifications"])

    @router.get("", summary="Who is told, and how that went")
    def list_notifications(limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> NotificationsView:
        return NotificationsView(list(app.configuration.notifications), app.notifications.told(limit))

    return router
