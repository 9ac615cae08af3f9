"""Which permission of a job's token a request needs.

Source: GitHub's "Permissions required for GitHub Apps", for what localhub answers.
"""

READ, WRITE = "read", "write"
PULLS, CONTENTS, CHECKS = "pull-requests", "contents", "checks"
OF_FIELDS = {
    ("Query", "search"): (PULLS, READ),
    ("Query", "node"): (PULLS, READ),
    ("Repository", "pullRequest"): (PULLS, READ),
    ("Repository", "pullRequests"): (PULLS, READ),
    ("Ref", "target"): (CONTENTS, READ),
    ("Ref", "branchProtectionRule"): (CONTENTS, READ),
    ("Commit", "statusCheckRollup"): (CHECKS, READ),
    ("PullRequest", "statusCheckRollup"): (CHECKS, READ),
    ("Mutation", "mergePullRequest"): (CONTENTS, WRITE),
}
"""By type and field of GraphQL; every other mutation is about pull requests."""


def of_request(method: str, path: str) -> tuple[str, str] | None:
    """Scope and level for a request below /repos/OWNER/NAME; None where every token will do."""
    level = READ if method in {"GET", "HEAD"} else WRITE
    match path.split("/")[4:]:
        case []:
            return None
        case ["pulls", _, "merge"] if level == WRITE:
            scope = CONTENTS
        case ["pulls", *_]:
            scope = PULLS
        case ["commits", *_, "status"]:
            scope = "statuses"
        case ["commits", *_, "check-runs"] | ["check-runs", *_]:
            scope = CHECKS
        case ["deployments", *_]:
            scope = "deployments"
        case ["actions", "runs", _, "pending_deployments"] if level == WRITE:
            scope = "deployments"
        case ["actions" | "environments", *_]:
            scope = "actions"
        case _:
            scope = CONTENTS
    return scope, level


def of_field(kind: str, field: str) -> tuple[str, str] | None:
    """Scope and level for a field of a GraphQL query or mutation; None where every token will do."""
    return OF_FIELDS.get((kind, field), (PULLS, WRITE) if kind == "Mutation" else None)
