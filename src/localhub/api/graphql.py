"""The few GraphQL queries that gh asks, answered field by field by graphql-core."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from graphql import GraphQLError, build_schema, graphql_sync

from localhub.api import forms
from localhub.api.access import Actor, Hub
from localhub.hub.parts import Localhub
from localhub.store.records import PullRequest

router = APIRouter()

SCHEMA = build_schema("""
type Query {
  viewer: User!
  repository(owner: String!, name: String!, followRenames: Boolean): Repository
}
type User { login: String!, id: ID!, name: String, databaseId: Int }
type Owner { login: String!, id: ID! }
type Ref { name: String! }
type Repository {
  id: ID!
  databaseId: Int
  name: String!
  sshUrl: String!
  nameWithOwner: String!
  owner: Owner!
  description: String
  isPrivate: Boolean!
  hasIssuesEnabled: Boolean!
  hasWikiEnabled: Boolean!
  viewerPermission: String
  defaultBranchRef: Ref
  parent: Repository
  mergeCommitAllowed: Boolean!
  rebaseMergeAllowed: Boolean!
  squashMergeAllowed: Boolean!
  pullRequests(headRefName: String, baseRefName: String, states: [PullRequestState!], first: Int, orderBy: Order): Pulls!
}
input Order { field: String, direction: String }
enum PullRequestState { OPEN CLOSED MERGED }
type Pulls { nodes: [Pull!]!, totalCount: Int! }
type Pull {
  number: Int!
  url: String!
  headRefName: String!
  headRepositoryOwner: Owner
  headRepository: Repository
}
""")


class _Root:
    """What a query begins with."""

    def __init__(self, hub: Localhub, actor: str) -> None:
        self._hub, self._actor = hub, actor

    def viewer(self, _info: Any) -> dict[str, Any]:
        return _user(self._actor)

    def repository(self, _info: Any, owner: str, name: str, **_: Any) -> "_Repository":
        found = self._hub.repositories.get(f"{owner}/{name}")
        if found is None:
            raise GraphQLError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return _Repository(self._hub, found.name)


def _user(login: str) -> dict[str, Any]:
    number = forms.user(login)["id"]
    return {"login": login, "id": f"U_{number}", "name": login, "databaseId": number}


class _Repository:
    """A repository, as queries see it."""

    isPrivate = True  # noqa: N815 - GitHub's own names from here on
    hasIssuesEnabled = False  # noqa: N815
    hasWikiEnabled = False  # noqa: N815
    viewerPermission = "ADMIN"  # noqa: N815
    parent = None
    mergeCommitAllowed = True  # noqa: N815
    rebaseMergeAllowed = False  # noqa: N815
    squashMergeAllowed = True  # noqa: N815

    def __init__(self, hub: Localhub, name: str) -> None:
        self._hub = hub
        record = hub.repositories.get(name)
        assert record is not None  # noqa: S101 - asked for just before
        owner, _, self.name = name.partition("/")
        self.id = f"R_{record.id}"
        self.databaseId = record.id
        self.sshUrl = f"{forms.WEB}/{name}.git"
        self.nameWithOwner = name
        self.owner = _user(owner)
        self.description = record.description
        self.defaultBranchRef = {"name": record.default_branch}

    def pullRequests(self, _info: Any, **wanted: Any) -> dict[str, Any]:  # noqa: N802
        fitting = [
            pull
            for pull in sorted(self._hub.pulls.all(self.nameWithOwner), key=lambda each: -each.number)
            if wanted.get("headRefName") in {None, pull.head}
            and wanted.get("baseRefName") in {None, pull.base}
            and (not wanted.get("states") or _state(pull) in wanted["states"])
        ]
        nodes = [self._pull(pull) for pull in fitting[: wanted.get("first") or 30]]
        return {"nodes": nodes, "totalCount": len(fitting)}

    def _pull(self, pull: PullRequest) -> dict[str, Any]:
        return {
            "number": pull.number,
            "url": f"{forms.WEB}/{self.nameWithOwner}/pull/{pull.number}",
            "headRefName": pull.head,
            "headRepositoryOwner": self.owner,
            "headRepository": self,
        }


def _state(pull: PullRequest) -> str:
    return "MERGED" if pull.merged_at else pull.state.upper()


@router.post("/graphql")
def graphql(
    hub: Hub,
    actor: Actor,
    query: Annotated[str, Body()],
    variables: Annotated[dict[str, Any] | None, Body()] = None,
    operation_name: Annotated[str | None, Body(alias="operationName")] = None,
) -> dict[str, Any]:
    """Answers a query."""
    done = graphql_sync(
        SCHEMA, query, _Root(hub, actor), variable_values=variables, operation_name=operation_name
    )
    answer: dict[str, Any] = {"data": done.data}
    if done.errors:
        answer["errors"] = [{"message": each.message, "path": each.path} for each in done.errors]
    return answer
