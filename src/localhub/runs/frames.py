"""Where in a run a job stands: the workflow's own frame, and one for each reusable workflow that it calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from localhub.runs.records import Run
from localhub.workflows.definitions import Workflow


@dataclass(frozen=True)
class Frame:
    """A workflow in a run: the run's own, or one that it calls."""

    prefix: str  # "" or "ship[0]/"
    title: str  # "" or "ship / "
    workflow: Workflow
    inputs: dict[str, Any]
    depth: int = 0


Read = Callable[[str], Workflow]
"""Reads a workflow file of the run's commit by its path; raises a LocalhubError where it cannot."""


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
                    )
                )


def frame_of(run: Run, node: str, read: Read) -> Frame:
    """The frame that a node is in."""
    prefix = node[: node.rfind("/") + 1]
    return next(frame for frame in frames(run, read) if frame.prefix == prefix)
