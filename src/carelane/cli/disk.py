"""disk and prune: what takes how much, and removing what nobody needs any more."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from carelane.cli.client import Client, find_system
from carelane.cli.output import output_option, say, show_json, table

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
BAR = 20


@click.command(epilog="Example: carelane disk")
@output_option
@click.pass_obj
def disk(directory: str, output: str) -> None:
    """What in .carelane takes how much, and what bounds it. It needs no server."""
    from carelane.bootstrap.disk import taken
    from carelane.bootstrap.places import Places

    parts = [asdict(part) for part in taken(Places(find_system(directory)))]
    if output == "json":
        show_json(parts)
        return
    total = sum(part["bytes"] or 0 for part in parts)
    shown = [part for part in parts if part["bytes"] != 0 or part["part"].startswith("kept back")]
    rows = [
        [p["part"], size(p["bytes"]), _count(p["things"]), _bar(p["bytes"], total), p["bounded_by"]]
        for p in sorted(shown, key=lambda p: -(p["bytes"] or 0))
    ]
    table(["PART", "SIZE", "THINGS", "SHARE", "BOUNDED BY"], rows)
    say(f"{size(total)} in all")


@click.command(epilog="Example: carelane prune --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--reason", default="", help="Why, for the trail.")
@output_option
@click.pass_obj
def prune(directory: str, dry_run: bool, reason: str, output: str) -> None:
    """Remove what nobody needs any more, as the server does each hour.

    Never what an environment runs, has warm or can go back to; never the trail, releases, what was judged.
    """
    client = Client(directory)
    gone = client.get("/system/spare") if dry_run else client.post("/system/prune", {"reason": reason})
    if output == "json":
        show_json(gone)
        return
    if not gone:
        say("there is nothing that nobody needs")
        return
    if dry_run:
        table(["WHAT", "NAME", "SIZE"], [[g["what"], _short(g["name"]), size(g["bytes"])] for g in gone])
    say(f"{'would remove' if dry_run else 'removed'} {_in_all(gone)}")


def _in_all(gone: list[dict[str, Any]]) -> str:
    counted = ", ".join(f"{count} x {what}" for what, count in Counter(g["what"] for g in gone).items())
    return f"{counted}: {size(sum(g['bytes'] for g in gone))}"


def size(of: int | None) -> str:
    """Bytes as people read them; unknown where this user may not look."""
    if of is None:
        return "unknown"
    value, unit = float(of), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 or value >= 10 else f"{value:.1f} {UNITS[unit]}"


def _count(things: int | None) -> str:
    return "" if things is None else str(things)


def _bar(part: int | None, total: int) -> str:
    return "?" if part is None else "#" * round(BAR * part / total) if total else ""


def _short(name: str) -> str:
    """A digest by its beginning, as everywhere."""
    folder, _, digest = name.rpartition("/")
    return f"{folder}/{digest[:12]}" if len(digest) > 60 else name
