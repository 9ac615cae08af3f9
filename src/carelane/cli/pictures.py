"""How a judging looks on a terminal."""

import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from carelane.cli.output import say

HEIGHT = 7
WIDEST = 100
MARGIN = 12
DOTS = 24


def show_replay(found: Mapping[str, Any]) -> None:
    """Words, the way log E and the two ratios went, and what it would have cost."""
    colour = {"pass": "green", "fail": "red"}.get(found["verdict"], "yellow")
    say(f": {found['words']}", head=click.style(found["verdict"], fg=colour, bold=True))
    for line in (*_facts(found), *_pictures(found)):
        say(line)


def show_rollouts(deployment: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> None:
    """A deployment's rollouts with their canary steps, and the judging of each canary."""
    from carelane.bootstrap.offline import judged_again

    said = f": {deployment['message']}" if deployment["message"] else ""
    say(
        f"deployment {deployment['id']} of {deployment['release']} into {deployment['environment']},"
        f" {deployment['phase']}{said}"
    )
    judged = {run["service"]: run for run in runs}
    for name, rollout in deployment["rollouts"].items():
        say(
            f"{name}: {rollout['from_label'] or 'nothing'} -> {rollout['to_label']},"
            f" {rollout['strategy']['kind']}, {rollout['phase']}"
        )
        for line in _steps(rollout):
            say(f"  {line}")
        if name in judged and judged[name]["windows"]:
            show_replay(judged_again(judged[name])[0])


def _steps(rollout: Mapping[str, Any]) -> list[str]:
    here, over = rollout["step"], rollout["phase"] in {"Healthy", "Degraded", "Aborting"}
    lines = []
    for number, step in enumerate(rollout["strategy"]["steps"]):
        mark = "done" if number < here else "here" if number == here and not over else "    "
        lines.append(f"{mark} {number + 1}. {step_words(step)}")
    return lines


def step_words(step: Mapping[str, Any]) -> str:
    """A canary step, as the API gives it, in the words of the trail."""
    from carelane.delivery.strategies import CanaryStep, StepKind

    known = CanaryStep(
        StepKind(step["kind"]), step["percent"], step["seconds"], tuple(step["command"]), step["path"]
    )
    return str(known)


def show_plan(found: Mapping[str, Any]) -> None:
    """What a plan came to, in sentences."""
    asked = found["question"]
    errors, seconds, safe = found["errors_until_fail"], found["seconds_to_fail"], found["seconds_to_pass"]
    longest = f"{asked['longest_seconds']:g} s"
    bad = f"a canary that fails {_percent(asked['detect_ratio'])} of its requests"
    traffic = f"with {_percent(asked['weight'])} of {asked['rate']:g} requests a second"
    say(f"{bad} (stable: {_percent(asked['stable_ratio'])}), {traffic}:")
    say(f"  found         after {_spread(seconds, longest)}; {found['found']:.1%} within {longest}")
    say(
        f"  until then    {_number_of(errors['median'])} users see errors (median), "
        f"{_number_of(errors['most'])} (90 %)"
    )
    say(f"  let through   {found['missed']} of {found['traces']}")
    say("a canary as good as stable:")
    say(f"  passes        after {_spread(safe, longest)}; {found['passed']:.1%} within {longest}")
    say(
        f"  false alarm   {found['false_alarms']} of {found['traces']}, "
        f"of all under {_percent(found['alpha'])}"
    )
    say(f"(each simulated {found['traces']} times from seed {found['seed']})")


def _spread(spread: Mapping[str, float | None], longest: str) -> str:
    return f"{_time(spread['median'], longest)} (median), {_time(spread['most'], longest)} (90 %)"


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.3g} %"


def _time(seconds: float | None, longest: str) -> str:
    return f"more than {longest}" if seconds is None else f"{seconds:.0f} s"


def _number_of(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


def _facts(found: Mapping[str, Any]) -> list[str]:
    decided, since = found["decided_at_seconds"], found["canary_since_seconds"]
    lines = []
    if decided is not None:
        lines.append(f"  decided   at {decided:g} s, {decided - since:g} s after the canary's first request")
        whole = found["whole"]
        # A weight's own evidence is not all that its users were served.
        label, since = "cost", ""
        if found["since_percent"] is not None:
            percent = found["since_percent"]
            label, since = "rests on", f" since {percent} %" if percent else " since its weight rose"
        lines.append(
            f"  {label:<9} {found['canary_errors']:,} errors in {found['canary_requests']:,} requests to the "
            f"canary{since}, of {whole['canary_errors']:,} in {whole['canary_requests']:,} recorded"
        )
    lines += [_objective(objective, found) for objective in found["objectives"]]
    if found["log_e_deployment"] is not None:
        lines.append(
            f"  deployment log E {found['log_e_deployment']:.2f} over the {found['services']} services, "
            f"which share alpha (fails at {-math.log(found['alpha']):.2f})"
        )
    lines += [f"  passed    {each['decided_at_seconds']:g} s: {each['words']}" for each in found["earlier"]]
    if found["later"]:
        lines.append(f"  later     {found['later']['decided_at_seconds']:g} s: {found['later']['words']}")
    return lines


def _objective(objective: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    fails, passes = f"{-math.log(found['alpha']):.2f}", f"{-math.log(found['pass_alpha']):.2f}"
    decides = f"decides at {fails}" if fails == passes else f"fails at {fails}, passes at {passes}"
    return (
        f"  {objective['name']:<9} rate ratio {_number(objective['rate_ratio'])} "
        f"{_interval(objective['rate_ratio_interval'], found['alpha'])}, "
        f"log E {objective['log_e_worse']:.2f} worse, {objective['log_e_safe']:.2f} safe "
        f"({decides}), dispersion {objective['dispersion']:.2f}"
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _interval(interval: Sequence[float | None] | None, alpha: float) -> str:
    if interval is None:
        return "(no interval: nothing was bad)"
    low, high = interval
    return f"({_number(low)} to {'any' if high is None else _number(high)} at {1 - alpha:.4g})"


def _pictures(found: Mapping[str, Any]) -> list[str]:
    points = found["points"]
    if len(points) < 2:
        return []
    limit = -math.log(found["alpha"])
    worse = [(p["at"], max(p["log_e_worse"], -2 * limit)) for p in points]
    ratios = {
        name: [(p["at"], p[f"{name}_ratio"] * 100) for p in points if p[f"{name}_ratio"] is not None]
        for name in ("canary", "stable")
    }
    # Without colours a dotted line tells stable from the canary.
    ratios["stable"] = ratios["stable"][:: max(1, len(points) // DOTS)]
    return [
        *_plot(f"log E, fails at {limit:.2f}", {"canary worse": worse}, [limit]),
        *_plot("errors so far, % of requests", ratios, []),
    ]


def _plot(title: str, series: Mapping[str, list[tuple[float, float]]], gridlines: list[float]) -> list[str]:
    from uniplot import plot_to_string

    shown = {name: points for name, points in series.items() if points}
    if not shown:
        return []
    top = max([y for points in shown.values() for _, y in points] + gridlines)
    bottom = min(y for points in shown.values() for _, y in points)
    if top == bottom:
        top, bottom = top + 1.0, min(bottom, 0.0)  # a line that is flat needs an axis all the same
    drawn: str = plot_to_string(
        xs=[[x for x, _ in points] for points in shown.values()],
        ys=[[y for _, y in points] for points in shown.values()],
        lines=[name != "stable" for name in shown],
        title=title,
        legend_labels=[f"{name} (dotted)" if name == "stable" else name for name in shown],
        y_gridlines=gridlines,
        y_min=bottom,
        y_max=top + 0.1 * (top - bottom),
        x_unit="s",
        width=min(WIDEST, shutil.get_terminal_size().columns) - MARGIN,
        height=HEIGHT,
        color=sys.stdout.isatty(),
    )
    return ["", *drawn.rstrip().splitlines()]
