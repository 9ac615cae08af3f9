"""``python -m traffic --url URL --rate 100 --seconds 60``: use the system as its users do, and report what they saw."""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from traffic import runs


def main() -> None:
    """Run the traffic that the command line asks for."""
    options = _parser().parse_args()
    plan = runs.Plan(
        url=options.url.rstrip("/"),
        rate=options.rate,
        seconds=options.seconds,
        connections=int(options.connections),
        users=int(options.users),
        timeout_seconds=options.timeout,
        seed=random.randrange(2**32) if options.seed is None else options.seed,
        record=options.record,
    )

    async def carry_out() -> dict[str, Any]:
        return await runs.Run(plan, _print_line if options.progress else lambda _: None).carry_out()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(carry_out())
    except TimeoutError:
        sys.exit(f"traffic: nobody could sign in at {plan.url} within {plan.timeout_seconds:g} s")
    sys.stdout.write(json.dumps(report) + "\n" if options.output == "json" else _table(report))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="traffic", description="Use the portal and its API as the staff does.")
    parser.add_argument("--url", required=True, type=_url, help="the front door, http://host:port")
    parser.add_argument("--rate", type=_positive, default=100.0, help="requests a second (%(default)s)")
    parser.add_argument("--seconds", type=_positive, default=60.0, help="how long to send (%(default)s)")
    parser.add_argument("--connections", type=_count, default=32, help="kept-alive connections (%(default)s)")
    parser.add_argument("--users", type=_count, default=2000, help="users with cookies of their own (%(default)s)")
    parser.add_argument("--timeout", type=_positive, default=10.0, help="seconds a user waits (%(default)s)")
    parser.add_argument("--seed", type=int, help="the same seed makes the same choices (another each time)")
    parser.add_argument("--output", choices=("json", "table"), default="table", help="the final report")
    parser.add_argument("--record", type=Path, help="write every request's outcome to this file, one JSON a line")
    parser.add_argument("--progress", action="store_true", help="print one JSON line a second")
    return parser


def _checked(parse: Callable[[str], float], text: str, wanted: str) -> float:
    try:
        value = parse(text)
    except ValueError:
        value = 0
    if not 0 < value <= 1_000_000:  # noqa: PLR2004 - more is a slip of the finger
        message = f"{text!r} is not {wanted}"
        raise argparse.ArgumentTypeError(message)
    return value


def _positive(text: str) -> float:
    return _checked(float, text, "a number above 0")


def _count(text: str) -> int:
    return int(_checked(int, text, "a whole number above 0"))


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        message = f"{text!r} is not an http:// or https:// address"
        raise argparse.ArgumentTypeError(message)
    return text


def _print_line(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['sent']} requests in {report['seconds']} s to {report['url']}",
        f"lost {report['lost']} {report['lost_by_reason'] or ''}, retried {report['retried']}",
        f"{'version':<20} {'requests':>9} {'5xx %':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}  statuses",
    ]
    for version, seen in report["versions"].items():
        latency = seen["latency_ms"]
        lines.append(
            f"{version:<20} {seen['requests']:>9} {seen['error_ratio'] * 100:>7.2f} {latency['p50']:>8} "
            f"{latency['p95']:>8} {latency['p99']:>8}  {seen['statuses']}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
