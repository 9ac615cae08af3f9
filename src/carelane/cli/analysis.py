"""analysis: judging recorded and planned traffic, without a server."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from carelane.cli import naming
from carelane.cli.output import output_option, say, show_json, table

Command = TypeVar("Command", bound=Callable[..., Any])

EXIT_CODES = {"pass": 0, "fail": 10, "inconclusive": 11}


class Ratio(click.ParamType[float]):
    """A ratio, as a percentage (``1%``) or a number (``0.01``)."""

    name = "ratio"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as inherited
        """The ratio as a number."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            self.fail(f"{value!r} is neither a percentage nor a number, for instance 1%", param, ctx)
        return number / 100 if text.endswith("%") else number


class Rate(click.ParamType[float]):
    """Requests a second, as ``10/s``, ``600/min`` or a plain number."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as inherited
        """The rate as a number a second."""
        number, _, unit = str(value).replace(" ", "").partition("/")
        try:
            return float(number) / {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0}[unit]
        except (ValueError, KeyError):
            self.fail(f"{value!r} is no rate, for instance 10/s or 600/min", param, ctx)


RATIO, RATE = Ratio(), Rate()


def policy_options(command: Command) -> Command:
    """The options that say how sure to be, and of what."""
    for option in (
        click.option("--floor", type=RATIO, default="1%", help="What is never bad (default: 1%)."),
        click.option("--ratio", type=float, default=2.0, help="How many times stable's is bad (default: 2)."),
        click.option(
            "--alpha", type=float, default=0.01, help="Probability of a false alarm (default: 0.01)."
        ),
    ):
        command = option(command)
    return command


@click.group(epilog="Example: carelane analysis replay traffic.csv")
def analysis() -> None:
    """Judge recorded traffic, plan a canary, compare rules: no server needed."""


@analysis.command(epilog="Example: carelane analysis replay traffic.csv --alpha 0.01 --ratio 2 --floor 1%")
@click.argument("file", type=click.Path(path_type=Path))
@policy_options
@click.option("--ceiling", type=RATIO, help="Above which errors are never accepted.")
@click.option("--warm-up", type=float, default=0.0, help="Seconds of the canary that do not count.")
@output_option
def replay(
    file: Path, alpha: float, ratio: float, floor: float, ceiling: float | None, warm_up: float, output: str
) -> int:
    """Judge the traffic in FILE, a row a window; exit code 0 pass, 10 fail, 11 inconclusive."""
    from carelane.bootstrap.offline import replay_recording
    from carelane.cli import pictures

    settings = {**_settings(alpha, ratio, floor), "ceiling": ceiling, "warm_up_seconds": warm_up}
    found = replay_recording(file, settings)
    if output == "json":
        show_json(found)
    else:
        pictures.show_replay(found)
    return EXIT_CODES[found["verdict"]]


@analysis.command(epilog="Example: carelane analysis verify 12")
@click.argument("number", type=int, shell_complete=naming.deployments)
@output_option
@click.pass_obj
def verify(directory: str, number: int, output: str) -> None:
    """Judge the canaries of deployment NUMBER again from what was recorded; exit code 10 if that differs."""
    from carelane.base.errors import NotFoundError, OutcomeFailed
    from carelane.bootstrap.offline import judged_again
    from carelane.cli.client import Client

    runs = Client(directory).get(f"/deployments/{number}/analyses")
    if not runs:
        raise NotFoundError(
            f"nothing was judged in deployment {number}", hint="only canaries are judged; see its strategy"
        )
    again = {run["service"]: (*judged_again(run), len(run["windows"])) for run in runs}
    if output == "json":
        show_json(
            [
                {
                    "service": name,
                    "same": same,
                    "windows": n,
                    "verdict": found["verdict"],
                    "words": found["words"],
                }
                for name, (found, same, n) in again.items()
            ]
        )
    else:
        for name, (found, same, n) in again.items():
            how = "the same, bit for bit" if same else "NOT what was recorded"
            say(f"{name}: {n} windows judged again: {how}: {found['verdict']}: {found['words']}")
    if not all(same for _, same, _ in again.values()):
        raise OutcomeFailed(f"deployment {number}: what was recorded does not lead to the recorded verdict")


@analysis.command(
    epilog="Example: carelane analysis plan --stable-errors 0.5% --detect 2% --rate 10/s --weight 10%"
)
@click.option("--stable-errors", type=RATIO, required=True, help="What share of stable's requests fails.")
@click.option("--detect", type=RATIO, required=True, help="What share of the canary's is to be found.")
@click.option("--rate", type=RATE, required=True, help="Requests to both versions, for instance 10/s.")
@click.option("--weight", type=RATIO, default="10%", help="The canary's share of them (default: 10%).")
@click.option("--longest", type=float, default=1800.0, help="Seconds a step may take (default: 1800).")
@click.option("--no-history", is_flag=True, help="Plan for a stable version nobody has watched yet.")
@click.option(
    "--traces", type=click.IntRange(20, 10_000), default=200, help="Simulated rollouts of each kind."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, help="Where chance begins: the same, the same plan."
)
@policy_options
@output_option
def plan(
    stable_errors: float,
    detect: float,
    rate: float,
    weight: float,
    longest: float,
    no_history: bool,
    traces: int,
    seed: int,
    alpha: float,
    ratio: float,
    floor: float,
    output: str,
) -> None:
    """Say how long a canary step must be to find what it is meant to find, by simulating the test."""
    from carelane.bootstrap.offline import plan_canary
    from carelane.cli import pictures

    question = {
        "stable_ratio": stable_errors,
        "detect_ratio": detect,
        "rate": rate,
        "weight": weight,
        "longest_seconds": longest,
        "history": not no_history,
    }
    if sys.stderr.isatty():
        say(f"simulating {traces} rollouts of each kind: some seconds", err=True)
    found = plan_canary(question, _settings(alpha, ratio, floor), seed, traces)
    if output == "json":
        show_json(found)
    else:
        pictures.show_plan(found)


@analysis.command(epilog="Example: carelane analysis compare traffic.csv")
@click.argument("file", type=click.Path(path_type=Path))
@policy_options
@output_option
def compare(file: Path, alpha: float, ratio: float, floor: float, output: str) -> None:
    """Judge the traffic in FILE as Argo Rollouts and Flagger would, beside Carelane."""
    from carelane.bootstrap.offline import compare_recording

    found = compare_recording(file, _settings(alpha, ratio, floor))
    if output == "json":
        show_json(found)
        return
    rows = [
        [
            each["name"],
            {"pass": "goes on", "fail": "goes back"}.get(each["verdict"], each["verdict"]),
            f"{each['at']:g}",
            f"{each['canary_requests']:,}",
            f"{each['canary_errors']:,}",
        ]
        for each in found["outcomes"]
    ]
    table(["RULE", "OUTCOME", "AT SECONDS", "CANARY REQUESTS", "CANARY ERRORS"], rows)


def _settings(alpha: float, ratio: float, floor: float) -> dict[str, float | None]:
    return {"alpha": alpha, "bad_ratio": ratio, "floor": floor}
