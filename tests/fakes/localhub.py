"""localhub's ports in memory: runs, jobs that end when a test says so, secrets, sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from localhub.base.clock import ManualClock
from localhub.runs import protection
from localhub.runs.contexts import Around
from localhub.runs.engine import Engine, Hooks, Labels
from localhub.runs.ports import Order, Progress, Report
from localhub.runs.records import Conclusion, Job, Run, Status
from localhub.runs.starting import Happened, Known, Starter

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
CI = ".github/workflows/ci.yml"


def workflow(jobs: str, head: str = "") -> str:
    """A workflow file of these jobs."""
    return f"name: CI\non: [push, workflow_dispatch]\n{head}jobs:\n{jobs}"


def job(name: str, more: str = "") -> str:
    """A job of one step, as it stands in a workflow file."""
    return f"  {name}:\n    runs-on: ubuntu-latest\n{more}    steps:\n      - run: 'true'\n"


CHAIN = workflow(
    job("build", "    outputs: {v: '${{ steps.x.outputs.v }}'}\n")
    + job("test", "    needs: build\n")
    + job("notify", "    needs: test\n    if: failure()\n")
    + job("clean", "    needs: [test]\n    if: always()\n")
)
MATRIX = workflow(job("test", "    strategy:\n      matrix: {n: [1, 2, 3]}\n"))


class FakeRuns:
    """The Runs port."""

    def __init__(self) -> None:
        self.kept: dict[int, Run] = {}
        self._numbers: dict[str, int] = {}

    def get(self, run_id: int) -> Run | None:
        return self.kept.get(run_id)

    def save(self, run: Run) -> None:
        self.kept[run.id] = run

    def delete(self, run_id: int) -> None:
        self.kept.pop(run_id, None)

    def active(self) -> list[Run]:
        return [run for _, run in sorted(self.kept.items()) if not run.done]

    def next_id(self, kind: str, count: int = 1) -> int:
        first = self._numbers.get(kind, 0) + 1
        self._numbers[kind] = first + count - 1
        return first

    def next_number(self, workflow_id: int) -> int:
        return self.next_id(f"workflow {workflow_id}")


class FakeJobs:
    """The Jobs port: what was ordered, and the power to end it."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.cancelled: list[int] = []
        self.orphans: list[int] = []
        self._reports: dict[int, Report] = {}

    def start(self, order: Order, report: Report) -> None:
        self.orders[order.job_id] = order
        self._reports[order.job_id] = report

    def cancel(self, job_id: int, *, force: bool = False) -> None:
        del force
        self.cancelled.append(job_id)

    def end_orphan(self, job_id: int, process_id: int | None) -> None:
        del process_id
        self.orphans.append(job_id)

    def end(self, job_id: int, conclusion: str = "success", outputs: dict[str, str] | None = None) -> None:
        """Ends a job."""
        self.reports(job_id, Progress(conclusion=Conclusion(conclusion), outputs=outputs or {}))

    def reports(self, job_id: int, progress: Progress) -> None:
        """A job has come further."""
        self._reports[job_id](self.orders[job_id].run_id, job_id, progress)


@dataclass
class FakeSecrets:
    """The Secrets port."""

    secrets: dict[str, str] = field(default_factory=dict)
    given: dict[str | None, dict[str, str]] = field(default_factory=dict)  # variables by environment

    def of(self, repository: str, environment: str | None) -> dict[str, str]:
        del repository, environment
        return dict(self.secrets)

    def variables(self, repository: str, environment: str | None) -> dict[str, str]:
        del repository
        return {**self.given.get(None, {}), **self.given.get(environment, {})}


class FakeSources:
    """The Sources port: one commit."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def files(self, repository: str, sha: str, folder: str) -> Mapping[str, str]:
        del repository, sha, folder
        return self._files

    def changed(self, repository: str, before: str | None, after: str) -> Iterable[str]:
        del repository, before, after
        return ["README.md"]


class _Workflows:
    def __init__(self) -> None:
        self.disabled = False

    def known(self, repository: str, path: str, name: str) -> Known:
        del repository
        return Known(1 + hash(path) % 1000, path, name, active=not self.disabled)


class Bench:
    """An engine with fakes all round, ticked by hand."""

    def __init__(self, files: Mapping[str, str] | str, *, slots: int = 10) -> None:
        found = {CI: files} if isinstance(files, str) else files
        self.clock = ManualClock(START)
        self.runs, self.jobs, self.secrets = FakeRuns(), FakeJobs(), FakeSecrets()
        self.rules: dict[str, protection.Rules] = {}
        self.permitted: dict[int, Mapping[str, str]] = {}
        self.workflows = _Workflows()
        self._slots = slots
        self.engine = self._engine()
        self._files = found
        self.starter = self._starter()

    def _engine(self) -> Engine:
        hooks = Hooks(
            around=lambda name: Around(self.secrets.variables(name, None)),
            protection=lambda _, name: self.rules.get(name, protection.Rules()),
            job_token=self._token,
        )
        labels = Labels(frozenset({"ubuntu-latest", "self-hosted", "linux"}))
        return Engine(self.runs, self.jobs, self.secrets, self.clock, labels, hooks, slots=self._slots)

    def _token(self, _run: Run, job: Job, permitted: Mapping[str, str]) -> str:
        self.permitted[job.id] = permitted
        return "ghs_token"

    def _starter(self) -> Starter:
        sources = FakeSources(self._files)
        return Starter(self.engine, self.runs, sources, self.workflows, self.clock, check=lambda _: None)

    def restart(self) -> None:
        """As after a kill -9: another engine on what was stored."""
        self.engine = self._engine()
        self.starter = self._starter()
        self.engine.recover()

    def happens(self, event: str = "push", **more: Any) -> list[Run]:  # noqa: ANN401 - an event's own
        """Something happens, and the engine looks."""
        what = Happened("acme/app", event, "refs/heads/main", "a" * 40, "ada", {}, title="A change")
        started = self.starter.happened(replace(what, **more))
        self.tick()
        return started

    def push(self) -> int:
        """A push; the id of its only run."""
        (run,) = self.happens()
        return run.id

    def tick(self) -> None:
        """The engine looks, and once more at what that has led to."""
        for _ in range(3):
            self.engine.tick()

    def run(self, run_id: int = 1) -> Run:
        """The run as it is stored."""
        found = self.runs.get(run_id)
        assert found is not None
        return found

    def job(self, name: str, run_id: int = 1) -> Job:
        """The job of that name in the latest attempt."""
        return next(job for job in self.run(run_id).jobs if job.name == name)

    def end(self, name: str, conclusion: str = "success", run_id: int = 1, **outputs: str) -> None:
        """A job ends, and the engine looks."""
        self.jobs.end(self.job(name, run_id).id, conclusion, outputs)
        self.tick()

    def states(self, run_id: int = 1) -> dict[str, str]:
        """Each job's conclusion, else its status."""
        return {job.name: str(job.conclusion or job.status) for job in self.run(run_id).jobs}

    def at_work(self) -> list[Job]:
        """Jobs in progress, of all runs."""
        return [job for run in self.runs.active() for job in run.jobs if job.status is Status.IN_PROGRESS]
