"""The actions that a job uses, found on this machine: those of its steps, and those that they use in turn."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localhub.base.errors import InputError, NotFoundError
from localhub.execution import tools
from localhub.runs.ports import Order
from localhub.runs.records import Annotation
from localhub.workflows import documents, references

FILES = ("action.yml", "action.yaml")
MOST_ACTIONS = 100

ReadText = Callable[[str, str, str], str]
"""The text of a repository's file at a commit, by its path; raises NotFoundError where there is none."""


@dataclass(frozen=True)
class Used:
    """Where the actions of other repositories are here, by reference; and what cannot be used, in words."""

    folders: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Annotation, ...] = ()


class Actions:
    """All actions there are: our own, and those that are mapped to folders by `owner/name`."""

    def __init__(self, ours: Path, mapped: Mapping[str, Path], read_text: ReadText) -> None:
        self._ours, self._mapped, self._read_text = ours, mapped, read_text

    def of(self, order: Order) -> Used:
        """What the order's job uses.

        Composite actions of the job's own commit are read there; what a step makes meanwhile is not known.
        """
        jobs: Mapping[str, Mapping[str, list[Mapping[str, str]]]] = order.workflow["jobs"]
        waiting = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
        seen: set[str] = set()
        folders: dict[str, Path] = {}
        problems: list[Annotation] = []
        while waiting:
            written = waiting.pop(0)
            if written in seen:
                continue
            seen.add(written)
            try:
                _bounded(seen)
                waiting += self._taken(written, order, folders)
            except InputError as problem:
                problems.append(Annotation("failure", problem.message, title="Unknown action"))
        return Used(folders, tuple(problems))

    def _taken(self, written: str, order: Order, folders: dict[str, Path]) -> list[str]:
        """Notes where an action is; what it uses itself."""
        found = references.action(written)
        if found.local:
            return list(_named(self._committed(order, found.path), written))
        folder = folders[written] = self._folder(found, written)
        texts = (
            place.read_text("utf-8") for name in FILES if (place := folder / found.path / name).is_file()
        )
        return list(_named(next(texts, ""), written))

    def _committed(self, order: Order, folder: str) -> str:
        """The action's own file at the job's commit; '' where there is none, which act then says."""
        for name in FILES:
            with contextlib.suppress(NotFoundError):
                return self._read_text(order.repository, order.sha, f"{folder}/{name}".lstrip("/"))
        return ""

    def _folder(self, found: references.Reference, written: str) -> Path:
        name = f"{found.owner}/{found.repository}"
        if name in self._mapped:
            return self._mapped[name]
        if found.owner == "actions" and found.repository in tools.ACTIONS:
            return self._ours / found.repository
        ours = ", ".join(f"actions/{each}" for each in tools.ACTIONS)
        raise InputError(
            f"{written} is not on this machine. localhub has {ours}; "
            f"map another to a folder in localhub.yaml: actions: {{{name}: ./path}}"
        )


def _bounded(seen: set[str]) -> None:
    if len(seen) > MOST_ACTIONS:
        raise InputError(
            f"a job uses at most {MOST_ACTIONS} different actions, those within actions included"
        )


def _named(text: str, written: str) -> Iterator[str]:
    """What the steps of a composite action use.

    Raises:
        InputError: If it is no action, or one in a container.
    """
    try:
        runs = _held(documents.plain(documents.read(text)) if text else {}, "runs")
    except documents.DocumentError as problem:
        raise InputError(f"{written}: {problem}") from problem
    if _held(runs, "using") == "docker":
        raise InputError(f"{written} runs in a container, which localhub refuses: there are none here")
    steps = _held(runs, "steps")
    for step in steps if isinstance(steps, list) else []:
        used = _held(step, "uses")
        if isinstance(used, str):
            yield used


def _held(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, Mapping) else None
