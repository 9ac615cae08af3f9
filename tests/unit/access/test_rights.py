"""The table of routes and rights."""

from datetime import UTC, datetime

import pytest

from carelane.access import rights
from carelane.access.rights import Needed, Right
from carelane.api import application
from carelane.base.errors import RefusedError


class Nothing:
    """Stands where the application only passes an app on."""

    answers = operations = tokens = None


def test_every_route_is_in_it_and_nothing_else() -> None:
    made = application.create(Nothing(), datetime.now(UTC), lambda _: None)  # type: ignore[arg-type]  # see above
    there = {
        f"{method.upper()} {path}" for path, methods in made.openapi()["paths"].items() for method in methods
    }
    assert there | {"GET /api/v1/openapi.json"} == set(rights.ROUTES)


def test_a_request_needs_the_right_of_its_route_in_its_environment() -> None:
    deploying = rights.needed("POST", "/api/v1/environments/staging/deployments")
    assert deploying == Needed(Right.DEPLOY, "staging")
    assert rights.needed("HEAD", "/api/v1/releases/v1") == Needed(Right.READ)


@pytest.mark.parametrize(
    "path", ["/api/v1/environments/a/b/deployments", "/api/v1/environments//deployments", "/api/v1/tokens/"]
)
def test_what_is_no_route_is_refused(path: str) -> None:
    with pytest.raises(RefusedError, match="nobody was given a right"):
        rights.needed("POST", path)
