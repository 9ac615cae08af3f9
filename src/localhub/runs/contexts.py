"""What expressions may refer to: github, needs, matrix, strategy, inputs and vars, as GitHub gives them."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localhub.expressions import Scope, Value
from localhub.runs.records import Conclusion, Job, Node, Run

RUNNER_ENVIRONMENT = "self-hosted"
SERVER = "http://github.localhost"
API = "http://api.github.localhost"


@dataclass(frozen=True)
class Around:
    """What a run needs to know of the hub."""

    variables: Mapping[str, str] = field(default_factory=dict)
    default_branch: str = "main"
    repository_id: int = 0
    address: str = ""  # where localhub serves a port


def person_id(login: str) -> int:
    """A number for whoever has that login: here nobody registers, so it is made of the login."""
    return zlib.crc32(login.lower().encode())


def github(run: Run, around: Around, job: str | None = None) -> dict[str, Any]:
    """The `github` context of a run, as far as it is known outside the runner."""
    owner, _, _ = run.repository.partition("/")
    kind = "tag" if run.ref.startswith("refs/tags/") else "branch"
    context: dict[str, Any] = {
        "action_ref": "",
        "actor": run.actor,
        "actor_id": str(person_id(run.actor)),
        "api_url": API,
        "base_ref": run.base_ref,
        "event": run.payload,
        "event_name": run.event,
        "graphql_url": f"{API}/graphql",
        "head_ref": run.head_ref,
        "ref": run.ref,
        "ref_name": ref_name(run.ref),
        "ref_protected": False,
        "ref_type": kind,
        "repository": run.repository,
        "repositoryUrl": f"git://{SERVER.removeprefix('http://')}/{run.repository}.git",
        "repository_id": str(around.repository_id),
        "repository_owner": owner,
        "repository_owner_id": str(person_id(owner)),
        "retention_days": "90",
        "run_attempt": str(run.attempt),
        "run_id": str(run.id),
        "run_number": str(run.number),
        "server_url": SERVER,
        "sha": run.sha,
        "triggering_actor": run.triggering_actor or run.actor,
        "workflow": run.name,
        "workflow_ref": f"{run.repository}/{run.path}@{run.ref}",
        "workflow_sha": run.sha,
    }
    if job is not None:
        context["job"] = job
    return context


def job(run: Run, of: Job, path: str) -> dict[str, Any]:
    """The `job` context, as far as it is known outside the runner; it is written in the file at *path*."""
    return {
        "check_run_id": of.id,
        "workflow_ref": f"{run.repository}/{path}@{run.ref}",
        "workflow_sha": run.sha,
        "workflow_repository": run.repository,
        "workflow_file_path": path,
    }


def runner(name: str) -> dict[str, Any]:
    """The `runner` context, as far as it is known outside the runner."""
    return {"arch": "X64", "environment": RUNNER_ENVIRONMENT, "name": name, "os": "Linux"}


def ref_name(ref: str) -> str:
    """refs/heads/main as `main`, refs/pull/3/merge as `3/merge`."""
    for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def needs(names: tuple[str, ...], nodes: Mapping[str, Node]) -> dict[str, Any]:
    """The `needs` context: result and outputs of each job named."""
    context = {}
    for name in names:
        node = nodes[name]
        context[name] = {"result": str(node.conclusion or ""), "outputs": dict(node.outputs)}
    return context


def status_functions(
    ancestors: list[Conclusion | None], *, cancelled: bool
) -> dict[str, Callable[..., Value]]:
    """success(), failure(), cancelled() and always() for a job's `if`: of all jobs it needs, near and far."""
    failed = any(each is Conclusion.FAILURE for each in ancestors)
    good = all(each is Conclusion.SUCCESS for each in ancestors)
    return {
        "success": lambda *_: good and not cancelled,
        "failure": lambda *_: failed and not cancelled,
        "cancelled": lambda *_: cancelled,
        "always": lambda *_: True,
    }


def strategy(node: Node, index: int, total: int) -> dict[str, Any]:
    """The `strategy` context of one job of a matrix."""
    return {
        "fail-fast": node.fail_fast,
        "job-index": index,
        "job-total": total,
        "max-parallel": node.max_parallel or total,
    }


def scope(contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Value]] | None = None) -> Scope:
    """A scope of plain data; whole numbers become the one kind of number that expressions have."""
    return Scope({name: plain(value) for name, value in contexts.items()}, functions or {})


def plain(value: Any) -> Value:
    """Data as expressions know it."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value]
