"""Commits and their checks, as queries see them."""

from collections import Counter
from typing import Any

from localhub.api.graphql.connections import Info, connection
from localhub.hub import forms, merging
from localhub.hub.parts import Localhub
from localhub.repositories import bare


class Commit:
    """A commit of a repository."""

    def __init__(self, hub: Localhub, repository: str, sha: str, required: tuple[str, ...] = ()) -> None:
        self._hub, self._repository, self._required = hub, repository, required
        self.oid = sha
        self.id = f"C_{sha}"
        self.abbreviated_oid = sha[:7]
        self.url = f"{forms.WEB}/{repository}/commit/{sha}"

    @property
    def _facts(self) -> bare.Commit:
        return self._hub.bare.commit(self._repository, self.oid)

    @property
    def message(self) -> str:
        """All of it."""
        return self._facts.message

    @property
    def message_headline(self) -> str:
        """Its first line."""
        return self._facts.message.partition("\n")[0]

    @property
    def message_body(self) -> str:
        """What follows its first line."""
        return self._facts.message.partition("\n")[2].strip()

    @property
    def authored_date(self) -> str:
        """When it was written."""
        return self._facts.date

    @property
    def committed_date(self) -> str:
        """When it was committed."""
        return self._facts.committed

    def authors(self, _info: Info, first: int | None = None) -> dict[str, Any]:
        """Who wrote it; a commit names nobody who has a login."""
        facts = self._facts
        return connection([{"name": facts.author, "email": facts.author_email, "user": None}], first=first)

    @property
    def status_check_rollup(self) -> "StatusCheckRollup | None":
        """Its checks; None where there are none."""
        found = merging.checks(self._hub, self._repository, self.oid)
        return StatusCheckRollup(found, self._required) if found else None


class StatusCheckRollup:
    """All checks of a commit in one."""

    def __init__(self, checks: list[merging.Check], required: tuple[str, ...]) -> None:
        self._checks = checks
        self._required = required

    @property
    def state(self) -> str:
        """Failure before pending before success."""
        return merging.summary(self._checks).upper()

    def contexts(self, _info: Info, first: int | None = None, after: str | None = None) -> dict[str, Any]:
        """Check by check, and how many there are of each state."""
        runs = [CheckRun(each, self._required) for each in self._checks]
        counts = Counter(str(run.conclusion or run.status) for run in runs)
        return {
            **connection(runs, first=first, after=after),
            "checkRunCount": len(runs),
            "checkRunCountsByState": [{"state": state, "count": count} for state, count in counts.items()],
            "statusContextCount": 0,
            "statusContextCountsByState": [],
        }


class CheckRun:
    """A job, as a check."""

    def __init__(self, check: merging.Check, required: tuple[str, ...]) -> None:
        run, job = check.run, check.job
        shown = forms.check_run(job, run)
        self._required = job.name in required
        self.id, self.database_id, self.name = shown["node_id"], job.id, job.name
        self.status = job.status.upper()
        self.conclusion = job.conclusion and job.conclusion.upper()
        self.started_at, self.completed_at = shown["started_at"], shown["completed_at"]
        self.details_url = self.url = shown["details_url"]
        workflow = {"name": run.name, "databaseId": run.workflow_id}
        place = f"{forms.WEB}/{run.repository}/actions/runs/{run.id}"
        self.check_suite = {
            "workflowRun": {
                "databaseId": run.id,
                "event": run.event,
                "url": place,
                "runNumber": run.number,
                "workflow": workflow,
            }
        }

    def is_required(self, _info: Info, **_pull_request: Any) -> bool:
        """Whether the pull request that was asked for needs it."""
        return self._required
