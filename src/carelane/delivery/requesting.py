"""Asking for a deployment: decided under the environment's lock, so that two equal requests make one."""

from collections.abc import Callable
from dataclasses import dataclass

from carelane.delivery.decisions import commands
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind
from carelane.delivery.engine import Engine
from carelane.delivery.ports import RolloutRepository

Check = Callable[[Draft], None]


@dataclass(frozen=True)
class Wanted:
    """By which strategy, the environment's own where none is named; who asks, and whether it may ask less."""

    strategy: str | None = None
    by_token: bool = False
    may_weaken: bool = True


@dataclass(frozen=True)
class Outcome:
    """What a request led to; no deployment where nothing was to do, and *message* says so."""

    deployment: Deployment | None
    message: str


def ask(
    engine: Engine, repository: RolloutRepository, wanted: Request, check: Check = lambda _: None
) -> Outcome:
    """Make the deployment that is *wanted*, if *check* holds where it is decided.

    Whoever asks for an emergency has just looked at how things are, to know where to go.

    Raises:
        CarelaneError: As *check* and the rules of the command raise it; nothing is recorded then.
    """
    step = commands.emergency if wanted.kind is Kind.EMERGENCY else commands.request
    there: list[Outcome] = []

    def decide(draft: Draft) -> None:
        there.clear()
        said = commands.already(draft.snapshot, wanted.release, wanted.kind)
        if said is not None:
            there.append(Outcome(draft.deployment, said))
            return
        check(draft)
        step(draft, wanted)

    emergency = wanted.kind is Kind.EMERGENCY
    engine.command(decide, unseen=emergency, pressing=emergency, looked=emergency)
    if there:
        return there[-1]
    made = repository.deployment(wanted.id)
    return Outcome(made, f"deployment {wanted.id} of {wanted.release.name}")
