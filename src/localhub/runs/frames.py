"""Where in a run a job stands: the workflow's own frame, and one for each reusable workflow that it calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from localhub.base.errors import NotFoundError
from localhub.runs.records import Claim, Run
from localhub.workflows.definitions import Workflow
from localhub.workflows.reading import read as workflow_of

MOST_PARSED = 500


@dataclass(frozen=True)
class Frame:
    """A workflow in a run: the run's own, or one that it calls."""

    prefix: str  # "" or "ship[0]/"
    title: str  # "" or "ship / "
    workflow: Workflow
    inputs: dict[str, Any]
    depth: int = 0
    claims: tuple[Claim, ...] = ()  # the concurrency groups that the calls leading here have


Read = Callable[[str], Workflow]
"""Reads a workflow file of the run's commit by its path; raises a LocalhubError where it cannot."""


class Readers:
    """Reads each run's workflow files, each once."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[str, str, str], Workflow] = {}

    def of(self, run: Run) -> Read:
        """The reader for one run."""

        def found(path: str) -> Workflow:
            key = (run.repository, run.sha, path)
            if key not in self._parsed:
                text = run.sources.get(path)
                if text is None:
                    hint = "a reusable workflow lies beside it"
                    raise NotFoundError(f"{path} is not in {run.sha[:7]}", hint=hint)
                if len(self._parsed) > MOST_PARSED:
                    self._parsed.clear()
                self._parsed[key] = workflow_of(text, path)
            return self._parsed[key]

        return found


def frames(run: Run, read: Read) -> Iterator[Frame]:
    """The workflow and every reusable workflow that it has come to call."""
    waiting = [Frame("", "", read(run.path), run.inputs)]
    while waiting:
        frame = waiting.pop(0)
        yield frame
        for job_id in frame.workflow.jobs:
            node = run.nodes.get(frame.prefix + job_id)
            if node is None or node.callee is None:
                continue
            for index, call in enumerate(node.calls):
                waiting.append(
                    Frame(
                        f"{node.path}[{index}]/",
                        f"{frame.title}{call['title']} / ",
                        read(node.callee),
                        call["inputs"],
                        frame.depth + 1,
                        (*frame.claims, *(Claim(**claim) for claim in call.get("claims", ()))),
                    )
                )


def frame_of(run: Run, node: str, read: Read) -> Frame:
    """The frame that a node is in."""
    prefix = node[: node.rfind("/") + 1]
    return next(frame for frame in frames(run, read) if frame.prefix == prefix)
