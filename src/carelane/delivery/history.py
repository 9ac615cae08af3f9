"""Where an environment can go back to, and what it cannot go past."""

from carelane.base.errors import ConflictError, NotFoundError, RefusedError
from carelane.delivery.decisions.draft import Snapshot
from carelane.delivery.deployments import Revision
from carelane.delivery.ports import RolloutRepository
from carelane.delivery.releases import Release

WHOLE = 1000


class History:
    """The revisions of all environments, asked where a rollback may go."""

    def __init__(self, repository: RolloutRepository) -> None:
        self._repository = repository

    def way_back(self, snapshot: Snapshot, kept: int, to_revision: int | None) -> tuple[int | None, Release]:
        """The revision and the release that a rollback goes to.

        While something is moving that is what is stable (no revision), also where that one is named;
        else the last revision that was not undone, or the one named among the *kept* ones.

        Raises:
            NotFoundError: If there is none.
            ConflictError: If the environment has it already.
            RefusedError: If an irreversible release lies between.
        """
        state = snapshot.state
        moving = snapshot.deployment is not None and not snapshot.deployment.ended
        if moving and to_revision in {None, state.revision} and state.release is not None:
            return None, self._repository.release_named(state.release)
        target = self._target(state.name, kept, to_revision)
        return target.number, self._repository.release_named(target.release)

    def _target(self, environment: str, kept: int, to_revision: int | None) -> Revision:
        history = self._repository.revisions(environment, kept)
        if not history:
            raise NotFoundError(f"{environment} has no history yet", hint="deploy a release first")
        now, earlier = history[0], history[1:]
        if to_revision is not None:
            chosen = next((r for r in history if r.number == to_revision), None)
        else:
            chosen = next((r for r in earlier if r.undone_by is None and r.release != now.release), None)
        if chosen is None:
            raise _no_revision(environment, to_revision, history)
        if chosen.release == now.release:
            raise ConflictError(f"{environment} has {now.release} (revision {chosen.number}) already")
        self._refuse_irreversible(history, chosen)
        return chosen

    def refuse_going_past(self, environment: str, wanted: Release) -> None:
        """Deploying an earlier release is no way round an irreversible one either.

        Raises:
            RefusedError: If an irreversible release came after *wanted* was there.
        """
        history = self._repository.revisions(environment, WHOLE)
        known = next((r for r in history if r.release == wanted.name), None)
        if known is not None:
            self._refuse_irreversible(history, known)

    def _refuse_irreversible(self, history: list[Revision], target: Revision) -> None:
        passed = {r.release for r in history if r.number > target.number} - {target.release}
        for name in sorted(passed):
            if self._repository.release_named(name).irreversible:
                raise RefusedError(
                    f"{name} is irreversible: nothing before it can read its data",
                    hint="fix forward: deploy a release that mends it",
                )


def _no_revision(environment: str, number: int | None, history: list[Revision]) -> NotFoundError:
    if number is None:
        return NotFoundError(
            f"{environment} has no earlier revision to go back to that was not itself undone",
            hint="name one with --to-revision; `carelane history` lists them",
        )
    kept = f"{history[-1].number} to {history[0].number}"
    return NotFoundError(f"{environment} has no revision {number}", hint=f"kept are {kept}")
