"""The deep health check: what this instance needs, asked now."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from backend import databases
from backend.api.requests import ThisClinic

router = APIRouter()


@router.get("/api/health")
async def health(clinic: ThisClinic) -> JSONResponse:
    """Every dependency with its status; 503 when one is broken, never later than about two seconds."""
    checks = {"database": await databases.check(clinic.settings.database_url)}
    healthy = all(check["status"] == "ok" for check in checks.values())
    service = clinic.settings.service
    told = {"status": "ok" if healthy else "failed", "version": service.version, "checks": checks}
    return JSONResponse(told, 200 if healthy else 503)
