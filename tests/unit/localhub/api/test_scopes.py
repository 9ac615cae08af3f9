"""Which permission of a job's token a request needs."""

import pytest

from localhub.api import scopes


@pytest.mark.parametrize(
    ("request_line", "needed"),
    [
        ("GET ", None),
        ("GET /actions/runs/1/jobs", ("actions", "read")),
        ("POST /actions/workflows/ci.yml/dispatches", ("actions", "write")),
        ("DELETE /actions/caches/1", ("actions", "write")),
        ("POST /actions/runs/1/pending_deployments", ("deployments", "write")),
        ("GET /actions/runs/1/pending_deployments", ("actions", "read")),
        ("GET /environments/production", ("actions", "read")),
        ("POST /deployments/3/statuses", ("deployments", "write")),
        ("POST /pulls", ("pull-requests", "write")),
        ("PUT /pulls/3/merge", ("contents", "write")),
        ("GET /pulls/3/merge", ("pull-requests", "read")),
        ("GET /commits/feature/x/check-runs", ("checks", "read")),
        ("GET /commits/main/status", ("statuses", "read")),
        ("GET /contents/status", ("contents", "read")),
        ("DELETE /git/refs/heads/main", ("contents", "write")),
        ("POST /dispatches", ("contents", "write")),
    ],
)
def test_requests(request_line: str, needed: tuple[str, str] | None) -> None:
    method, _, path = request_line.partition(" ")
    assert scopes.of_request(method, f"/repos/acme/app{path}") == needed


@pytest.mark.parametrize(
    ("kind", "field", "needed"),
    [
        ("Query", "repository", None),
        ("Repository", "pullRequests", ("pull-requests", "read")),
        ("Repository", "defaultBranchRef", None),
        ("Ref", "target", ("contents", "read")),
        ("PullRequest", "statusCheckRollup", ("checks", "read")),
        ("Mutation", "createPullRequest", ("pull-requests", "write")),
        ("Mutation", "mergePullRequest", ("contents", "write")),
    ],
)
def test_fields(kind: str, field: str, needed: tuple[str, str] | None) -> None:
    assert scopes.of_field(kind, field) == needed
