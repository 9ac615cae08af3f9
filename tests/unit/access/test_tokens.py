"""What a token lets its bearer do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carelane.access import tokens
from carelane.access.rights import Right
from carelane.base.errors import InputError, NotFoundError, RefusedError

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = tokens.Token(
    "pipeline", tokens.digest("cl_x"), ("development", "staging"), (Right.RELEASE,), "ada", NOW
)
DEPLOY = "/api/v1/environments/{}/deployments"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/environments"),
        ("POST", "/api/v1/releases"),
        ("POST", DEPLOY.format("development")),
        ("POST", DEPLOY.format("staging")),
    ],
)
def test_it_may_read_make_releases_and_deploy_where_it_says(method: str, path: str) -> None:
    tokens.check(TOKEN, method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", DEPLOY.format("production")),
        ("POST", DEPLOY.format("development/../production")),
        ("POST", "/api/v1/environments/staging/emergency-rollback"),
        ("POST", "/api/v1/environments/staging/promote"),
        ("POST", "/api/v1/environments/staging/retry"),
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/system/down"),
        ("DELETE", "/api/v1/releases"),
        ("PUT", DEPLOY.format("development")),
        ("GET", "/api/v1/unheard-of"),
        ("GET", "/"),
    ],
)
def test_it_may_do_nothing_else(method: str, path: str) -> None:
    with pytest.raises(RefusedError, match=r"token pipeline may not|nobody was given a right"):
        tokens.check(TOKEN, method, path)


def test_making_releases_is_a_right_of_its_own() -> None:
    """The server builds what a release's commit asks for: not everybody's who may deploy."""
    with pytest.raises(RefusedError, match="may not POST /api/v1/releases") as refused:
        tokens.check(replace(TOKEN, rights=()), "POST", "/api/v1/releases")
    assert refused.value.hint == "it may read and deploy to development, staging; a person may do more"


def test_what_it_gives_is_told_to_whoever_decides_further() -> None:
    assert Right.WEAKEN not in tokens.check(TOKEN, "POST", DEPLOY.format("staging"))
    weakening = replace(TOKEN, rights=(Right.WEAKEN,))
    assert Right.WEAKEN in tokens.check(weakening, "POST", DEPLOY.format("staging"))


def test_it_ends_when_it_is_revoked_or_expires() -> None:
    assert TOKEN.valid(NOW)
    assert not replace(TOKEN, revoked_at=NOW).valid(NOW)
    expiring = replace(TOKEN, expires_at=NOW + timedelta(days=1))
    assert expiring.valid(NOW)
    assert not expiring.valid(NOW + timedelta(days=1))


def test_names_and_environments_are_checked() -> None:
    tokens.check_name("pipeline-2")
    with pytest.raises(InputError, match="cannot be a token's name"):
        tokens.check_name("Pipe line")
    with pytest.raises(NotFoundError, match="no environment 'moon'"):
        tokens.check_environments(["moon"], ["development"])
