"""Which permission of a job's token a request needs.

Source: GitHub's "Permissions required for GitHub Apps", for what localhub answers.
"""

READ, WRITE = "read", "write"
PULLS, CONTENTS = "pull-requests", "contents"
OF_FIELDS = {
    ("Query", "search"): (PULLS, READ),
    ("Query", "node"): (PULLS, READ),
    ("Repository", "pullRequest"): (PULLS, READ),
    ("Repository", "pullRequests"): (PULLS, READ),
    ("Repository", "ref"): (CONTENTS, READ),
    ("Mutation", "mergePullRequest"): (CONTENTS, WRITE),
}
"""By type and field of GraphQL; every other mutation is about pull requests."""


def of_request(method: str, path: str) -> tuple[str, str] | None:
    """Scope and level for a request below /repos/OWNER/NAME; None where every token will do."""
    match path.split("/")[4:]:
        case []:
            return None
        case ["pulls", _, "merge"]:
            scope = CONTENTS
        case ["pulls", *_]:
            scope = PULLS
        case ["commits", *_, "status"]:
            scope = "statuses"
        case ["commits", *_, "check-runs"] | ["check-runs", *_]:
            scope = "checks"
        case ["deployments", *_] | ["actions", "runs", _, "pending_deployments"]:
            scope = "deployments"
        case ["actions" | "environments", *_]:
            scope = "actions"
        case _:
            scope = CONTENTS
    return scope, READ if method in {"GET", "HEAD"} else WRITE


def of_field(kind: str, field: str) -> tuple[str, str] | None:
    """Scope and level for a field of a GraphQL query or mutation; None where every token will do."""
    return OF_FIELDS.get((kind, field), (PULLS, WRITE) if kind == "Mutation" else None)
