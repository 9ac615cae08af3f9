"""Following a deployment to its end: live on a terminal, plain lines when piped."""

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from carelane.base.errors import CarelaneError, OutcomeFailed, OutcomeOpen
from carelane.cli.client import Client
from carelane.cli.output import COLOURS, harmless, plain, say
from carelane.cli.patience import patiently

AGAIN_SECONDS = 0.15
LAST_LINES, MOST_LINES = 10, 40
"""Of each instance and task, and of all of them, where a deployment has failed."""
F = TypeVar("F", bound=Callable[..., Any])
Show = Callable[[dict[str, Any], dict[str, Any]], None]
ENDED = ("Succeeded", "Failed", "Superseded", "Cancelled")


@dataclass(frozen=True)
class Waiting:
    """Whether to wait until a deployment has ended, and for how many seconds at most; None is for ever."""

    wanted: bool = False
    at_most_seconds: float | None = None


def wait_options(command: F) -> F:
    """The options --wait and --timeout, the same everywhere; the command gets *waiting*."""

    @functools.wraps(command)
    def waited(*args: Any, wait: bool, timeout: float | None, **kwargs: Any) -> Any:  # noqa: ANN401 - click's own
        return command(*args, waiting=Waiting(wait or timeout is not None, timeout), **kwargs)

    wait = click.option("--wait", is_flag=True, help="Show it until it has ended; exit code 10 if it fails.")
    timeout = click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        help="Wait so many seconds at most; exit code 11 if it has not ended by then.",
    )
    return cast("F", wait(timeout(waited)))


def follow(client: Client, number: int, waiting: Waiting = Waiting(wanted=True)) -> dict[str, Any]:
    """Show deployment *number* until it has ended; returns it as it ended.

    Raises:
        OutcomeFailed: If it did not succeed.
        OutcomeOpen: If it has not ended in the time there is.
    """
    drawing = _Live() if sys.stdout.isatty() and not plain() else _Lines()
    where = "ENVIRONMENT"

    def show(deployment: dict[str, Any], environment: dict[str, Any]) -> None:
        nonlocal where
        where = deployment["environment"]
        drawing.show(deployment, environment)

    try:
        return _until_it_has_ended(client, number, waiting, show)
    except KeyboardInterrupt:
        drawing.close()
        said = f"deployment {number} goes on without you: `carelane rollout watch {where}` shows it again"
        say(f"{said}, `carelane rollout abort {where}` ends it", err=True)
        raise
    finally:
        drawing.close()


def wait_quietly(client: Client, number: int, waiting: Waiting) -> dict[str, Any]:
    """The same for programs: only a pause is told, and not on standard output."""
    told: list[str] = []

    def show(deployment: dict[str, Any], environment: dict[str, Any]) -> None:
        del environment
        for line in _asked(deployment):
            said = f"{deployment['message']}: {line.strip()}"
            if said not in told:
                told.append(said)
                say(said, err=True)

    return _until_it_has_ended(client, number, waiting, show)


def _asked_of(client: Client, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    deployment: dict[str, Any] = client.get(f"/deployments/{number}")
    return deployment, client.get(f"/environments/{deployment['environment']}")


def _until_it_has_ended(client: Client, number: int, waiting: Waiting, show: Show) -> dict[str, Any]:
    began = time.monotonic()
    while True:
        deployment, environment = patiently(lambda: _asked_of(client, number))
        show(deployment, environment)
        if deployment["phase"] in ENDED:
            break
        if waiting.at_most_seconds is not None and time.monotonic() - began >= waiting.at_most_seconds:
            said = f": {deployment['message']}" if deployment["message"] else ""
            raise OutcomeOpen(
                f"deployment {number} is {deployment['phase']} after {waiting.at_most_seconds:g} s{said}",
                hint=f"it goes on: `carelane rollout watch {deployment['environment']}`",
            )
        time.sleep(AGAIN_SECONDS)
    if deployment["phase"] == "Failed":
        _say_last_words(client, deployment)
    if deployment["phase"] != "Succeeded":
        raise OutcomeFailed(f"deployment {number} is {deployment['phase']}: {deployment['message']}")
    return deployment


def _say_last_words(client: Client, deployment: dict[str, Any]) -> None:
    """What was printed last of what did not get well, and where the rest is; nothing where nobody knows."""
    where, number = deployment["environment"], deployment["id"]
    for service, rollout in deployment["rollouts"].items():
        if rollout["phase"] != "Degraded":
            continue
        path = f"/environments/{where}/services/{service}/logs"
        try:
            lines = list(client.lines(path, deployment=number, tail=LAST_LINES))
        except CarelaneError:
            continue
        if lines:
            say(f"last lines; all: `carelane logs {where} {service} --deployment {number}`", err=True)
            click.echo("\n".join(harmless(line) for line in lines[-MOST_LINES:]), err=True)


class _Lines:
    """One line a change."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def show(self, deployment: dict[str, Any], environment: dict[str, Any]) -> None:
        lines = _described(deployment, environment)
        for line in lines:
            if line not in self._last:
                say(f"{time.strftime('%H:%M:%S')} {line}")
        self._last = lines

    def close(self) -> None:
        """Nothing to put back."""


class _Live:
    """The same lines, drawn in place."""

    def __init__(self) -> None:
        from rich.live import Live
        from rich.text import Text

        self._text = Text
        self._live = Live(refresh_per_second=10)
        self._live.start()

    def show(self, deployment: dict[str, Any], environment: dict[str, Any]) -> None:
        text = self._text()
        for line in _described(deployment, environment):
            word = next((w for w in COLOURS if w in line.split()), None)
            text.append(harmless(line) + "\n", style=COLOURS[word] if word else "")
        self._live.update(text)

    def close(self) -> None:
        """Leave the last picture standing."""
        self._live.stop()


def _described(deployment: dict[str, Any], environment: dict[str, Any]) -> list[str]:
    where = f"deployment {deployment['id']} of {deployment['release']} into {deployment['environment']}"
    said = f": {deployment['message']}" if deployment["message"] else ""
    lines = [f"{where} {deployment['phase']} {said}".rstrip(), *_asked(deployment)]
    services = {service["name"]: service for service in environment["services"]}
    for name, rollout in deployment["rollouts"].items():
        seen = services.get(name, {"instances": []})
        lines.append(
            f"  {name} {rollout['from_label'] or 'nothing'} -> {rollout['to_label']} {_moving(rollout, seen)}"
        )
    return lines


def _asked(deployment: dict[str, Any]) -> list[str]:
    """What a person is asked for, where it waits for one."""
    if deployment["phase"] != "Paused":
        return []
    verbs = "resume, promote or abort"
    return [f"  waits for a person: `carelane rollout show {deployment['environment']}`, then {verbs}"]


def _moving(rollout: dict[str, Any], service: dict[str, Any]) -> str:
    def count(label: str | None) -> str:
        mine = [i for i in service["instances"] if i["label"] == label]
        ready = sum(i["ready"] and i["intent"] == "serve" for i in mine)
        return f"{ready} of {len(mine)}"

    phase: str = rollout["phase"]
    if rollout["migration"] == "running":
        return f"{phase} migrating"
    if phase == "Pending":
        return phase
    new, old = count(rollout["to_label"]), count(rollout["from_label"])
    return f"{phase} [new serving {new}, old serving {old}]{_step(rollout, service)}"


def _step(rollout: dict[str, Any], service: dict[str, Any]) -> str:
    """Where a canary stands: its step, its weight, and how it does so far."""
    steps = rollout["strategy"]["steps"]
    if not steps or rollout["phase"] not in {"Progressing", "Paused"}:
        return ""
    number = min(rollout["step"] + 1, len(steps))
    share = service.get("canary_percent") or 0
    judged = f"; {service['judged']}" if service.get("judged") else ""
    return f" step {number} of {len(steps)}: {steps[number - 1]['kind']}, {share} % of the traffic{judged}"
