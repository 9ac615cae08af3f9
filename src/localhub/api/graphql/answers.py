"""POST /graphql: a query, answered field by field by graphql-core."""

import re
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Body
from graphql import GraphQLError, build_schema, graphql_sync

from localhub.api import scopes
from localhub.api.access import Hub, Who
from localhub.api.graphql import searching
from localhub.api.graphql.connections import Info, connection
from localhub.api.graphql.mutations import Mutations, by_id, pull_by_id
from localhub.api.graphql.people import User, actor
from localhub.api.graphql.pull_requests import PullRequest
from localhub.api.graphql.repositories import Repository
from localhub.base.errors import LocalhubError, NotFoundError
from localhub.hub import pulls
from localhub.runs.ports import StoreUnavailableError

router = APIRouter()
SCHEMA = build_schema(Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8"))
CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
log = structlog.get_logger()


class Root(Mutations):
    """What a query or mutation begins with."""

    @property
    def viewer(self) -> User:
        """Who asks."""
        return actor(self._actor)

    def repository(self, _info: Info, owner: str, name: str, **_: bool) -> Repository:
        """A repository by its name."""
        found = self._hub.repositories.get(f"{owner}/{name}")
        if found is None or not self._who.reaches(found.name):
            raise NotFoundError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return Repository(self._hub, found)

    def node(self, _info: Info, **wanted: str) -> Repository | PullRequest:
        """A repository or pull request by its id."""
        node_id = wanted["id"]
        if node_id.startswith("PR_"):
            home = Repository(self._hub, by_id(self._known(), node_id, "PR"))
            return home.shown(pull_by_id(self._hub, self._known(), node_id))
        return Repository(self._hub, by_id(self._known(), node_id, "R"))

    def search(self, _info: Info, query: str, **wanted: Any) -> dict[str, Any]:
        """Pull requests that a search finds, newest first."""
        name = searching.repository_of(query)
        homes = [each for each in self._known() if name is None or name.lower() == each.name.lower()]
        found = [
            Repository(self._hub, home).shown(pull)
            for home in homes
            for pull in pulls.newest_first(self._hub, home.name)
            if searching.fits(pull, query, self._actor)
        ]
        return connection(found, **{key: wanted.get(key) for key in ("first", "last", "after")})


def resolved(source: Any, info: Info, **arguments: Any) -> Any:
    """A field of an object: a key, an attribute, or a method that takes the field's arguments."""
    needed = scopes.of_field(info.parent_type.name, info.field_name)
    if needed:
        info.context.require(*needed)
    if isinstance(source, dict):
        return source.get(info.field_name)
    value = getattr(source, CAPITAL.sub("_", info.field_name).lower())
    return value(info, **arguments) if callable(value) else value


def kind(value: Any, *_: Any) -> str:
    """Which type of a union or interface an object is: the one it is named after."""
    return type(value).__name__


@router.post("/graphql")
def graphql(
    hub: Hub,
    who: Who,
    query: Annotated[str, Body()],
    variables: Annotated[dict[str, Any] | None, Body()] = None,
    operation_name: Annotated[str | None, Body(alias="operationName")] = None,
) -> dict[str, Any]:
    """Answers a query."""
    done = graphql_sync(
        SCHEMA,
        query,
        Root(hub, who),
        context_value=who,
        variable_values=variables,
        operation_name=operation_name,
        field_resolver=resolved,
        type_resolver=kind,
    )
    for problem in done.errors or ():
        if isinstance(problem.original_error, StoreUnavailableError):
            raise problem.original_error
    answer: dict[str, Any] = {"data": done.data}
    if done.errors:
        answer["errors"] = [_shown(each) for each in done.errors]
    return answer


def _shown(problem: GraphQLError) -> dict[str, Any]:
    """An error as GitHub words it; gh reads its type."""
    cause = problem.original_error
    shown: dict[str, Any] = {"message": problem.message, "path": problem.path or []}
    if isinstance(cause, LocalhubError):
        shown["type"] = {404: "NOT_FOUND", 403: "FORBIDDEN"}.get(cause.status, "UNPROCESSABLE")
        if cause.hint:
            shown["message"] = f"{cause.message} ({cause.hint})"
    elif cause is not None:
        log.error("graphql_failed", path=problem.path, exc_info=cause)
        shown |= {"type": "INTERNAL", "message": "Something went wrong while executing your query."}
    return shown
