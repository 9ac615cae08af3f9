"""What every RolloutRepository must do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from carelane.audit.entries import Entry
from carelane.audit.ports import Trail
from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions.draft import Decision
from carelane.delivery.deployments import Deployment, Kind, Migration, Phase, Revision, Rollout
from carelane.delivery.environments import EnvironmentState, ServiceState, Warm
from carelane.delivery.incidents import Cause, Incident
from carelane.delivery.ports import RolloutRepository
from carelane.delivery.releases import Limits, Release, SecretReference
from tests.fakes.releases import MADE_AT, MIGRATING, WORKER, digest, release, version

RICH = replace(
    MIGRATING,
    environment={"A": "${port}"},
    secrets={"KEY": SecretReference(3, file="secrets/key")},
    limits=Limits(1 << 29, 64),
)
V1 = release(
    "v1", {"backend": version("backend", "v1", RICH), "reminders": version("reminders", "v1", WORKER)}
)


def entry(act: str = "release.created", subject: str = "v1") -> Entry:
    return Entry(MADE_AT, "alice", act, subject, None, "because", {"n": 1, "services": ["a"], "none": None})


def deployment(number: int, phase: Phase = Phase.PROGRESSING, environment: str = "production") -> Deployment:
    rollout = Rollout(
        "backend", None, "v1", started_at=MADE_AT, progress_at=MADE_AT, migration=Migration.RUNNING
    )
    return Deployment(
        number,
        environment,
        "v1",
        Kind.ROLLBACK,
        "alice",
        "for a reason",
        MADE_AT,
        phase,
        phase_since=MADE_AT + timedelta(microseconds=123_456),
        to_revision=2,
        rollouts={"zeta": replace(rollout, service="zeta"), "backend": rollout},
    )


def revision(number: int, by: int, environment: str = "production") -> Revision:
    return Revision(environment, number, by, f"v{number}", "alice", "", Kind.DEPLOY, MADE_AT, 12.5)


def state(generation: int, number: int | None = None, environment: str = "production") -> EnvironmentState:
    service = ServiceState(
        stable="v1",
        canary=None,
        previous=(Warm("v0", MADE_AT + timedelta(hours=1)),),
        versions={"v1": V1.versions["backend"]},
        home="v1",
        copies={"v1": Copies(Purpose.SERVE), "v0": Copies(Purpose.WARM)},
        shares={"v1": 9000, "v2": 1000},
        migrated=("v0", "v1"),
    )
    return EnvironmentState(environment, generation, {"backend": service}, "v1", 3, number)


def incident(number: int) -> Incident:
    opened_at = MADE_AT + timedelta(seconds=number, microseconds=7)
    return Incident(
        "production", number, Cause.ANALYSIS, "worse", opened_at, 7, "backend", "v2", users_since=MADE_AT
    )


class RolloutRepositoryContract:
    """Subclasses give the fixtures *repository* and *trail*."""

    @pytest.fixture
    def trail(self) -> Trail:
        raise NotImplementedError

    @pytest.fixture
    def repository(self, trail: Trail) -> RolloutRepository:
        raise NotImplementedError

    # -- environments and decisions

    def test_an_environment_of_which_nothing_is_recorded_is_empty(
        self, repository: RolloutRepository
    ) -> None:
        snapshot = repository.snapshot("production")
        assert snapshot.state == EnvironmentState("production")
        assert snapshot.deployment is None
        assert snapshot.release is None

    def test_what_is_recorded_is_read_back_as_it_was(self, repository: RolloutRepository) -> None:
        repository.add_release(V1, entry())
        number = repository.reserve_deployment()
        assert repository.commit(Decision(state(1, number), (deployment(number),)))
        snapshot = repository.snapshot("production")
        assert snapshot.state == state(1, number)
        assert snapshot.deployment == deployment(number)
        assert snapshot.release == V1
        assert snapshot.deployment is not None
        assert list(snapshot.deployment.rollouts) == ["zeta", "backend"]

    def test_the_release_under_way_is_as_its_environment_has_it(self, repository: RolloutRepository) -> None:
        own = {"production": {"backend": version("backend", "own", RICH)}}
        made = replace(V1, by_environment=own)
        repository.add_release(made, entry())
        assert repository.release_named("v1") == made
        for environment, label in (("production", "own"), ("staging", "v1")):
            number = repository.reserve_deployment()
            under_way = deployment(number, environment=environment)
            assert repository.commit(Decision(state(1, number, environment), (under_way,)))
            release = repository.snapshot(environment).release
            assert release is not None
            assert {n: v.label for n, v in release.versions.items()} == {"backend": label, "reminders": "v1"}

    def test_only_the_next_generation_is_recorded(self, repository: RolloutRepository, trail: Trail) -> None:
        assert repository.commit(Decision(state(1)))
        assert not repository.commit(Decision(state(1), (deployment(9),), (entry(),), revision(1, 9)))
        assert not repository.commit(Decision(state(3), (deployment(9),), (entry(),), revision(1, 9)))
        assert repository.commit(Decision(state(2)))
        assert repository.snapshot("production").state.generation == 2

    def test_a_decision_that_came_second_leaves_nothing_behind(
        self, repository: RolloutRepository, trail: Trail
    ) -> None:
        repository.commit(Decision(state(1)))
        repository.commit(Decision(state(1), (deployment(9),), (entry(),), revision(1, 9)))
        assert trail.last_position() == 0
        assert repository.revisions("production", 10) == []
        with pytest.raises(NotFoundError):
            repository.deployment(9)

    def test_environments_do_not_know_each_other(self, repository: RolloutRepository) -> None:
        repository.commit(Decision(state(1, environment="staging"), revision=revision(1, 1, "staging")))
        assert repository.snapshot("production").state.generation == 0
        assert repository.revisions("production", 10) == []
        assert repository.commit(Decision(state(1)))

    def test_a_decisions_entries_are_in_the_trail_in_order(
        self, repository: RolloutRepository, trail: Trail
    ) -> None:
        entries = (entry("deployment.requested", "1"), entry("deployment.progressing", "1"))
        repository.commit(Decision(state(1), entries=entries))
        assert [p.entry for p in trail.after(0)] == list(entries)

    # -- incidents

    def test_an_entry_of_no_decision_is_in_the_trail_and_nothing_else_has_changed(
        self, repository: RolloutRepository, trail: Trail
    ) -> None:
        repository.commit(Decision(state(1), entries=(entry(),)))
        before = repository.snapshot("production")
        refused = entry("request.refused", "abort")
        repository.record(refused)
        assert [p.entry for p in trail.after(0)] == [entry(), refused]
        assert trail.last_position() == 2
        assert repository.snapshot("production") == before

    def test_incidents_are_recorded_with_the_decision_and_the_open_ones_are_part_of_the_snapshot(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1), incidents=(incident(1), incident(2))))
        assert repository.snapshot("production").incidents == (incident(1), incident(2))
        resolved = replace(incident(1), resolved_at=MADE_AT + timedelta(seconds=90), resolved_by=4)
        repository.commit(Decision(state(2), incidents=(resolved,)))
        assert repository.snapshot("production").incidents == (incident(2),)
        assert repository.incidents("production", 10) == [incident(2), resolved]
        repository.add_release(V1, entry())
        repository.commit(Decision(state(3, 1), (deployment(1),)))
        assert repository.snapshot("production").incidents == (incident(2),)

    def test_incidents_of_a_decision_that_came_second_are_not_recorded(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1)))
        assert not repository.commit(Decision(state(1), incidents=(incident(1),)))
        assert repository.incidents(None, 10) == []

    def test_incidents_are_listed_newest_first_of_one_environment_or_of_all(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1), incidents=(incident(2), incident(1))))
        staged = replace(incident(1), environment="staging", opened_at=MADE_AT + timedelta(hours=1))
        repository.commit(Decision(state(1, environment="staging"), incidents=(staged,)))
        assert repository.incidents(None, 10) == [staged, incident(2), incident(1)]
        assert repository.incidents("production", 1) == [incident(2)]
        assert repository.snapshot("staging").incidents == (staged,)

    # -- deployments

    def test_a_reserved_number_is_given_once(self, repository: RolloutRepository) -> None:
        numbers = [repository.reserve_deployment() for _ in range(5)]
        assert numbers == sorted(set(numbers))

    def test_deployments_are_listed_newest_first_of_one_environment_or_of_all(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1), (deployment(1), deployment(2))))
        staged = state(1, environment="staging")
        repository.commit(Decision(staged, (deployment(3, environment="staging"),)))
        assert [d.id for d in repository.deployments("production", 10)] == [2, 1]
        assert [d.id for d in repository.deployments(None, 2)] == [3, 2]

    def test_a_deployment_recorded_again_replaces_what_was(self, repository: RolloutRepository) -> None:
        repository.commit(Decision(state(1), (deployment(1),)))
        repository.commit(Decision(state(2), (deployment(1, Phase.SUCCEEDED),)))
        assert repository.deployment(1).phase is Phase.SUCCEEDED

    def test_noted_timings_outlive_later_decisions(self, repository: RolloutRepository) -> None:
        repository.commit(Decision(state(1), (deployment(1),)))
        repository.note_timings(1, {"check": 1.5}, "verified: /health")
        repository.note_timings(1, {"switch": 2.5}, "verified: /health")
        repository.commit(Decision(state(2), (deployment(1, Phase.SUCCEEDED),)))
        found = repository.deployment(1)
        assert found.timings_ms == {"check": 1.5, "switch": 2.5}
        assert found.message == "verified: /health"
        assert found.phase is Phase.SUCCEEDED

    def test_what_was_noted_does_not_hide_why_a_deployment_failed(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1), (deployment(1),)))
        repository.note_timings(1, {"verify": 5000.0}, "NOT verified: /health answered 503")
        failed = replace(deployment(1, Phase.FAILED), message="backend: deadline: 0 of 2 instances ready")
        repository.commit(Decision(state(2), (failed,)))
        assert "backend: deadline: 0 of 2 instances ready" in repository.deployment(1).message

    def test_a_deployment_that_is_not_there_is_not_found(self, repository: RolloutRepository) -> None:
        with pytest.raises(NotFoundError, match="no deployment 7"):
            repository.deployment(7)
        with pytest.raises(NotFoundError, match="no deployment 7"):
            repository.note_timings(7, {}, "")

    # -- history

    def test_history_is_newest_first_and_says_by_whom_a_revision_was_undone(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1), revision=revision(1, 11)))
        repository.commit(Decision(state(2), revision=revision(2, 12)))
        repository.commit(Decision(state(3), revision=revision(3, 13), undone=(2,)))
        assert repository.revisions("production", 2) == [
            revision(3, 13),
            replace(revision(2, 12), undone_by=13),
        ]

    def test_who_undid_a_revision_first_stays_written_down(self, repository: RolloutRepository) -> None:
        repository.commit(Decision(state(1), revision=revision(1, 11)))
        repository.commit(Decision(state(2), revision=revision(2, 12), undone=(1,)))
        repository.commit(Decision(state(3), revision=revision(3, 13), undone=(1, 2)))
        assert [r.undone_by for r in repository.revisions("production", 10)] == [None, 13, 12]

    def test_the_latest_revision_of_a_release_is_found_in_its_environment(
        self, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(state(1), revision=replace(revision(1, 11), release="a")))
        repository.commit(Decision(state(2), revision=replace(revision(2, 12), release="b")))
        repository.commit(Decision(state(3), revision=replace(revision(3, 13), release="a")))
        assert repository.revision_of("production", "a") == 3
        assert repository.revision_of("production", "c") is None
        assert repository.revision_of("staging", "a") is None

    def test_irreversible_releases_later_than_a_revision_are_named_unless_they_were_undone(
        self, repository: RolloutRepository
    ) -> None:
        for name, irreversible in (("v1", True), ("v2", True), ("v3", False), ("v4", True)):
            made = replace(V1, name=name, commit=digest(name)[:40], irreversible=irreversible)
            repository.add_release(made, entry())
        for number in (1, 2, 3, 4):
            made_of = replace(revision(number, 10 + number), release=f"v{number}")
            repository.commit(Decision(state(number), revision=made_of))
        assert repository.irreversible_after("production", 1) == ["v2", "v4"]
        assert repository.irreversible_after("production", 0) == ["v1", "v2", "v4"]
        assert repository.irreversible_after("staging", 0) == []
        repository.commit(Decision(state(5), revision=revision(5, 15), undone=(4,)))
        assert repository.irreversible_after("production", 1) == ["v2"]

    def test_an_irreversible_release_that_a_later_revision_fixes_is_named_too(
        self, repository: RolloutRepository
    ) -> None:
        for name in ("v1", "v2", "v3"):
            made = replace(V1, name=name, commit=digest(name)[:40], irreversible=name == "v2")
            repository.add_release(made, entry())
        repository.commit(Decision(state(1), revision=revision(1, 1)))
        fix = replace(revision(2, 3), release="v3", fixes=("v2",))
        repository.commit(Decision(state(2), revision=fix))
        assert repository.revisions("production", 1) == [fix]
        assert repository.irreversible_after("production", 1) == ["v2"]
        assert repository.irreversible_after("production", 2) == [], "the fix was made for that data"
        assert repository.irreversible_after("staging", 0) == []
        repository.commit(Decision(state(3), revision=revision(3, 4), undone=(2,)))
        assert repository.irreversible_after("production", 1) == [], "somebody went past it knowingly"

    # -- releases

    def test_a_release_is_read_back_as_it_was_by_name_and_by_commit(
        self, repository: RolloutRepository, trail: Trail
    ) -> None:
        repository.add_release(V1, entry())
        assert repository.release("v1") == V1
        assert repository.release(V1.commit) == V1
        assert repository.release(V1.commit[:7]) == V1
        assert [p.entry for p in trail.after(0)] == [entry()]

    def test_a_name_is_given_once_and_a_refused_release_is_not_in_the_trail(
        self, repository: RolloutRepository, trail: Trail
    ) -> None:
        repository.add_release(V1, entry())
        with pytest.raises(ConflictError, match="there is a release v1 already"):
            repository.add_release(replace(V1, commit=digest("other")[:40]), entry())
        assert trail.last_position() == 1
        assert repository.release("v1") == V1

    @pytest.mark.parametrize("name", ["v9", "", "abc", digest("v1")[:6], "%", "_______", "0000000"])
    def test_what_names_no_release_is_not_found(self, repository: RolloutRepository, name: str) -> None:
        repository.add_release(V1, entry())
        with pytest.raises(NotFoundError):
            repository.release(name)

    def test_a_commit_with_several_releases_is_ambiguous_but_their_names_are_not(
        self, repository: RolloutRepository
    ) -> None:
        again: Release = replace(V1, name="again")
        repository.add_release(V1, entry())
        repository.add_release(again, entry(subject="again"))
        with pytest.raises(InputError, match="is the commit of several releases"):
            repository.release(V1.commit[:8])
        assert repository.release("again") == again

    def test_a_commit_is_found_in_whatever_case_it_is_written(self, repository: RolloutRepository) -> None:
        repository.add_release(V1, entry())
        assert repository.release(V1.commit[:12].upper()) == V1

    def test_where_a_name_and_a_commit_could_both_be_meant_it_is_asked(
        self, repository: RolloutRepository
    ) -> None:
        """An earlier server took such names: `deploy --release` shipped another commit's code."""
        sha = digest("other")[:40]
        other = replace(V1, name="v2", commit=sha)
        for beginning in (sha[:12], sha[:7]):
            repository.add_release(replace(V1, name=beginning), entry())
        assert repository.release(sha[:12]) == replace(V1, name=sha[:12]), "while nothing else is meant"
        repository.add_release(other, entry(subject="v2"))
        for beginning in (sha[:12], sha[:7]):
            with pytest.raises(InputError, match=f"name of a release of commit {V1.commit[:12]}.*of v2"):
                repository.release(beginning)
        assert repository.release(sha[:10]) == other
        assert repository.release("v2") == other

    def test_a_release_named_by_its_own_commit_is_meant_by_it_whoever_else_is_of_that_commit(
        self, repository: RolloutRepository
    ) -> None:
        own = replace(V1, name=V1.commit[:12])
        repository.add_release(own, entry())
        repository.add_release(V1, entry())
        assert repository.release(V1.commit[:12]) == own
        assert repository.release("v1") == V1

    def test_what_is_recorded_is_found_by_its_very_name_whatever_else_that_could_mean(
        self, repository: RolloutRepository
    ) -> None:
        sha = digest("other")[:40]
        asked = replace(V1, name=sha[:12])
        repository.add_release(asked, entry())
        repository.add_release(replace(V1, name="v2", commit=sha), entry(subject="v2"))
        assert repository.release_named(sha[:12]) == asked
        moving = replace(deployment(1), release=sha[:12])
        repository.commit(Decision(state(1, 1), (moving,)))
        assert repository.snapshot("production").release == asked
        for word in (sha[:10], V1.commit, "v1"):
            with pytest.raises(NotFoundError):
                repository.release_named(word)

    def test_releases_are_listed_newest_first(self, repository: RolloutRepository) -> None:
        for name in ("b", "a", "c"):
            repository.add_release(replace(V1, name=name), entry(subject=name))
        assert [r.name for r in repository.releases(2)] == ["c", "a"]
