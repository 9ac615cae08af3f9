"""analysis: judging recorded and planned traffic, without a server."""

from pathlib import Path
from typing import Any

import click

from carelane.base.errors import InputError
from carelane.cli.output import output_option, show_json

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


RATIO = Ratio()


@click.group(epilog="Example: carelane analysis replay traffic.csv")
def analysis() -> None:
    """Judge recorded traffic, plan a canary, compare rules: no server needed."""


@analysis.command(epilog="Example: carelane analysis replay traffic.csv --alpha 0.01 --ratio 2 --floor 1%")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--alpha", type=float, default=0.01, help="Probability of a false alarm (default: 0.01).")
@click.option("--ratio", type=float, default=2.0, help="How many times stable's ratio is bad (default: 2).")
@click.option("--floor", type=RATIO, default="1%", help="What is never bad (default: 1%).")
@click.option("--ceiling", type=RATIO, help="Above which errors are never accepted.")
@click.option("--warm-up", type=float, default=0.0, help="Seconds of the canary that do not count.")
@output_option
def replay(
    file: Path, alpha: float, ratio: float, floor: float, ceiling: float | None, warm_up: float, output: str
) -> int:
    """Judge the traffic in FILE, a row a window; exit code 0 pass, 10 fail, 11 inconclusive."""
    from carelane.bootstrap.offline import replay_recording
    from carelane.cli import pictures

    found = replay_recording(file, _settings(alpha, ratio, floor, ceiling, warm_up))
    if output == "json":
        show_json(found)
    else:
        pictures.show_replay(found)
    return EXIT_CODES[found["verdict"]]


@analysis.command(epilog="Example: carelane analysis verify 12")
@click.argument("number", type=int)
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
            click.echo(f"{name}: {n} windows judged again: {how}: {found['verdict']}: {found['words']}")
    if not all(same for _, same, _ in again.values()):
        raise OutcomeFailed(f"deployment {number}: what was recorded does not lead to the recorded verdict")


def _settings(
    alpha: float, ratio: float, floor: float, ceiling: float | None, warm_up: float
) -> dict[str, float | None]:
    """The options that make a policy, refused where they make none.

    Raises:
        InputError: For numbers that are none.
    """
    given = {
        "alpha": alpha,
        "bad_ratio": ratio,
        "floor": floor,
        "ceiling": ceiling,
        "warm_up_seconds": warm_up,
    }
    if any(value is not None and value != value for value in given.values()):  # noqa: PLR0124 - NaN
        raise InputError("an option is not a number")
    return given
