"""Who asks, and what a job's token is good for."""

from collections.abc import Mapping
from dataclasses import dataclass

from localhub.base.errors import RefusedError
from localhub.runs import permissions


@dataclass(frozen=True)
class JobToken:
    """What a job's token is good for, while the job runs: one repository, and a level for each scope."""

    repository: str
    job_id: int
    permissions: Mapping[str, str]

    def require(self, scope: str, level: str) -> None:
        """Go on if the token has that *level*, or more, of *scope*.

        Raises:
            RefusedError: If it has less.
        """
        if not permissions.allows(self.permissions, scope, level):
            hint = f"permissions: {{{scope}: {level}}} of the job or the workflow gives it to the job's token"
            raise RefusedError("Resource not accessible by integration", hint=hint)


@dataclass(frozen=True)
class Caller:
    """Whoever a token is: somebody who may do everything, or a job."""

    login: str
    of_job: JobToken | None = None

    def reaches(self, repository: str) -> bool:
        """Whether the token is good for that repository: a job's is for its own alone."""
        return self.of_job is None or self.of_job.repository == repository

    def require(self, scope: str, level: str) -> None:
        """Go on if the token has that *level* of *scope*; who is no job has every one.

        Raises:
            RefusedError: If it has less.
        """
        if self.of_job is not None:
            self.of_job.require(scope, level)
