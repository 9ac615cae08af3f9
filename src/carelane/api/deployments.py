"""/deployments: what was asked for, and how it went."""

from typing import Annotated

from fastapi import APIRouter, Query

from carelane.api.limits import Name, Number
from carelane.bootstrap.app import App
from carelane.delivery.analyses import AnalysisRun
from carelane.delivery.deployments import Deployment
from carelane.delivery.standings import EmergencyOutcome


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/deployments", tags=["deployments"])

    @router.get("", summary="Deployments, newest first")
    def list_deployments(
        environment: Name | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 20
    ) -> list[Deployment]:
        if environment is not None:
            app.operations.engine(environment)
        return app.repository.deployments(environment, limit)

    @router.get("/{number}/analyses", summary="What its canaries were judged by, window by window")
    def show_analyses(number: Number) -> list[AnalysisRun]:
        deployment = app.repository.deployment(number)
        runs = (app.analyses.analysis(number, service) for service in deployment.rollouts)
        return [run for run in runs if run is not None]

    @router.get("/{number}/standing", summary="How far an emergency rollback has come, verified now")
    def show_standing(number: Number) -> EmergencyOutcome:
        return app.operations.emergency_standing(number)

    @router.get("/{number}", summary="One deployment")
    def show_deployment(number: Number) -> Deployment:
        return app.repository.deployment(number)

    return router
