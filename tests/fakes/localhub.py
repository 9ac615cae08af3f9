"""localhub's ports in memory: runs, jobs that end when a test says so, secrets, sources."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from localhub.base.clock import ManualClock
from localhub.runs import protection
from localhub.runs.contexts import Around
from localhub.runs.engine import Engine
from localhub.runs.hooks import Hooks, Labels
from localhub.runs.ports import Known, Order, Progress, Report
from localhub.runs.records import Conclusion, Job, Run, Status
from localhub.runs.starting import Happened, Starter

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
        self._reports: dict[int, Report] = {}  # of jobs without a conclusion
        self._telling: list[threading.Thread] = []

    def start(self, order: Order, report: Report) -> None:
        self.orders[order.job_id] = order
        self._reports[order.job_id] = report

    def cancel(self, job_id: int, *, force: bool = False) -> None:
        if job_id not in self._reports:
            return
        self.cancelled.append(job_id)
        if force:
            self._tell(job_id, Progress(conclusion=Conclusion.CANCELLED))

    def end_orphan(self, job_id: int, process_id: int | None) -> None:
        del process_id
        self.orphans.append(job_id)
        self._reports.pop(job_id, None)

    def end(self, job_id: int, conclusion: str | None = None, outputs: dict[str, str] | None = None) -> None:
        """Ends a job: as a success, or as cancelled where it was, unless another conclusion is given."""
        of_itself = Conclusion.CANCELLED if job_id in self.cancelled else Conclusion.SUCCESS
        ended = Conclusion(conclusion) if conclusion else of_itself
        self.reports(job_id, Progress(conclusion=ended, outputs=outputs or {}))

    def reports(self, job_id: int, progress: Progress) -> None:
        """A job has come further."""
        self._tell(job_id, progress)
        self.told()

    def told(self) -> None:
        """Returns once all reports have been taken; not for those whom reports wait for."""
        while self._telling:
            self._telling.pop().join()

    def _tell(self, job_id: int, progress: Progress) -> None:
        report = self._reports.get(job_id)
        if report is None:
            return
        if progress.conclusion is not None:
            del self._reports[job_id]
        telling = threading.Thread(target=report, args=(self.orders[job_id].run_id, job_id, progress))
        self._telling.append(telling)
        telling.start()


class FakeSecrets:
    """The Secrets port, and how somebody who may sets them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], dict[str, str]] = {}

    def keep(
        self, repository: str, name: str, value: str, *, environment: str = "", kind: str = "secrets"
    ) -> None:
        """Keeps a value."""
        self._kept.setdefault((kind, repository, environment), {})[name.upper()] = value

    def of(self, repository: str, environment: str | None) -> dict[str, str]:
        return self._both("secrets", repository, environment)

    def variables(self, repository: str, environment: str | None) -> dict[str, str]:
        return self._both("variables", repository, environment)

    def _both(self, kind: str, repository: str, environment: str | None) -> dict[str, str]:
        places = [(kind, repository, ""), (kind, repository, environment or "")]
        return {name: value for place in places for name, value in self._kept.get(place, {}).items()}


class FakeSources:
    """The Sources port, and how somebody commits."""

    def __init__(self) -> None:
        self._commits: dict[tuple[str, str], Mapping[str, str]] = {}

    def commit(self, repository: str, files: Mapping[str, str], sha: str | None = None) -> str:
        """Commits exactly these files; the SHA."""
        sha = sha or f"{len(self._commits) + 1:040x}"
        self._commits[repository, sha] = dict(files)
        return sha

    def files(self, repository: str, sha: str, folder: str) -> Mapping[str, str]:
        found = self._commits.get((repository, sha), {})
        return {path: text for path, text in found.items() if path.rpartition("/")[0] == folder.rstrip("/")}

    def changed(self, repository: str, before: str | None, after: str) -> Iterable[str]:
        old, new = self._commits.get((repository, before or ""), {}), self._commits[repository, after]
        return [path for path in {**old, **new} if old.get(path) != new.get(path)]


class _Workflows:
    def __init__(self) -> None:
        self.disabled = False

    def known(self, repository: str, path: str, name: str) -> Known:
        del repository
        return Known(1 + hash(path) % 1000, path, name, active=not self.disabled)


class Bench:
    """An engine with fakes all round, ticked by hand."""

    def __init__(
        self,
        files: Mapping[str, str] | str,
        *,
        slots: int = 10,
        run_ended: Callable[[Run], None] = lambda _run: None,
        job_changed: Callable[[Run, Job], None] = lambda _run, _job: None,
    ) -> None:
        found = {CI: files} if isinstance(files, str) else files
        self.clock = ManualClock(START)
        self.runs, self.jobs, self.secrets = FakeRuns(), FakeJobs(), FakeSecrets()
        self.rules: dict[str, protection.Rules] = {}
        self.permitted: dict[int, Mapping[str, str]] = {}
        self.workflows = _Workflows()
        self._run_ended, self._job_changed = run_ended, job_changed
        self._slots = slots
        self.engine = self._engine()
        self._sources = FakeSources()
        self._sources.commit("acme/app", found, "a" * 40)
        self.starter = self._starter()

    def _engine(self) -> Engine:
        hooks = Hooks(
            around=lambda name: Around(self.secrets.variables(name, None)),
            protection=lambda _, name: self.rules.get(name, protection.Rules()),
            job_token=self._token,
            job_changed=self._job_changed,
            run_ended=self._run_ended,
        )
        labels = Labels(frozenset({"ubuntu-latest", "self-hosted", "linux"}))
        return Engine(self.runs, self.jobs, self.secrets, self.clock, labels, hooks, slots=self._slots)

    def _token(self, _run: Run, job: Job, permitted: Mapping[str, str]) -> str:
        self.permitted[job.id] = permitted
        return "ghs_token"

    def _starter(self) -> Starter:
        return Starter(
            self.engine, self.runs, self._sources, self.workflows, self.clock, check=lambda _: None
        )

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
        self.jobs.told()
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

    def end(self, name: str, conclusion: str | None = None, run_id: int = 1, **outputs: str) -> None:
        """A job ends, and the engine looks."""
        self.jobs.end(self.job(name, run_id).id, conclusion, outputs)
        self.tick()

    def states(self, run_id: int = 1) -> dict[str, str]:
        """Each job's conclusion, else its status."""
        return {job.name: str(job.conclusion or job.status) for job in self.run(run_id).jobs}

    def at_work(self) -> list[Job]:
        """Jobs in progress, of all runs."""
        return [job for run in self.runs.active() for job in run.jobs if job.status is Status.IN_PROGRESS]
