"""Drives runs: every pass settles groups, advances each run, and starts what there is room for.

Level-triggered: a pass looks at what is stored and does what is missing, so a crash anywhere costs nothing
but the jobs that were in progress (they end as failed: their runner is gone).
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from localhub.base.clock import Clock
from localhub.base.errors import ConflictError, LocalhubError, NotFoundError
from localhub.runs import attempts, concurrency, orders, permissions, planning, progressing, protection
from localhub.runs.contexts import Around
from localhub.runs.frames import Readers
from localhub.runs.hooks import Hooks, Labels
from localhub.runs.passes import Pass
from localhub.runs.ports import Jobs, Order, Progress, Runs, Secrets, StoreUnavailableError
from localhub.runs.records import Annotation, Conclusion, Job, Review, Run, Status
from localhub.runs.turns import Turns

_log = logging.getLogger(__name__)


class Engine:
    """Holds all runs that have not ended, and moves them."""

    def __init__(
        self,
        runs: Runs,
        jobs: Jobs,
        secrets: Secrets,
        clock: Clock,
        labels: Labels,
        hooks: Hooks,
        *,
        slots: int = 2,
    ) -> None:
        self._runs, self._jobs, self._secrets, self._clock = runs, jobs, secrets, clock
        self._labels, self._hooks, self.slots = labels, hooks, slots
        self._active: dict[int, Run] = {}
        self._progress: list[tuple[int, int, Progress]] = []
        self._condition = threading.Condition(threading.RLock())
        self._stirred = False
        self._turns = Turns()
        self._readers = Readers()

    # -- what others ask ---------------------------------------------------------------------------------

    def add(self, run: Run) -> None:
        """Takes in a new run."""
        with self._changing():
            self._keep(run)

    def again(self, run_id: int, actor: str, *, failed_only: bool = False, job_id: int | None = None) -> Run:
        """Another attempt.

        Raises:
            NotFoundError: If there is no such run or job.
            ConflictError: If it has not ended, or nothing of it failed.
        """
        with self._changing():
            run = self._must(run_id)
            fresh = attempts.again(run, self._pass(run), actor, failed_only=failed_only, job_id=job_id)
            if fresh.group:
                fresh = replace(fresh, status=Status.PENDING)
            self._keep(fresh)
            return fresh

    def cancel(self, run_id: int, *, force: bool = False) -> None:
        """Ends a run: its jobs are asked to end, with *force* they are ended.

        Raises:
            ConflictError: If it has ended.
        """
        with self._changing():
            run = self._must(run_id)
            if run.done:
                raise ConflictError("Cannot cancel a workflow run that is completed.")
            if force:
                for job in run.jobs:
                    if job.status is Status.IN_PROGRESS:
                        self._jobs.cancel(job.id, force=True)
            if run.status is Status.PENDING:
                run = replace(run, status=Status.QUEUED)
            self._keep(replace(run, cancelling=True, updated_at=self._clock.now()))

    def review(self, run_id: int, environments: Iterable[str], state: str, comment: str, user: str) -> Run:
        """Somebody's word on environments that the run waits for.

        Raises:
            ConflictError: If it waits for none of them.
            RefusedError: If this person may not say.
        """
        with self._changing():
            run = self._must(run_id)
            waiting = {job.environment for job in run.jobs if job.status is Status.WAITING}
            for name in environments:
                if name not in waiting:
                    raise ConflictError(f"run {run_id} does not wait for environment {name!r}")
                protection.may_review(self._hooks.protection(run.repository, name), run, user)
                run = replace(
                    run, reviews=(*run.reviews, Review(name, state, user, comment, self._clock.now()))
                )
            self._keep(run)
            return run

    def annotate(self, run_id: int, annotations: Iterable[Annotation]) -> None:
        """Adds remarks to a run, whether it has ended or not."""
        with self._changing():
            run = self._must(run_id)
            self._keep(replace(run, annotations=(*run.annotations, *annotations)))

    def forget(self, run_id: int) -> None:
        """Deletes a run that has ended.

        Raises:
            ConflictError: If it has not.
        """
        with self._changing():
            if not self._must(run_id).done:
                raise ConflictError(
                    "Could not delete the workflow run: it has not ended", hint="gh run cancel"
                )
            self._runs.delete(run_id)

    def get(self, run_id: int) -> Run:
        """The run as it is now.

        Raises:
            NotFoundError: If there is none.
        """
        with self._condition:
            return self._must(run_id)

    def around(self, repository: str) -> Around:
        """What runs of a repository know of the hub."""
        return self._hooks.around(repository)

    # -- the loop ----------------------------------------------------------------------------------------

    def recover(self) -> None:
        """After a restart: jobs that were in progress have ended, and their runs go on from there."""
        with self._changing():
            for run in self._runs.active():
                kept = run
                for job in run.jobs:
                    if job.status is Status.IN_PROGRESS:
                        self._jobs.end_orphan(job.id, job.process_id)
                        kept = kept.with_job(progressing.lost(job, self._clock.now()))
                self._keep(kept)

    def run_forever(self, stopping: threading.Event, *, at_least_every_seconds: float = 1.0) -> None:
        """Passes whenever something has changed, until *stopping* is set.

        A pass that fails (a full disk, a locked store) is said and made again: no report is lost by it.
        """
        while not stopping.is_set():
            self.go_on(stopping, at_least_every_seconds=at_least_every_seconds)

    def go_on(self, stopping: threading.Event, *, at_least_every_seconds: float = 1.0) -> None:
        """Waits until something has changed, and makes one pass."""
        with self._condition:
            if not self._stirred:
                self._condition.wait(at_least_every_seconds)
            self._stirred = False
        try:
            self.tick()
        except Exception:  # noqa: BLE001 - the loop is all that moves runs
            self._stirred = True
            _log.exception("a pass of the engine failed; it is made again")
            stopping.wait(at_least_every_seconds)

    def stir(self) -> None:
        """Wakes the loop."""
        with self._condition:
            self._stirred = True
            self._condition.notify_all()

    def tick(self) -> None:
        """One pass."""
        with self._condition:
            self._take_in()
            self._settle_groups()
            for run in self._in_order():
                if run.status is not Status.PENDING:
                    self._advance_alone(run)
            if self._settle_groups():
                self._stirred = True
            self._start_what_fits()

    def _settle_groups(self) -> bool:
        """See who makes way for whom, and who may go on; whether anything came of it."""
        changed = concurrency.settled(self._in_order(), self._clock.now())
        for run in changed:
            self._ask_to_end(run)
            self._keep(run)
        return bool(changed)

    def _advance_alone(self, run: Run) -> None:
        """One run's fault must not hold up the others; the store's is no run's."""
        try:
            self._advance(run)
        except StoreUnavailableError:
            raise
        except Exception as problem:  # noqa: BLE001 - the engine's loop
            self._give_up(run, _words("could not go on with this run", problem))

    def _give_up(self, run: Run, words: str) -> None:
        """Ends a run that cannot go on, and what of it is under way."""
        ended = progressing.given_up(run, words, self._clock.now())
        for before, job in zip(run.jobs, ended.jobs, strict=True):
            if before.status is Status.IN_PROGRESS:
                self._jobs.cancel(job.id, force=True)
            if not before.done:
                self._tell_of_a_job(ended, job)
        self._keep(ended)

    def _tell_of_a_job(self, run: Run, job: Job) -> None:
        try:
            self._hooks.job_changed(run, job)
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - its run has to end
            _log.exception("job %s has ended with its run; what is to follow it failed", job.id)

    def _take_in(self) -> None:
        """What running jobs have reported; each is forgotten only when it is kept."""
        while self._progress:
            self._take_in_one(*self._progress[0])
            self._progress.pop(0)

    def _take_in_one(self, run_id: int, job_id: int, progress: Progress) -> None:
        run = self._active.get(run_id)
        job = run.job(job_id) if run else None
        if run is None or job is None:
            return
        if job.done:
            if progress.conclusion:  # it is kept, but telling of it may have failed
                self._hooks.job_changed(run, job)
            return
        changed = progressing.with_progress(job, progress, self._clock.now())
        try:
            self._keep(run.with_job(changed))
        except ValueError as problem:  # it holds what no store takes, and never will
            words = f"localhub could not keep what this job reported: {problem}"
            changed = progressing.ended(job, Conclusion.FAILURE, self._clock.now(), words)
            self._keep(run.with_job(changed))
            self._jobs.cancel(job_id, force=True)
        if changed.done:
            self._hooks.job_changed(run, changed)

    def _advance(self, run: Run) -> None:
        run = planning.advanced(run, self._pass(run))
        run = self._gated(run)
        self._ask_to_end(run)
        if run is not self._active.get(run.id):
            self._keep(run)

    def _ask_to_end(self, run: Run) -> None:
        """Asks those jobs that were not asked before."""
        for job in run.jobs:
            if job.cancelling and job.status is Status.IN_PROGRESS:
                before = self._active[run.id].job(job.id)
                if before is None or not before.cancelling:
                    self._jobs.cancel(job.id)

    def _gated(self, run: Run) -> Run:
        """Jobs whose environment asks for approval wait; what is rejected fails."""
        for job in run.jobs:
            if job.environment is None or job.status not in {Status.QUEUED, Status.WAITING}:
                continue
            rules = self._hooks.protection(run.repository, job.environment)
            verdict = protection.verdict(rules, run, job.environment)
            if not isinstance(verdict, Status):
                refused = progressing.ended(job, Conclusion.FAILURE, self._clock.now(), verdict)
                run = run.with_job(refused)
                self._stirred = True
            elif verdict is not job.status:
                run = run.with_job(replace(job, status=verdict))
                self._hooks.job_changed(run, replace(job, status=verdict))
        return run

    def _start_what_fits(self) -> None:
        busy = sum(job.status is Status.IN_PROGRESS for run in self._active.values() for job in run.jobs)
        while busy < self.slots:
            chosen = self._turns.next(self._in_order())
            if chosen is None:
                return
            busy += self._start(*chosen)

    def _start(self, run: Run, job: Job) -> int:
        """Starts a job; returns how many slots it took."""
        now = self._clock.now()
        try:
            order = self._order(run, job)
        except StoreUnavailableError:
            raise
        except Exception as problem:  # noqa: BLE001 - one job's fault must not keep all others from starting
            words = _words("could not start this job", problem)
            ended = progressing.ended(job, Conclusion.FAILURE, now, words)
            self._keep(run.with_job(ended))
            self._stirred = True
            return 0
        started = replace(job, status=Status.IN_PROGRESS, started_at=now)
        self._keep(replace(run.with_job(started), status=Status.IN_PROGRESS, updated_at=now))
        self._jobs.start(order, self._report)  # before others are told, who may fail: it is kept as started
        self._hooks.job_changed(run, started)
        return 1

    def _order(self, run: Run, job: Job) -> Order:
        missing = self._labels.missing(job.labels)
        if missing:
            known = ", ".join(sorted(self._labels.known))
            words = f"No runner has the label {', '.join(missing)}: this machine has {known} (localhub.yaml)"
            raise ConflictError(words)
        read = self._readers.of(run)
        given = orders.Given(
            secrets=self._secrets.of(run.repository, job.environment),
            token=self._hooks.job_token(run, job, permissions.of_job(run, job.node, read)),
            around=replace(
                self._hooks.around(run.repository),
                variables=self._secrets.variables(run.repository, job.environment),
            ),
        )
        return orders.order(run, job, read, given)

    def _report(self, run_id: int, job_id: int, progress: Progress) -> None:
        with self._condition:
            self._progress.append((run_id, job_id, progress))
            self._stirred = True
            self._condition.notify_all()

    # -- small things ------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._condition:
            yield
            self._stirred = True
            self._condition.notify_all()

    def _in_order(self) -> list[Run]:
        return [self._active[run_id] for run_id in sorted(self._active)]

    def _keep(self, run: Run) -> None:
        self._runs.save(run)
        if run.done:
            was_active = self._active.pop(run.id, None)
            self._turns.forget(run.id)
            if was_active is not None:
                self._tell_of_the_end(run, was_active)
        else:
            self._active[run.id] = run

    def _tell_of_the_end(self, run: Run, before: Run) -> None:
        try:
            self._hooks.run_ended(run)
        except StoreUnavailableError:
            self._active[run.id] = before  # the pass is made again, and with it this
            raise
        except Exception:  # noqa: BLE001 - the run has ended as it has
            _log.exception("run %s has ended; what is to follow it failed", run.id)

    def _must(self, run_id: int) -> Run:
        run = self._active.get(run_id) or self._runs.get(run_id)
        if run is None:
            raise NotFoundError(f"there is no run {run_id}")
        return run

    def _pass(self, run: Run) -> Pass:
        return Pass(
            read=self._readers.of(run),
            now=self._clock.now(),
            next_id=self._runs.next_id,
            around=self._hooks.around(run.repository),
        )


def _words(what: str, problem: Exception) -> str:
    """What is said of a problem, as text that can be kept: its own words where it is one that people know."""
    own = problem.message if isinstance(problem, LocalhubError) else ""
    words = own or f"localhub {what}: {type(problem).__name__}: {problem}"
    return words.encode(errors="replace").decode()
