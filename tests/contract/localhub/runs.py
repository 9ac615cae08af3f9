"""What every Runs must do."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from localhub.runs.ports import Runs
from localhub.runs.records import Annotation, Conclusion, Job, Node, Review, Run, Status, Step

AT = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(seconds=1.5)
TOGETHER = 8
EACH = 25
REMARK = Annotation("warning", "it's 100 % ünïcode — 🚀\nand a second line\0", "src/a.py", 7, "Careful")


def job(number: int, *, attempt: int = 1) -> Job:
    """A job with all that one can have."""
    steps = (
        Step(1, "Set up job", Status.COMPLETED, Conclusion.SUCCESS, AT, LATER),
        Step(2, "Run it", Status.IN_PROGRESS, None, LATER),
        Step(3, "Never begun"),
    )
    return Job(
        id=number,
        node="ship[0]/deploy",
        index=1,
        name="deploy (3.12, true)",
        attempt=attempt,
        status=Status.IN_PROGRESS,
        created_at=AT,
        started_at=LATER,
        labels=("ubuntu-latest", "x64"),
        matrix={"py": 3.12, "n": 3, "big": 12_345_678_901, "on": True, "no": None, "list": ["a", {"b": 1}]},
        environment="production",
        environment_url="https://example.org",
        outputs={"version": "1.10", "empty": ""},
        steps=steps,
        annotations=(REMARK, Annotation("failure", "x")),
        group="deploy-production",
        tolerated=True,
        timeout_seconds=0.5,
        summary="# Done\n",
        log_of=number - 1,
        process_id=4242,
    )


def run(number: int, status: Status = Status.IN_PROGRESS, *, attempt: int = 1) -> Run:
    """A run with all that one can have but earlier attempts."""
    calls = ({"inputs": {"dry": True}, "matrix": {"os": "linux"}},)
    return Run(
        id=number,
        repository="acme/app",
        workflow_id=3,
        path=".github/workflows/ci.yml",
        name="CI",
        number=number,
        event="pull_request",
        ref="refs/pull/3/merge",
        sha="a" * 40,
        actor="ada",
        created_at=AT,
        started_at=AT,
        updated_at=LATER,
        title="Schließt „alles“",
        attempt=attempt,
        status=status,
        conclusion=Conclusion.FAILURE if status is Status.COMPLETED else None,
        triggering_actor="grace",
        head_branch="topic",
        base_ref="main",
        head_ref="topic",
        pull_request=3,
        inputs={"dry": False, "count": 2, "name": ""},
        payload={"pull_request": {"head": {"sha": "b" * 40}}, "labels": [None, 1.5, []]},
        sources={".github/workflows/ci.yml": "on: push\njobs: {}\n"},
        group="ci-main",
        cancelling=True,
        nodes={
            "ship": Node("ship", calls=calls, callee=".github/workflows/ship.yml"),
            "ship[0]/deploy": Node("ship[0]/deploy", Conclusion.SUCCESS, {"a": "b"}, max_parallel=2),
        },
        jobs=(job(number * 10, attempt=attempt), job(number * 10 + 1, attempt=attempt)),
        reviews=(Review("production", "approved", "ada", "fine", AT),),
        annotations=(REMARK,),
    )


def rerun(number: int) -> Run:
    """A run at its third attempt."""
    earlier = (run(number, Status.COMPLETED), run(number, Status.COMPLETED, attempt=2))
    return replace(run(number, attempt=3), earlier=earlier)


class RunsContract:
    """Subclasses give `runs`: a new, empty Runs."""

    @pytest.fixture
    def runs(self) -> Runs:
        raise NotImplementedError

    def test_a_run_comes_back_whole(self, runs: Runs) -> None:
        runs.save(run(1))
        assert runs.get(1) == run(1)

    def test_infinite_numbers_of_a_matrix_stay_what_they_are(self, runs: Runs) -> None:
        endless = replace(job(10), matrix={"most": float("inf"), "least": float("-inf")})
        runs.save(replace(run(1), jobs=(endless,), inputs={"n": float("inf")}))
        assert runs.get(1) == replace(run(1), jobs=(endless,), inputs={"n": float("inf")})
        assert len(runs.active()) == 1

    def test_text_that_no_file_can_hold_loses_no_run(self, runs: Runs) -> None:
        broken = replace(job(10), outputs={"half": "\ud800"}, annotations=(Annotation("failure", "\udcff"),))
        runs.save(replace(run(1), jobs=(broken,)))
        found = runs.get(1)
        assert found is not None
        assert replace(found, jobs=()) == replace(run(1), jobs=())
        assert found.job(10) is not None

    def test_its_earlier_attempts_come_back_with_their_jobs(self, runs: Runs) -> None:
        runs.save(rerun(1))
        found = runs.get(1)
        assert found == rerun(1)
        assert found is not None
        assert [attempt.attempt for attempt in found.attempts()] == [1, 2, 3]

    def test_a_run_without_anything_comes_back_so(self, runs: Runs) -> None:
        bare = replace(run(1), jobs=(), nodes={}, payload={}, inputs={}, sources={}, pull_request=None)
        runs.save(bare)
        assert runs.get(1) == bare

    def test_what_nobody_saved_is_none(self, runs: Runs) -> None:
        runs.save(run(1))
        assert runs.get(2) is None

    def test_the_last_save_counts(self, runs: Runs) -> None:
        runs.save(run(1))
        changed = replace(run(1).with_job(replace(job(10), status=Status.COMPLETED)), title="another")
        runs.save(changed)
        assert runs.get(1) == changed

    def test_a_run_may_lose_and_get_jobs(self, runs: Runs) -> None:
        runs.save(run(1))
        changed = replace(run(1), jobs=(job(99),))
        runs.save(changed)
        assert runs.get(1) == changed

    def test_active_are_those_that_have_not_ended_oldest_first(self, runs: Runs) -> None:
        states = dict(zip((5, 3, 11, 7, 2), Status, strict=True))
        for number, status in states.items():
            runs.save(run(number, status))
        found = runs.active()
        assert [each.id for each in found] == [3, 5, 7, 11]
        assert found == [run(each.id, states[each.id]) for each in found]

    def test_a_run_that_ends_is_no_longer_active_and_one_that_runs_again_is(self, runs: Runs) -> None:
        runs.save(run(1))
        runs.save(run(1, Status.COMPLETED))
        assert runs.active() == []
        runs.save(replace(run(1, Status.QUEUED, attempt=2), earlier=(run(1, Status.COMPLETED),)))
        assert [each.attempt for each in runs.active()] == [2]

    def test_a_deleted_run_is_gone_and_others_stay(self, runs: Runs) -> None:
        runs.save(run(1))
        runs.save(run(2))
        runs.delete(1)
        assert runs.get(1) is None
        assert [each.id for each in runs.active()] == [2]

    def test_deleting_what_is_not_there_harms_nothing(self, runs: Runs) -> None:
        runs.delete(1)
        runs.save(run(1))
        runs.delete(1)
        runs.delete(1)
        assert runs.active() == []

    def test_a_deleted_run_may_be_saved_again(self, runs: Runs) -> None:
        runs.save(run(1))
        runs.delete(1)
        runs.save(run(1))
        assert runs.get(1) == run(1)

    def test_ids_rise_from_one_each_kind_by_itself(self, runs: Runs) -> None:
        assert [runs.next_id("run"), runs.next_id("run"), runs.next_id("job")] == [1, 2, 1]

    def test_a_range_of_ids_is_left_to_the_one_who_asked(self, runs: Runs) -> None:
        assert [runs.next_id("job", 3), runs.next_id("job", 2), runs.next_id("job")] == [1, 4, 6]

    def test_numbers_rise_from_one_each_workflow_by_itself(self, runs: Runs) -> None:
        assert [runs.next_number(1), runs.next_number(1), runs.next_number(2)] == [1, 2, 1]

    def test_a_deleted_runs_number_is_not_given_again(self, runs: Runs) -> None:
        number = runs.next_id("run")
        runs.save(run(number))
        runs.delete(number)
        assert runs.next_id("run") == number + 1

    def test_of_many_who_ask_at_once_no_two_get_one_number(self, runs: Runs) -> None:
        given: list[int] = []
        together(lambda _: given.extend(runs.next_id("job", 2) for _ in range(EACH)))
        assert sorted(given) == list(range(1, 2 * TOGETHER * EACH, 2))

    def test_saves_of_many_threads_all_arrive(self, runs: Runs) -> None:
        def save(thread: int) -> None:
            for number in range(EACH // 5):
                runs.save(run(100 * (thread + 1) + number))

        together(save)
        expected = [100 * (thread + 1) + number for thread in range(TOGETHER) for number in range(EACH // 5)]
        assert [each.id for each in runs.active()] == expected

    def test_a_run_saved_by_many_is_as_one_of_them_saved_it(self, runs: Runs) -> None:
        def save(thread: int) -> None:
            for number in range(EACH // 5):
                runs.save(replace(run(1), title=f"{thread}", sha=f"{thread}", number=number))

        together(save)
        found = runs.get(1)
        assert found is not None
        assert found == replace(run(1), title=found.sha, sha=found.sha, number=EACH // 5 - 1)


def together(work: Callable[[int], None]) -> None:
    """Threads that all begin at once; their failures are the test's."""
    gate = threading.Barrier(TOGETHER)
    failed: list[BaseException] = []

    def begin(thread: int) -> None:
        gate.wait(10.0)
        try:
            work(thread)
        except Exception as problem:  # noqa: BLE001 - told below
            failed.append(problem)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(TOGETHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert not failed
    assert not any(thread.is_alive() for thread in threads)
