"""Jobs: in memory, and as act carries them out, in a sandbox and without."""

from pathlib import Path

import pytest

from localhub.bootstrap.localhub import built
from localhub.execution import logs
from localhub.execution.jobs import SandboxedJobs
from localhub.execution.room import Room
from localhub.hub.settings import Settings
from localhub.runs.ports import ActStep, Order
from localhub.runs.records import Conclusion, Status
from tests.contract.localhub.jobs import WITHIN_SECONDS, Heard, JobsContract, Workshop
from tests.fakes.localhub import FakeJobs
from tests.waiting import until

WORK, ALWAYS = 2, 3
"""Numbers of the two steps."""

OUTPUTS = 'echo \'{"v": "1.10"}\' > "$LOCALHUB_ROOT/out/outputs.json"'


def ordered(job_id: int, work: str = "", always: str = "") -> Order:
    """A job of these two steps."""
    outputs = {"id": "lh-outputs", "if": "always()", "shell": "bash", "run": OUTPUTS}
    steps = [{"id": "work", "run": work}, {"id": "always", "if": "always()", "run": always}, outputs]
    return Order(
        run_id=job_id + 1000,
        job_id=job_id,
        repository="acme/app",
        sha="a" * 40,
        event="push",
        payload={},
        workflow={"name": "CI", "on": "push", "jobs": {"job": {"runs-on": "ubuntu-latest", "steps": steps}}},
        steps=(ActStep("work", "Work"), ActStep("always", "Always")),
        environment={"GITHUB_ACTOR": "ada"},
        outputs_step="lh-outputs",
    )


class FakeWorkshop:
    """FakeJobs end when a test says so."""

    def __init__(self) -> None:
        self.jobs = FakeJobs()
        self._failing: set[int] = set()

    def order(self, job_id: int, *, fails: bool = False) -> Order:
        if fails:
            self._failing.add(job_id)
        return ordered(job_id)

    def under_way(self, job_id: int, heard: Heard) -> None:
        assert job_id in self.jobs.orders

    def let_end(self, job_id: int) -> None:
        self.jobs.end(job_id, "failure" if job_id in self._failing else None, {"v": "1.10"})

    def restarted(self) -> FakeJobs:
        return self.jobs

    def at_work(self, job_id: int, heard: Heard) -> bool:
        return job_id not in self.jobs.orphans


class ActWorkshop:
    """Jobs whose steps wait at gates: files that a test makes."""

    def __init__(self, folder: Path, sandbox: str) -> None:
        self.state, self.gates = folder / "state", folder / "gates"
        self.gates.mkdir(parents=True)
        self._settings = Settings(self.state, sandbox=sandbox, binds={str(self.gates): str(self.gates)})
        hub = built(self._settings)
        hub.bare.create("acme/app")
        self.jobs: SandboxedJobs = hub.jobs
        self.files = hub.files

    def order(self, job_id: int, *, fails: bool = False) -> Order:
        gate = self.gates / str(job_id)
        waits = f"timeout {WITHIN_SECONDS} sh -c 'until [ -e {gate} ]; do sleep 0.02; done'"
        return ordered(job_id, f"echo at work; {waits}; exit {int(fails)}", f"echo cleaning; {waits}")

    def under_way(self, job_id: int, heard: Heard) -> None:
        self.said(job_id, WORK, "at work")

    def said(self, job_id: int, step: int, words: str) -> None:
        """Returns once a step has said that."""
        folder = self.jobs.log_folder(job_id)
        until(lambda: f"Z {words}\n" in logs.step_text(folder, step), WITHIN_SECONDS, f"{words!r} is said")

    def let_end(self, job_id: int) -> None:
        (self.gates / str(job_id)).touch(mode=0o644)

    def restarted(self) -> SandboxedJobs:
        return built(self._settings).jobs

    def at_work(self, job_id: int, heard: Heard) -> bool:
        pids = {each.process_id for each in heard.all if each.process_id is not None}
        assert pids
        return any(Path(f"/proc/{pid}").exists() for pid in pids)


class TestFakeJobs(JobsContract):
    @pytest.fixture
    def workshop(self) -> Workshop:
        return FakeWorkshop()


class ActContract(JobsContract):
    """What every Jobs must do, and what is seen of it in steps, logs and files where there are some."""

    sandbox: str

    @pytest.fixture(scope="class")
    @classmethod
    def workshop(cls, tmp_path_factory: pytest.TempPathFactory) -> ActWorkshop:
        return ActWorkshop(tmp_path_factory.mktemp("jobs"), cls.sandbox)

    def cleaning(self, workshop: Workshop, job_id: int, heard: Heard) -> None:
        assert isinstance(workshop, ActWorkshop)
        workshop.said(job_id, ALWAYS, "cleaning")

    def test_the_steps_of_a_cancelled_job_say_how_they_ended(
        self, workshop: ActWorkshop, job_id: int
    ) -> None:
        heard = self.begun(workshop, job_id)
        workshop.jobs.cancel(job_id)
        self.cleaning(workshop, job_id, heard)
        workshop.let_end(job_id)
        assert steps(heard) == [Conclusion.CANCELLED, Conclusion.SUCCESS]

    def test_a_job_that_fills_the_disk_ends_and_says_so(
        self, workshop: ActWorkshop, job_id: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workshop.jobs, "_room", Room(least_free_bytes=1 << 60, most_taken_bytes=8 << 20))
        fills = f"head -c {24 << 20} /dev/zero >filled; sleep {WITHIN_SECONDS}"
        order = ordered(job_id, fills, "echo not here")
        heard = Heard(order)
        workshop.jobs.start(order, heard)
        end = heard.concluded()
        assert end.conclusion is Conclusion.FAILURE
        assert "this job has 0.0 GiB on it: it was ended." in end.annotations[0].message
        assert logs.step_text(workshop.jobs.log_folder(job_id), ALWAYS) == ""

    def test_no_step_begins_once_all_has_been_ended(self, workshop: ActWorkshop, job_id: int) -> None:
        heard = self.begun(workshop, job_id)
        workshop.jobs.cancel(job_id, force=True)
        assert steps(heard) == [Conclusion.CANCELLED, Conclusion.SKIPPED]
        assert logs.step_text(workshop.jobs.log_folder(job_id), ALWAYS) == ""

    @pytest.mark.parametrize("force", [False, True])
    def test_a_job_that_is_cancelled_before_its_first_step_begins_none(
        self, workshop: ActWorkshop, job_id: int, monkeypatch: pytest.MonkeyPatch, *, force: bool
    ) -> None:
        """It is cancelled while its files are laid: there is no sandbox yet that could be told."""
        lay = workshop.files.lay

        def laid(order: Order, artifacts: Path, caches: Path) -> None:
            workshop.jobs.cancel(job_id, force=force)
            lay(order, artifacts, caches)

        monkeypatch.setattr(workshop.files, "lay", laid)
        heard = self.start(workshop, job_id)
        assert steps(heard) == [Conclusion.SKIPPED, Conclusion.SKIPPED]

    def test_the_log_of_an_orphan_is_kept_and_its_folder_is_not(
        self, workshop: ActWorkshop, job_id: int
    ) -> None:
        heard = self.begun(workshop, job_id)
        assert (workshop.state / "jobs" / str(job_id)).exists()
        workshop.restarted().end_orphan(job_id, heard.all[-1].process_id)
        until(lambda: not workshop.at_work(job_id, heard), WITHIN_SECONDS, "the orphan has ended")
        heard.concluded()
        assert not (workshop.state / "jobs" / str(job_id)).exists()
        workshop.said(job_id, WORK, "at work")


def steps(heard: Heard) -> list[Conclusion | None]:
    """How the two steps of a job that is cancelled have ended."""
    last = heard.concluded()
    assert last.conclusion is Conclusion.CANCELLED
    assert all(step.status is Status.COMPLETED for step in last.steps)
    return [step.conclusion for step in last.steps if step.number in {WORK, ALWAYS}]


class TestJobsInSandboxes(ActContract):
    sandbox = "bubblewrap"


class TestJobsWithoutSandboxes(ActContract):
    sandbox = "none"
