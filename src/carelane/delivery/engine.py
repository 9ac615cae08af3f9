"""The loop that brings an environment to what is recorded: observe, decide, record, act.

It is level-triggered: what to do follows from what is recorded and what is seen, so a tick after a
crash at any point acts again to the same end.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from carelane.base.clock import Clock
from carelane.base.errors import (
    CarelaneError,
    ConflictError,
    DiskFull,
    NotFoundError,
    RefusedError,
    Rejected,
    Unavailable,
)
from carelane.base.loops import Loop, Report
from carelane.delivery import asking, targets
from carelane.delivery.decisions import commands, incidents, progress, watching
from carelane.delivery.decisions.draft import ENGINE, UNSEEN_SECONDS, Decision, Draft, Snapshot
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind, Phase
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.history import History, Way
from carelane.delivery.judging import Judging
from carelane.delivery.observations import CopySeen, Observation, ProcessPhase, RoutingSeen
from carelane.delivery.policies import Policy
from carelane.delivery.ports import (
    Backing,
    RolloutRepository,
    Room,
    Suspecting,
    Task,
    TrafficRouter,
    Workloads,
)
from carelane.delivery.releases import ServiceKind, ServiceVersion
from carelane.delivery.starting import Starting
from carelane.delivery.targets import Target

T = TypeVar("T")
IDLE_SECONDS = 2.0
MOVING_SECONDS = 0.1
OLD_SECONDS = UNSEEN_SECONDS
"""How old what was seen may be when it is decided on: the server may have been stopped in between."""
LOOK_AGAIN_SECONDS = 0.1
"""How long a command waits for a look that is under way; then the last one must do."""


@dataclass(frozen=True)
class Platform:
    """One environment's means."""

    workloads: Workloads
    router: TrafficRouter
    backing: Backing
    judging: Judging
    suspecting: Suspecting
    room: Room


class Engine:
    """Drives one environment."""

    def __init__(
        self,
        environment: str,
        policy: Policy,
        platform: Platform,
        repository: RolloutRepository,
        clock: Clock,
        report: Report,
        seen_until: datetime | None = None,
    ) -> None:
        """*seen_until* is when an earlier server saw it last."""
        self.environment = environment
        self.policy = policy
        self.platform = platform
        self._repository = repository
        self._clock = clock
        self._report = report
        self.loop = Loop(f"engine of {environment}", self.tick, report)
        self._seen = Observation()
        self._seen_at = clock.monotonic()
        self._seen_until = seen_until
        self._anew = True
        self._starting = Starting(environment, clock, report)
        self._ended = False
        self._deciding = threading.Lock()
        self._looking = threading.Lock()

    def adopt(self, policy: Policy) -> None:
        """From now on decide by *policy*; what is under way keeps the strategy that it was begun with."""
        with self._deciding:
            self.policy = policy
        self.loop.wake()

    def end(self) -> None:
        """Decide nothing more: what runs here is being ended for good, or until a server starts anew."""
        with self._deciding:
            self._ended = True

    @property
    def ended(self) -> bool:
        """Whether nobody looks after it any more, until a server starts anew."""
        return self._ended

    def refuse_ended(self) -> None:
        """Raises ConflictError where nobody looks after it any more."""
        if self._ended:
            raise ConflictError(
                f"{self.environment} was ended: nobody looks after it",
                hint="a server that starts anew does: `carelane down --keep-running`, `carelane up --detach`",
            )

    # -- one pass

    def tick(self) -> float:
        """One pass; returns the seconds until the next is due."""
        answers = self._asked()
        with self._looking:
            began = self._clock.monotonic()
            seen = self._observe_steps(self.observe(self.platform.router.routed()), answers)
            self._seen, self._seen_at = seen, began
        with self._deciding:
            if self._is_old():
                return MOVING_SECONDS
            snapshot = self._repository.snapshot(self.environment)
            draft = self.draft(snapshot)
            progress.tick(draft)
            incidents.note(draft)
            decision = draft.decision()
            emergency = draft.deployment is not None and draft.deployment.kind is Kind.EMERGENCY
            if decision is not None and not self._commit(decision, pressing=emergency):
                return 0.0
            self._note_seen(draft)
            self._anew = not seen.visible
            state = decision.state if decision is not None else snapshot.state
            target = self._target(state, draft.deployment)
            if seen.visible:
                self._write_routing(target, pressing=emergency)
        changed = self._act(state, draft)
        self._look_back(draft)
        return MOVING_SECONDS if changed or self._moving(state) else IDLE_SECONDS

    def observe(self, routing_seen: RoutingSeen) -> Observation:
        """What there is to see now, beside what was seen of the routing."""
        if routing_seen.rejected and routing_seen.rejected != self._seen.routing.rejected:
            self._report(self.environment, Rejected(routing_seen.rejected))
        return Observation(
            self.platform.workloads.observe(),
            self.platform.backing.ready(),
            routing=routing_seen,
            unstarted=self._starting.failed,
        )

    def _asked(self) -> Mapping[str, str]:
        """What the canary steps under way ask, answered before the look, and not as a part of it.

        Services answer as slowly as they like: the look is to be fresh, and nobody waits for it. Who may have
        answered before the proxies took the routing was not asked.
        """
        snapshot = self._repository.snapshot(self.environment)
        if not self._seen.visible or not asking.is_due(snapshot):
            return {}
        if not self.platform.router.routed().in_force(snapshot.state.generation):
            return {}
        return asking.answers(self.platform.router, snapshot)

    def _observe_steps(self, seen: Observation, answers: Mapping[str, str]) -> Observation:
        """Beside *seen*, what the canary steps under way want to know."""
        if not seen.visible:
            return seen
        snapshot = self._repository.snapshot(self.environment)
        return replace(
            seen,
            answers=answers,
            suspicions=self.platform.suspecting.look(snapshot.state, self.policy.analysis, self._clock.now()),
            evidence=self.platform.judging.look(
                snapshot, seen.routing, self.policy.analysis, self._clock.now()
            ),
        )

    def draft(self, snapshot: Snapshot) -> Draft:
        """A draft on *snapshot* and the latest observation, with what is meant of each copy by now."""
        now, wall = self._clock.now(), self._clock.wall()
        return Draft(
            snapshot, self.policy, self.shown, now, wall, seen_until=self._seen_until, anew=self._anew
        )

    def _note_seen(self, draft: Draft) -> None:
        """What went by unseen before *draft* is recorded with it."""
        if draft.seen.visible:
            self._seen_until = draft.now

    def _is_old(self) -> bool:
        """Whether what was seen is too old to decide on; who asks looks again."""
        age = self._clock.monotonic() - self._seen_at
        if age <= OLD_SECONDS:
            return False
        self.report(
            Unavailable(f"what was seen of {self.environment} is {age:.0f} s old: it is looked at again")
        )
        return True

    def command(
        self,
        change: Callable[[Draft], None],
        *,
        unseen: bool = False,
        pressing: bool = False,
        looked: bool = False,
    ) -> Decision | None:
        """Decide and record what a person asked for, and bring its routing into force at once.

        What is *pressing* takes the room that is kept back for it where the disk is full. Who has *looked*
        a moment ago is not kept waiting by another look.

        Raises:
            Unavailable: If nobody can say how the traffic is, or could for some seconds; with *unseen* it is
                decided all the same.
            CarelaneError: As *change* raises it; nothing is recorded then.
        """
        self.refuse_ended()
        if not looked:
            self.look()
        if not self._seen.visible and not unseen:
            raise Unavailable(
                f"the proxies of {self.environment} do not answer: nothing can be said of its traffic",
                hint="they are being started again: try once more in a second; `carelane status` says why",
            )
        while True:
            with self._deciding:
                if not unseen and self._is_old():
                    raise Unavailable(
                        f"what was seen of {self.environment} is too old to decide on",
                        hint="try again; if it stays so, `carelane status` says what hangs",
                    )
                snapshot = self._repository.snapshot(self.environment)
                draft = self.draft(snapshot)
                change(draft)
                incidents.note(draft)
                decision = draft.decision()
                if decision is None or self._commit(decision, pressing=pressing):
                    if decision is not None:
                        self._note_seen(draft)
                    if decision is not None and self._seen.visible:
                        self._route(self._target(decision.state, draft.deployment), pressing=pressing)
                    break
        self.loop.wake()
        return decision

    def _look_back(self, draft: Draft) -> None:
        """Undo what was brought and fails late, if it does: a rollback like any other, asked for by us."""
        due = watching.failed(draft)
        if due is None:
            return
        if not self.policy.rollback.automatic:
            return  # it was told
        try:
            wanted = self._returning(draft, due)
            self.command(lambda draft: commands.undo_late(draft, wanted))
        except (ConflictError, NotFoundError, RefusedError) as error:
            why = error.message
            self.command(lambda draft: watching.tell(draft, due, why))

    def _returning(self, draft: Draft, due: watching.Due) -> Request:
        """The rollback that puts the version before in the place of what fails; refused where none does.

        What came after it, and changed something else, is taken back for a failure, and for no suspicion.
        """
        snapshot = self._repository.snapshot(self.environment)
        way = Way() if due.suspected else Way(mends=lambda release: watching.mends(draft, due, release))
        target = History(self._repository).way_back(snapshot, self._seen, way)
        if not watching.mends(draft, due, target.release):
            raise ConflictError(f"{target.release.name}, the revision before, has the same {due.service}")
        number = self._repository.reserve_deployment()
        wanted = Request(number, target.release, ENGINE, f"late: {due}", Kind.ROLLBACK, target.revision)
        return replace(wanted, compared=due.service) if due.suspected else wanted

    def go_on(self) -> None:
        """Take what is under way one step on now, by what the proxies took by now; as a tick would."""
        with self._looking:
            self._seen = replace(self.shown, routing=self.platform.router.routed())
        self.command(progress.advance, unseen=True, pressing=True, looked=True)

    def _commit(self, decision: Decision, *, pressing: bool) -> bool:
        return self._written(lambda: self._repository.commit(decision), pressing=pressing)

    def _written(self, write: Callable[[], T], *, pressing: bool) -> T:
        return self.with_room(write) if pressing else write()

    def with_room(self, write: Callable[[], T]) -> T:
        """What *write* returns; while the disk is full, in the room that is kept back."""
        while True:
            try:
                return write()
            except DiskFull:
                if not self.platform.room.make():
                    raise

    def _target(self, state: EnvironmentState, deployment: Deployment | None) -> Target:
        return targets.target(state, deployment, self.policy, self._seen)

    def _route(self, target: Target, *, pressing: bool) -> None:
        """What is recorded has happened: a routing that cannot be written is the next tick's business."""
        try:
            self._write_routing(target, pressing=pressing)
        except CarelaneError as error:
            self.report(error)

    def _write_routing(self, target: Target, *, pressing: bool) -> None:
        self._written(lambda: self.platform.router.route(target), pressing=pressing)

    def report(self, error: Exception) -> None:
        """Tell whoever runs it what failed without ending anything."""
        self._report(self.environment, error)

    def look(self) -> None:
        """See how things are now: an idle loop's last look may be seconds old."""
        if not self._looking.acquire(timeout=LOOK_AGAIN_SECONDS):
            return
        began = self._clock.monotonic()
        try:
            # A command is decided on who is fit; asking what the proxies took would only slow a switch.
            seen = self.observe(self._seen.routing)
            if seen.visible:
                last = self._seen
                self._seen = replace(
                    seen, answers=last.answers, evidence=last.evidence, suspicions=last.suspicions
                )
                self._seen_at = began
        finally:
            self._looking.release()

    @property
    def seen(self) -> Observation:
        """The latest observation; nothing of what was ended."""
        return Observation() if self._ended else self._seen

    @property
    def shown(self) -> Observation:
        """The latest observation, with what is meant of each copy by now: what people see."""
        if self._ended:
            return Observation()
        known = self.platform.workloads.known()
        return replace(self._seen, workloads=known) if known.visible is self._seen.visible else self._seen

    # -- acting

    def _act(self, state: EnvironmentState, draft: Draft) -> bool:
        """Bring about what is recorded; whether anything was changed."""
        self._see_to_backing(state)
        pressing = draft.deployment is not None and draft.deployment.kind is Kind.EMERGENCY
        target = self._target(state, draft.deployment)
        changed = self._written(lambda: self.platform.workloads.converge(target), pressing=pressing)
        tasks = self._act_on_tasks(draft)
        self._starting.forget(tasks)
        for name in set(self._seen.tasks) - tasks:
            self.platform.workloads.end(name)
        return changed

    def _act_on_tasks(self, draft: Draft) -> set[str]:
        """Start the migrations and checks that are due; the tasks that are still wanted, by name."""
        wanted = asking.tasks(draft.deployment, draft.release)
        if any(self._is_due(name, version) for name, (version, _) in wanted.items()):
            # An abort may have been decided since: a migration must not start after it.
            with self._deciding:
                snapshot = self._repository.snapshot(self.environment)
                wanted = asking.tasks(snapshot.deployment, snapshot.release)
                if snapshot.deployment is not None and snapshot.deployment.phase is Phase.PROGRESSING:
                    for name, (version, command) in wanted.items():
                        if self._is_due(name, version):
                            task = Task(name, version, command, snapshot.state.generation)
                            self._starting.attempt(name, lambda: self.platform.workloads.start(task))  # noqa: B023 - called here
        return set(wanted)

    def _is_due(self, task: str, version: ServiceVersion) -> bool:
        """Whether *task* is to be given a keeper now: it has none, and no other of its service runs."""
        seen = self._seen.tasks.get(task)
        kept = seen is not None and (seen.supervised or seen.phase is ProcessPhase.EXITED)
        return not kept and not self._seen.unended_tasks(version.service, task)

    def _see_to_backing(self, state: EnvironmentState) -> None:
        if not self._seen.backing_ready and (state.deployment is not None or state.release is not None):
            try:
                self.platform.backing.ensure()
            except CarelaneError as error:
                self._report(self.environment, error)

    def _moving(self, state: EnvironmentState) -> bool:
        """Whether something is expected to change soon."""
        if state.deployment is not None or not self._seen.backing_ready:
            return True
        return any(not c.stays or self._gets_ready(state, c) for c in self._seen.copies.values())

    @staticmethod
    def _gets_ready(state: EnvironmentState, copy: CopySeen) -> bool:
        version = state.service(copy.service).versions.get(copy.label)
        return version is not None and version.run.kind is ServiceKind.WEB and not copy.ready
