"""Which right each route needs: one table. Who has which is said elsewhere (tokens, later roles). Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from carelane.base.errors import RefusedError


class Right(StrEnum):
    """What one may be allowed to do.

    WEAKEN is of no route: it is needed beside DEPLOY by whoever names a strategy that asks less than the
    environment's own.
    """

    READ = "read"
    RELEASE = "release"
    DEPLOY = "deploy"
    WEAKEN = "weaken"
    STEER = "steer"
    UNDO = "undo"
    EXECUTE = "execute"
    GRANT = "grant"
    CONFIGURE = "configure"
    END = "end"


ALL = frozenset(Right)
"""What the owner may do, who comes by the users' own socket."""
_ENVIRONMENTS = "/api/v1/environments/"
_ENVIRONMENT = f"{_ENVIRONMENTS}{{name}}"
ROUTES = {
    "GET /api/v1/openapi.json": Right.READ,
    "GET /api/v1/system": Right.READ,
    "GET /api/v1/system/differences": Right.READ,
    "GET /api/v1/system/spare": Right.READ,
    "POST /api/v1/system/prune": Right.CONFIGURE,
    "POST /api/v1/system/reload": Right.CONFIGURE,
    "POST /api/v1/system/down": Right.END,
    "GET /api/v1/environments": Right.READ,
    f"GET {_ENVIRONMENT}": Right.READ,
    f"GET {_ENVIRONMENT}/history": Right.READ,
    f"GET {_ENVIRONMENT}/plan": Right.READ,
    f"GET {_ENVIRONMENT}/rollback-plan": Right.READ,
    f"GET {_ENVIRONMENT}/instances/{{instance}}": Right.READ,
    f"POST {_ENVIRONMENT}/instances/{{instance}}/exec": Right.EXECUTE,
    f"GET {_ENVIRONMENT}/services/{{service}}/logs": Right.READ,
    f"POST {_ENVIRONMENT}/down": Right.END,
    f"POST {_ENVIRONMENT}/deployments": Right.DEPLOY,
    f"POST {_ENVIRONMENT}/promote": Right.STEER,
    f"POST {_ENVIRONMENT}/pause": Right.STEER,
    f"POST {_ENVIRONMENT}/resume": Right.STEER,
    f"POST {_ENVIRONMENT}/abort": Right.STEER,
    f"POST {_ENVIRONMENT}/retry": Right.STEER,
    f"POST {_ENVIRONMENT}/services/{{service}}/scale": Right.STEER,
    f"POST {_ENVIRONMENT}/services/{{service}}/restart": Right.STEER,
    f"POST {_ENVIRONMENT}/rollback": Right.UNDO,
    f"POST {_ENVIRONMENT}/emergency-rollback": Right.UNDO,
    "GET /api/v1/deployments": Right.READ,
    "GET /api/v1/deployments/{number}": Right.READ,
    "GET /api/v1/deployments/{number}/analyses": Right.READ,
    "GET /api/v1/deployments/{number}/standing": Right.READ,
    "GET /api/v1/releases": Right.READ,
    "GET /api/v1/releases/{name}": Right.READ,
    "POST /api/v1/releases": Right.RELEASE,
    "GET /api/v1/tokens": Right.READ,
    "POST /api/v1/tokens": Right.GRANT,
    "POST /api/v1/tokens/{name}/revoke": Right.GRANT,
    "GET /api/v1/notifications": Right.READ,
    "GET /api/v1/incidents": Right.READ,
    "GET /api/v1/events": Right.READ,
    "GET /api/v1/events/list": Right.READ,
}
"""Every route there is; one that is not here is nobody's but the owner's."""


@dataclass(frozen=True)
class Needed:
    """The right that a request needs, and in which environment; None where it is about no single one."""

    right: Right
    environment: str | None = None


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route)))


_PATTERNS = [(_pattern(route), right) for route, right in ROUTES.items()]


def needed(method: str, path: str) -> Needed:
    """What a request needs.

    Args:
        method: GET, POST, …; HEAD reads what GET does.
        path: As it is routed: /api/v1/….

    Raises:
        RefusedError: If no such route is in the table.
    """
    asked = f"{'GET' if method == 'HEAD' else method} {path}"
    for pattern, right in _PATTERNS:
        found = pattern.fullmatch(asked)
        if found is not None:
            return Needed(right, found["name"] if path.startswith(_ENVIRONMENTS) else None)
    raise RefusedError(f"nobody was given a right to {method} {path}", hint="docs/api.md lists what there is")
