"""What a deployment would do, before it does it."""

from collections.abc import Mapping
from typing import Any

import click

from carelane.cli.output import seconds, show_json
from carelane.cli.pictures import step_words


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
        click.echo(
            f"{number}. {name}: {moved}, {rollout['strategy']['kind']}, {plan['replicas'][name]} replicas"
        )
        for line in _steps(rollout, plan["traffic"][name]):
            click.echo(f"   {line}")


def _steps(rollout: Mapping[str, Any], traffic: Mapping[str, Any]) -> list[str]:
    steps = rollout["strategy"]["steps"]
    lines = [
        f"- {step_words(step)}{_expected(step, at)}"
        for step, at in zip(steps, rollout["expected"], strict=True)
    ]
    if any(step["kind"] == "analysis" for step in steps):
        rate = traffic["requests"] / traffic["seconds"] if traffic["seconds"] else 0
        failed = f", {traffic['errors']:,} of {traffic['requests']:,} failed" if traffic["requests"] else ""
        lines.append(f"  (by today's traffic: {rate:.1f} requests a second{failed})")
    return lines


def _expected(step: Mapping[str, Any], expected: float | None) -> str:
    if step["kind"] != "analysis":
        return ""
    if expected is None:
        return ": not expected to be decided by then at today's traffic"
    return f": a healthy release passes in about {seconds(expected)}"
