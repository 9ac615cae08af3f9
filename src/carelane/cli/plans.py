"""What a deployment would do, before it does it."""

from collections.abc import Mapping
from typing import Any

import click

from carelane.cli.output import seconds, show_json
from carelane.cli.pictures import step_words

HOUR_SECONDS = 3599.0


def show_plan(plan: dict[str, Any], output: str) -> None:
    """The steps of each service, in order, and how long each analysis is expected to take."""
    from carelane.bootstrap.offline import expected_seconds

    deployment = plan["deployment"]
    for name, rollout in deployment["rollouts"].items() if deployment else ():
        rollout["expected"] = expected_seconds(
            plan["analysis"], rollout["strategy"]["steps"], plan["traffic"][name]
        )
    if output == "json":
        show_json(plan)
        return
    click.echo(plan["message"])
    for number, (name, rollout) in enumerate(deployment["rollouts"].items() if deployment else (), 1):
        moved = f"{rollout['from_label'] or 'nothing'} -> {rollout['to_label']}"
        many = plan["replicas"][name]
        replicas = f"{many} replica{'s' if many > 1 else ''}"
        click.echo(f"{number}. {name}: {moved}, {rollout['strategy']['kind']}, {replicas}")
        for line in _steps(name, rollout, plan["traffic"][name]):
            click.echo(f"   {line}")


def _steps(name: str, rollout: Mapping[str, Any], traffic: Mapping[str, Any]) -> list[str]:
    steps = rollout["strategy"]["steps"]
    previewed = rollout["strategy"]["kind"] == "blue-green"
    lines = [
        f"- {step_words(step)}{_of_a_preview(step) if previewed else _expected(step, at)}"
        for step, at in zip(steps, rollout["expected"], strict=True)
    ]
    if not previewed and any(step["kind"] == "analysis" for step in steps):
        lines += _by_traffic(name, traffic)
    return lines


def _by_traffic(name: str, traffic: Mapping[str, Any]) -> list[str]:
    hour = traffic["seconds"] >= HOUR_SECONDS
    lately = "the last hour" if hour else f"the last {seconds(traffic['seconds'])}"
    if not traffic["requests"]:
        return [
            f"  ({name} had no request in {lately}: without any, each analysis ends by asking a person;",
            f"  strategy.services.{name}: rolling takes it out)",
        ]
    rate, errors = traffic["requests"] / traffic["seconds"], traffic["errors"]
    return [f"  (by {lately}: {rate:.1f} requests a second, {errors:,} of {traffic['requests']:,} failed)"]


def _of_a_preview(step: Mapping[str, Any]) -> str:
    """How much will reach it, nobody knows beforehand."""
    if step["kind"] != "analysis":
        return ""
    return ": of what reaches the preview meanwhile; without any it asks a person"


def _expected(step: Mapping[str, Any], expected: float | None) -> str:
    if step["kind"] != "analysis":
        return ""
    if expected is None:
        return ": not expected to be decided by then at this traffic"
    if expected == 0:
        return ": a healthy release has already passed by then"
    return f": a healthy release passes in about {seconds(expected)}"
