"""What every platform must do: Workloads and TrafficRouter, whoever keeps the copies."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from carelane.base.errors import PlatformError
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.observations import CopySeen, ProcessPhase, WorkloadsSeen
from carelane.delivery.policies import Pace
from carelane.delivery.ports import Task, TrafficRouter, Workloads
from carelane.delivery.releases import ServiceVersion
from carelane.delivery.targets import ServiceTarget, Target

SERVE, WARM = Copies(Purpose.SERVE), Copies(Purpose.WARM)
PATIENCE_SECONDS = 20.0


@dataclass
class Platform:
    """Both ports of one environment, and what a test wants of it."""

    workloads: Workloads
    router: TrafficRouter
    versions: dict[str, ServiceVersion]
    """By label; each answers with its label at its version path, and has a migration that ends with 3."""
    asks: bool = True
    """Whether anybody answers at its front door."""
    moves: bool = False
    """Whether a version that is kept warm is begun anew somewhere else, before it ends where it was."""
    patience_seconds: float = PATIENCE_SECONDS
    seen: WorkloadsSeen = field(default_factory=WorkloadsSeen)
    target: Target = field(default_factory=lambda: Target(0))

    def want(self, home: str | None, copies: dict[str, Copies], **more: object) -> None:
        """From now on this is wanted of the backend, of two copies."""
        wanted = ServiceTarget(home, home, versions=self.versions, copies=copies, size=2)
        wanted = replace(wanted, **more)  # type: ignore[arg-type]
        self.target = Target(self.target.generation + 1, {"backend": wanted})

    def look(self) -> None:
        """What an engine does at each look."""
        self.router.routed()
        self.seen = self.workloads.observe()
        if self.seen.visible:
            self.router.route(self.target)
        self.workloads.converge(self.target)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Look again and again until *condition* holds."""
        give_up = time.monotonic() + self.patience_seconds
        while not condition():
            assert time.monotonic() < give_up, f"not within {self.patience_seconds:g} s: {what}; {self.seen}"
            self.look()
            time.sleep(0.01)

    def copies(self, label: str) -> list[CopySeen]:
        """Those of a label that are to go on."""
        return [c for c in self.seen.copies.values() if c.label == label and c.stays]

    def ready(self, label: str) -> int:
        """How many of a label are fit."""
        return sum(copy.ready for copy in self.copies(label))

    def answers(self, times: int = 20) -> set[str]:
        """The labels that answer at the front door."""
        return {json.loads(self.router.ask("/version", 2.0)[1])["version"] for _ in range(times)}


class PlatformContract:
    """Subclasses give *platform*, with the versions v1 and v2 of a web service called ``backend``."""

    @pytest.fixture
    def platform(self) -> Iterator[Platform]:
        raise NotImplementedError

    def test_where_nothing_is_wanted_nothing_is_there(self, platform: Platform) -> None:
        platform.until(lambda: platform.seen.visible, "somebody can say who is fit")
        assert dict(platform.seen.copies) == {}
        assert dict(platform.seen.tasks) == {}

    def test_what_is_wanted_comes_gets_ready_and_is_at_home(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two are ready")
        platform.until(lambda: platform.seen.services["backend"].home == "v1", "it is at home")
        assert len(platform.copies("v1")) == 2
        for name, copy in platform.seen.copies.items():
            assert (copy.id, copy.service, copy.phase) == (name, "backend", ProcessPhase.RUNNING)
            assert copy.serves
            assert copy.place
        assert {c.id for c in platform.workloads.known().copies.values()} == set(platform.seen.copies)

    def test_what_is_wanted_twice_is_wanted_once(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two are ready")
        names = set(platform.seen.copies)
        for _ in range(5):
            platform.look()
        assert set(platform.seen.copies) == names
        assert not platform.workloads.converge(platform.target), "nothing is left to do"

    def test_an_older_target_is_ignored(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        older = platform.target
        platform.want("v2", {"v2": SERVE})
        platform.until(lambda: platform.ready("v2") == 2, "two of v2 are ready")
        for _ in range(3):
            platform.router.route(older)
            platform.workloads.converge(older)
            platform.look()
        assert platform.copies("v1") == []

    def test_a_routing_is_in_force_as_of_its_generation(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(
            lambda: (platform.router.routed().generation or 0) >= platform.target.generation, "it is in force"
        )
        assert platform.router.routed().rejected == ""

    @pytest.mark.parametrize("pace", [None, Pace(0, 1), Pace(1, 0)])
    def test_a_version_takes_the_place_of_another_and_what_is_not_wanted_goes(
        self, platform: Platform, pace: Pace | None
    ) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two of v1 are ready")
        platform.want("v2", {"v1": Copies(Purpose.SERVE, 0), "v2": SERVE}, pace=pace, stable="v1", trial="v2")
        least = 2

        def arrived() -> bool:
            nonlocal least
            least = min(least, platform.ready("v1") + platform.ready("v2"))
            return platform.ready("v2") == 2 and not any(c.serves for c in platform.copies("v1"))

        platform.until(arrived, "v2 alone serves")
        assert least >= 1
        platform.want("v2", {"v2": SERVE})
        platform.until(
            lambda: set(platform.seen.copies) == {c.id for c in platform.copies("v2")}, "v1 is gone"
        )

    def test_what_is_warm_runs_on_and_takes_users_back(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two of v1 are ready")
        before = {copy.id for copy in platform.copies("v1")}
        platform.want("v2", {"v1": WARM, "v2": SERVE})
        platform.until(
            lambda: (
                platform.ready("v2") == 2 and {c.purpose for c in platform.copies("v1")} == {Purpose.WARM}
            ),
            "v2 serves, v1 is warm",
        )
        warm = {copy.id for copy in platform.copies("v1")}
        assert (warm == before) is not platform.moves
        assert len(warm) == 2
        platform.want("v1", {"v1": SERVE})
        back = platform.target.generation
        platform.until(lambda: (platform.router.routed().generation or 0) >= back, "users are back")
        assert warm <= {copy.id for copy in platform.copies("v1")}, "it is the warm ones that serve again"
        platform.until(lambda: not platform.copies("v2"), "v2 is gone")
        platform.until(lambda: len(platform.copies("v1")) == 2, "and no more of v1 than are wanted")

    def test_versions_stand_side_by_side_each_with_its_share(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two of v1 are ready")
        beside = {"v1": SERVE, "v2": Copies(Purpose.PREVIEW, 50)}
        platform.want("v1", beside, shares={"v1": 10_000, "v2": 0}, trial="v2", held=True)
        platform.until(lambda: platform.ready("v2") == 1, "half as many of v2 are ready")
        if platform.asks:
            platform.until(lambda: platform.router.routed().generation == platform.target.generation, "taken")
            assert platform.answers() == {"v1"}
        beside["v2"] = Copies(Purpose.CANARY, 50)
        platform.want("v1", beside, shares={"v1": 5000, "v2": 5000}, trial="v2", held=True)
        platform.look()
        if platform.asks:
            platform.until(lambda: platform.answers() == {"v1", "v2"}, "both answer")
        platform.want("v1", {"v1": SERVE}, shares={"v1": 10_000})
        platform.until(lambda: not platform.copies("v2"), "v2 is gone")
        if platform.asks:  # a gateway that has little time says that it took it before its proxies have
            platform.until(lambda: platform.answers() == {"v1"}, "users are with v1 alone")

    def test_what_runs_is_renewed_one_by_one_and_never_fewer_are_ready(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two are ready")
        before = {copy.id for copy in platform.copies("v1")}
        asked_at = max(copy.since for copy in platform.copies("v1")) + timedelta(microseconds=1)
        platform.want("v1", {"v1": SERVE}, restarted_at=asked_at)
        least = 2

        def renewed() -> bool:
            nonlocal least
            least = min(least, platform.ready("v1"))
            serving = {c.id for c in platform.copies("v1") if c.serves}
            return not serving & before and platform.ready("v1") == 2

        platform.until(renewed, "two others are ready")
        assert least == 2
        after = {copy.id for copy in platform.copies("v1")}
        for _ in range(5):
            platform.look()
        assert {c.id for c in platform.copies("v1")} <= after, "once"

    def test_what_is_taken_out_goes(self, platform: Platform) -> None:
        platform.want("v1", {"v1": SERVE})
        platform.until(lambda: platform.ready("v1") == 2, "two are ready")
        platform.want(None, {})
        platform.until(lambda: not platform.seen.copies, "nothing is left")

    def test_a_task_runs_once_under_its_name_and_is_no_copy(self, platform: Platform) -> None:
        version = platform.versions["v1"]
        task = Task("backend.migrate-7", version, version.run.migrate or ())
        platform.workloads.start(task)
        platform.until(lambda: task.name in platform.seen.tasks, "it is seen")
        platform.until(lambda: platform.seen.tasks[task.name].phase is ProcessPhase.EXITED, "it has ended")
        seen = platform.seen.tasks[task.name]
        assert (seen.service, seen.exit_code) == ("backend", 3)
        assert task.name not in platform.seen.copies
        platform.workloads.start(task)
        platform.look()
        assert platform.seen.tasks[task.name].exit_code == 3, "it does not run again"
        platform.workloads.end(task.name)
        platform.until(lambda: task.name not in platform.seen.tasks, "it is put aside")

    def test_a_task_that_never_began_can_be_ended(self, platform: Platform) -> None:
        platform.workloads.end("backend.migrate-9")
        platform.look()
        assert dict(platform.seen.tasks) == {}

    def test_who_has_no_address_is_not_asked(self, platform: Platform) -> None:
        assert not platform.router.reaches("nobody")
        with pytest.raises(PlatformError):
            platform.router.ask_version("nobody", "v1", "/", 1.0)
