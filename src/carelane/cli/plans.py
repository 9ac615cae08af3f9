"""What a deployment would do, before it does it."""

from collections.abc import Mapping
from typing import Any

from carelane.cli.output import say, seconds, setting_words, show_json
from carelane.cli.pictures import step_words

HOUR_SECONDS = 3599.0


def show_plan(plan: dict[str, Any], output: str) -> None:
    """The steps of each service, in order, and how long each analysis and all of it are expected to take."""
    from carelane.bootstrap.forecasting import forecast

    deployment = plan["deployment"]
    plan["expected"] = forecast(plan)
    if output == "json":
        show_json(plan)
        return
    say(plan["message"])
    for line in _warnings(plan):
        say(line)
    for number, (name, rollout) in enumerate(deployment["rollouts"].items() if deployment else (), 1):
        moved = f"{rollout['from_label'] or 'nothing'} -> {rollout['to_label']}"
        many = plan["replicas"][name]
        replicas = f"{many} replica{'s' if many > 1 else ''}"
        say(f"{number}. {name}: {moved}, {rollout['strategy']['kind']}, {replicas}")
        expected = plan["expected"]["services"].get(name)
        for line in _differences(plan["differences"][name], new=rollout["from_label"] is None):
            say(f"   {line}")
        for line in _steps(name, rollout, expected, plan["traffic"][name]):
            say(f"   {line}")
    for name, label in plan["leaving"].items():
        say(f"- {name}: {label} ends, for the release does not have it")
    if deployment and not deployment["rollouts"] and not plan["leaving"]:
        say("nothing changes: no service differs")
    if plan["expected"]["services"]:
        say(_in_all(plan["expected"]))


def _warnings(plan: Mapping[str, Any]) -> list[str]:
    irreversible = ["it is irreversible: nothing goes back past it by itself"] if plan["irreversible"] else []
    return [f"! {line}" for line in [*irreversible, *plan["remarks"]]]


def _differences(difference: Mapping[str, Any], *, new: bool) -> list[str]:
    """What it changes beside the label: its code, its settings, its data."""
    lines = [setting_words(change) for change in difference["settings"]]
    if not new and not difference["code"]:
        lines.insert(0, "the same code, other settings")
    if difference["migrates"]:
        lines.append(f"migrates first: {' '.join(difference['migrates'])}")
    return [f"* {line}" for line in lines]


def _in_all(expected: Mapping[str, Any]) -> str:
    """Services go one after another: their times add up."""
    asked = f"a person is asked in {expected['asked'] * 100:.0f} % of healthy releases"
    if expected["median_seconds"] is None:
        return f"in all: no end to be expected at this traffic; {asked}"
    most = expected["most_seconds"]
    within = "nine of ten within hours" if most is None else f"nine of ten within {seconds(most)}"
    return f"in all: analyses and pauses take about {seconds(expected['median_seconds'])}, {within}; {asked}"


def _steps(
    name: str, rollout: Mapping[str, Any], expected: Mapping[str, Any] | None, traffic: Mapping[str, Any]
) -> list[str]:
    steps = rollout["strategy"]["steps"]
    if expected is None:
        previewed = rollout["strategy"]["kind"] == "blue-green"
        return [f"- {step_words(step)}{_of_a_preview(step) if previewed else ''}" for step in steps]
    lines = [
        f"- {step_words(step)}{_expected(step, at)}"
        for step, at in zip(steps, expected["steps"], strict=True)
    ]
    if any(step["kind"] == "analysis" for step in steps):
        lines += _by_traffic(name, traffic)
    return [*lines, *_instead(expected["instead"])]


def _instead(instead: Mapping[str, Any] | None) -> list[str]:
    """What takes beyond an hour for a few users is told sooner by half of them."""
    if instead is None or instead["median_seconds"] is None:
        return []
    limit = "" if instead["proposed_seconds"] is None else f"{{seconds: {instead['proposed_seconds']:g}}}"
    steps = f"[{{weight: {instead['percent']}}}, {{analysis: {limit or '{}'}}}]"
    return [
        f"  (that may take beyond an hour; one step, steps: {steps},",
        f"  takes about {seconds(instead['median_seconds'])})",
    ]


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


def _expected(step: Mapping[str, Any], expected: Mapping[str, Any] | None) -> str:
    if step["kind"] != "analysis" or expected is None:
        return ""
    median, most = expected["median_seconds"], expected["most_seconds"]
    late = step["seconds"] is not None and (most is None or most > step["seconds"])
    proposed = expected["proposed_seconds"]
    propose = f"; seconds: {proposed:g} would do for nine of ten" if late and proposed is not None else ""
    if median is None or (late and median > step["seconds"]):
        return f": not expected to be decided by then at this traffic{propose}"
    if most == 0:
        return ": a healthy release has already passed by then"
    within = "" if most is None else f", nine of ten within {seconds(most)}"
    return f": a healthy release passes in about {seconds(median)}{within}{propose}"
