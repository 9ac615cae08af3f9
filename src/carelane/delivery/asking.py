"""What a deployment asks: its canary steps of the proxies, its migrations and checks of their commands."""

from carelane.delivery import verification
from carelane.delivery.decisions.draft import Snapshot
from carelane.delivery.deployments import Deployment, Migration, Phase, Rollout
from carelane.delivery.incidents import Cause, Incident
from carelane.delivery.ports import TrafficRouter
from carelane.delivery.releases import Release, ServiceVersion
from carelane.delivery.strategies import CanaryStep, StepKind

PATIENCE_SECONDS = 2.0


def is_due(snapshot: Snapshot) -> bool:
    """Whether a canary step under way, or an incident, asks a service anything."""
    deployment = snapshot.deployment
    if _unverified(snapshot):
        return True
    if deployment is None or deployment.phase is not Phase.PROGRESSING:
        return False
    steps = (rollout.current_step for rollout in deployment.rollouts.values())
    return any(step is not None and (step.kind is StepKind.VERIFY or step.path is not None) for step in steps)


def answers(router: TrafficRouter, snapshot: Snapshot) -> dict[str, str]:
    """By the name of who asks, what is wrong with what it asked just now; "" where nothing is."""
    deployment, release = snapshot.deployment, snapshot.release
    again = {
        incident.question: verification.wrong_with(router, version, PATIENCE_SECONDS)
        for incident, version in _unverified(snapshot)
    }
    if deployment is None or release is None or deployment.phase is not Phase.PROGRESSING:
        return again
    return again | {
        rollout.check_id(deployment.id): said
        for rollout in deployment.rollouts.values()
        if (said := _said(router, rollout, release.versions[rollout.service])) is not None
    }


def _unverified(snapshot: Snapshot) -> list[tuple[Incident, ServiceVersion]]:
    """What did not answer rightly when it was gone back to, and users have still: it is asked again.

    Not while anything moves: then there is a look ten times a second, and its end says more.
    """
    if snapshot.state.deployment is not None:
        return []
    open_ones = [incident for incident in snapshot.incidents if incident.cause is Cause.VERIFY]
    running = snapshot.state.running if open_ones else {}
    found = ((incident, running.get(incident.service or "")) for incident in open_ones)
    return [(i, version) for i, version in found if version is not None and version.label == i.version]


def _said(router: TrafficRouter, rollout: Rollout, version: ServiceVersion) -> str | None:
    step = rollout.current_step
    if step is None:
        return None
    if step.kind is StepKind.VERIFY:
        return verification.wrong_with(router, version, PATIENCE_SECONDS)
    if step.kind is StepKind.CHECK and step.path is not None:
        return verification.not_well(router, version, step.path, PATIENCE_SECONDS)
    return None


def commands_due(deployment: Deployment) -> dict[str, tuple[str, CanaryStep]]:
    """The service and step of each check that is a command, by the name of its task."""
    return {
        rollout.check_id(deployment.id): (rollout.service, step)
        for rollout in deployment.rollouts.values()
        if (step := rollout.current_step) is not None and step.kind is StepKind.CHECK and step.command
    }


def tasks(
    deployment: Deployment | None, release: Release | None
) -> dict[str, tuple[ServiceVersion, tuple[str, ...]]]:
    """The migrations and checks that should run or have run, by the name of their task."""
    if deployment is None or release is None or deployment.phase not in {Phase.PROGRESSING, Phase.PAUSED}:
        return {}
    due = {}
    for rollout in deployment.rollouts.values():
        version = release.versions[rollout.service]
        if rollout.migration is Migration.RUNNING and version.run.migrate is not None:
            due[rollout.migration_id(deployment.id)] = (version, version.run.migrate)
    for name, (service, step) in commands_due(deployment).items():
        due[name] = (release.versions[service], step.command)
    return due
