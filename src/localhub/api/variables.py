"""Variables of a repository, and the names of its secrets."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from localhub.api.access import BASE, Admin, Hub, Paging, Repo
from localhub.base.errors import ConflictError, NotFoundError
from localhub.hub.parts import Localhub
from localhub.store.records import Repository

router = APIRouter()
VARIABLES = f"{BASE}/actions/variables"
SECRETS = f"{BASE}/actions/secrets"


def _shown(name: str, **more: str) -> dict[str, Any]:
    """By name; nobody writes down when it was set."""
    return {"name": name, **more, "created_at": None, "updated_at": None}


def _one(hub: Localhub, repo: Repository, name: str) -> dict[str, Any]:
    value = hub.secrets.variables(repo.name, None).get(name.upper())
    if value is None:
        raise NotFoundError(f"{repo.name} has no variable {name}")
    return _shown(name.upper(), value=value)


@router.get(VARIABLES)
def list_variables(hub: Hub, repo: Repo, page: Paging, _admin: Admin) -> dict[str, Any]:
    """Variables, by name."""
    found = sorted(hub.secrets.variables(repo.name, None).items())
    shown = [_shown(name, value=value) for name, value in page.of(found)]
    return {"total_count": len(found), "variables": shown}


@router.post(VARIABLES, status_code=201)
def create_variable(
    hub: Hub, repo: Repo, _admin: Admin, name: Annotated[str, Body()], value: Annotated[str, Body()]
) -> dict[str, Any]:
    """A new variable."""
    if name.upper() in hub.secrets.variables(repo.name, None):
        raise ConflictError("Already exists - Variable already exists")
    hub.secrets.keep(repo.name, name, value, kind="variables")
    return {}


@router.get(f"{VARIABLES}/{{name}}")
def get_variable(hub: Hub, repo: Repo, name: str, _admin: Admin) -> dict[str, Any]:
    """One variable."""
    return _one(hub, repo, name)


@router.patch(f"{VARIABLES}/{{name}}", status_code=204)
def update_variable(
    hub: Hub, repo: Repo, name: str, _admin: Admin, value: Annotated[str, Body(embed=True)]
) -> Response:
    """Another value for a variable."""
    hub.secrets.keep(repo.name, _one(hub, repo, name)["name"], value, kind="variables")
    return Response(status_code=204)


@router.get(SECRETS)
def list_secrets(hub: Hub, repo: Repo, page: Paging, _admin: Admin) -> dict[str, Any]:
    """The names of secrets; their values are in no answer."""
    names = sorted(hub.secrets.of(repo.name, None))
    return {"total_count": len(names), "secrets": [_shown(name) for name in page.of(names)]}


@router.get(f"{SECRETS}/public-key")
def no_public_key(repo: Repo, _admin: Admin) -> None:
    """What `gh secret set` asks for, to seal a secret with: here is no key, but another way.

    Raises:
        NotFoundError: Always.
    """
    hint = f"localhub secret set --repo {repo.name} NAME, with the value on standard input"
    raise NotFoundError("localhub takes no sealed secrets", hint=hint)
