"""What every Jobs must do."""

import subprocess
import threading
from collections.abc import Iterator
from itertools import count
from typing import Protocol

import pytest

from localhub.runs.ports import Jobs, Order, Progress
from localhub.runs.records import Conclusion
from tests.waiting import until

WITHIN_SECONDS = 30.0


class Heard:
    """The report of one job: what was told, and by which threads."""

    def __init__(self, order: Order) -> None:
        self._of = (order.run_id, order.job_id)
        self.all: list[Progress] = []
        self.by: set[int] = set()

    def __call__(self, run_id: int, job_id: int, progress: Progress) -> None:
        """Takes a report; another job's is none of this one's."""
        if (run_id, job_id) == self._of:
            self.all.append(progress)
            self.by.add(threading.get_ident())

    @property
    def conclusions(self) -> list[Conclusion]:
        """Of the reports that have one."""
        return [each.conclusion for each in self.all if each.conclusion is not None]

    def concluded(self) -> Progress:
        """The last report, once the job has a conclusion."""
        until(lambda: self.conclusions, WITHIN_SECONDS, "the job has a conclusion")
        return self.all[-1]


class Workshop(Protocol):
    """Jobs, and power over those that it orders: they last until they are let end."""

    @property
    def jobs(self) -> Jobs:
        """What is tested."""
        ...

    def order(self, job_id: int, *, fails: bool = False) -> Order:
        """A job with the output `v: 1.10`, of one step and another that is always() done after it."""
        ...

    def under_way(self, job_id: int, heard: Heard) -> None:
        """Returns once the job's first step has begun."""
        ...

    def let_end(self, job_id: int) -> None:
        """Lets all steps of the job end by themselves."""
        ...

    def restarted(self) -> Jobs:
        """The same as a later server has them."""
        ...

    def at_work(self, job_id: int, heard: Heard) -> bool:
        """Whether the job is still carried out."""
        ...


class JobsContract:
    """Subclasses give `workshop`; several tests may share it, each takes job ids of its own."""

    ids = count(1)

    @pytest.fixture
    def workshop(self) -> Workshop:
        raise NotImplementedError

    @pytest.fixture
    def job_id(self) -> int:
        return next(self.ids)

    def start(self, workshop: Workshop, job_id: int, *, fails: bool = False) -> Heard:
        """Starts a job."""
        order = workshop.order(job_id, fails=fails)
        heard = Heard(order)
        workshop.jobs.start(order, heard)
        return heard

    def begun(self, workshop: Workshop, job_id: int) -> Heard:
        """Starts a job, and returns once its first step has begun."""
        heard = self.start(workshop, job_id)
        workshop.under_way(job_id, heard)
        return heard

    def test_a_job_lasts_until_its_steps_have_ended_and_has_outputs_then(
        self, workshop: Workshop, job_id: int
    ) -> None:
        heard = self.begun(workshop, job_id)
        assert heard.conclusions == []
        workshop.let_end(job_id)
        last = heard.concluded()
        assert (last.conclusion, last.outputs) == (Conclusion.SUCCESS, {"v": "1.10"})

    def test_a_job_whose_step_fails_has_failed(self, workshop: Workshop, job_id: int) -> None:
        heard = self.start(workshop, job_id, fails=True)
        workshop.let_end(job_id)
        assert heard.concluded().conclusion is Conclusion.FAILURE

    def test_it_is_reported_from_other_threads_than_the_one_that_asks(
        self, workshop: Workshop, job_id: int
    ) -> None:
        heard = self.begun(workshop, job_id)
        workshop.jobs.cancel(job_id, force=True)
        heard.concluded()
        assert threading.get_ident() not in heard.by

    def test_neither_start_nor_cancel_waits_for_those_who_take_reports(
        self, workshop: Workshop, job_id: int
    ) -> None:
        """The engine holds its lock while it starts or cancels jobs, and reports need that lock."""
        order, lock = workshop.order(job_id), threading.Lock()
        heard = Heard(order)

        def report(run_id: int, its_id: int, progress: Progress) -> None:
            assert lock.acquire(timeout=WITHIN_SECONDS)
            heard(run_id, its_id, progress)
            lock.release()

        with lock:
            workshop.jobs.start(order, report)
            workshop.jobs.cancel(job_id, force=True)
            assert heard.all == []
        assert heard.concluded().conclusion is Conclusion.CANCELLED

    def test_a_job_that_has_a_conclusion_is_reported_no_more(self, workshop: Workshop, job_id: int) -> None:
        heard = self.start(workshop, job_id)
        workshop.let_end(job_id)
        heard.concluded()
        before = list(heard.all)
        for force in (False, True):
            workshop.jobs.cancel(job_id, force=force)
        another = self.start(workshop, next(self.ids))
        workshop.jobs.cancel(job_id + 1, force=True)
        assert another.concluded().conclusion is Conclusion.CANCELLED
        assert heard.all == before
        assert heard.conclusions == [Conclusion.SUCCESS]

    def test_jobs_at_once_end_each_by_itself(self, workshop: Workshop, job_id: int) -> None:
        other_id = next(self.ids)
        one, other = self.begun(workshop, job_id), self.begun(workshop, other_id)
        workshop.jobs.cancel(other_id, force=True)
        assert other.concluded().conclusion is Conclusion.CANCELLED
        assert one.conclusions == []
        workshop.let_end(job_id)
        assert one.concluded().conclusion is Conclusion.SUCCESS

    @pytest.mark.parametrize("times", [1, 2])
    def test_a_cancelled_job_lasts_until_what_is_always_done_has_ended(
        self, workshop: Workshop, job_id: int, times: int
    ) -> None:
        heard = self.begun(workshop, job_id)
        for _ in range(times):
            workshop.jobs.cancel(job_id)
        self.cleaning(workshop, job_id, heard)
        assert heard.conclusions == []
        workshop.let_end(job_id)
        assert heard.concluded().conclusion is Conclusion.CANCELLED

    def cleaning(self, workshop: Workshop, job_id: int, heard: Heard) -> None:
        """Returns once the step that is always() done is under way, where there are steps at all."""

    def test_force_ends_all_at_once(self, workshop: Workshop, job_id: int) -> None:
        heard = self.begun(workshop, job_id)
        workshop.jobs.cancel(job_id, force=True)
        assert heard.concluded().conclusion is Conclusion.CANCELLED

    def test_force_ends_what_a_cancelled_job_still_does(self, workshop: Workshop, job_id: int) -> None:
        heard = self.begun(workshop, job_id)
        workshop.jobs.cancel(job_id)
        self.cleaning(workshop, job_id, heard)
        workshop.jobs.cancel(job_id, force=True)
        assert heard.concluded().conclusion is Conclusion.CANCELLED

    def test_a_job_may_be_cancelled_before_it_is_under_way(self, workshop: Workshop, job_id: int) -> None:
        heard = self.start(workshop, job_id)
        workshop.jobs.cancel(job_id, force=True)
        assert heard.concluded().conclusion is Conclusion.CANCELLED

    @pytest.mark.parametrize("force", [False, True])
    def test_cancelling_what_is_not_there_harms_nothing(
        self, workshop: Workshop, job_id: int, *, force: bool
    ) -> None:
        workshop.jobs.cancel(job_id, force=force)
        heard = self.start(workshop, job_id)
        workshop.let_end(job_id)
        assert heard.concluded().conclusion is Conclusion.SUCCESS

    def test_what_an_earlier_server_left_of_a_job_is_ended(self, workshop: Workshop, job_id: int) -> None:
        heard = self.begun(workshop, job_id)
        workshop.restarted().end_orphan(job_id, heard.all[-1].process_id if heard.all else None)
        until(lambda: not workshop.at_work(job_id, heard), WITHIN_SECONDS, "the orphan has ended")
        workshop.let_end(job_id)
        assert Conclusion.SUCCESS not in heard.conclusions

    @pytest.fixture
    def stranger(self) -> Iterator["subprocess.Popen[bytes]"]:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            yield process
            process.kill()

    def test_of_orphans_no_other_process_is_ended(
        self, workshop: Workshop, job_id: int, stranger: "subprocess.Popen[bytes]"
    ) -> None:
        """Ids of processes are given again: after a restart one may be somebody else's."""
        workshop.restarted().end_orphan(job_id, None)
        workshop.restarted().end_orphan(job_id, stranger.pid)
        assert stranger.communicate(b"alive")[0] == b"alive"
