"""All actions that a job uses: also those that its composite actions use, as act must be told of each.

The action files are a job's own text: they are read as workflow files are, and what cannot be read is left to
act, which says so at the step.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from localhub.base.errors import LocalhubError
from localhub.runs.ports import Order
from localhub.workflows import documents, references

FILES = ("action.yml", "action.yaml")
MOST_ACTIONS = 100


def used(
    order: Order, text_at: Callable[[str, str, str], str], folder_of: Callable[[str], Path | None]
) -> tuple[str, ...]:
    """The references `owner/name@ref` that a job's steps use, near and far, each once."""
    waiting = [str(step["uses"]) for job in order.workflow["jobs"].values() for step in _using(job)]
    waiting += [each for each in order.uses if each not in waiting]
    found: dict[str, None] = {}
    while waiting and len(found) < MOST_ACTIONS:
        reference = waiting.pop(0)
        if reference not in found:
            found[reference] = None
            waiting += _uses_of(order, reference, text_at, folder_of)
    return tuple(each for each in found if not each.startswith("./"))


def _uses_of(
    order: Order,
    reference: str,
    text_at: Callable[[str, str, str], str],
    folder_of: Callable[[str], Path | None],
) -> list[str]:
    """What one action's steps use; nothing where it has no steps, or is not there before the job runs."""
    for name in FILES:
        try:
            action = references.action(reference)
            path = f"{action.path}/{name}".lstrip("/")
            if action.local:
                text = text_at(order.repository, order.sha, path)
            else:
                folder = folder_of(reference.partition("@")[0])
                text = "" if folder is None else (folder / path).read_text(encoding="utf-8")
            runs = _part(documents.plain(documents.read(text)), "runs")
        except (LocalhubError, documents.DocumentError, OSError, ValueError):
            continue
        return [str(step["uses"]) for step in _using(runs)]
    return []


def _using(steps_of: Any) -> Iterator[Mapping[str, Any]]:
    steps = _part(steps_of, "steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, Mapping) and isinstance(step.get("uses"), str):
            yield step


def _part(of: Any, name: str) -> Any:
    return of.get(name) if isinstance(of, Mapping) else None
