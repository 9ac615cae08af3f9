"""What a workflow file says: read, checked, and worked out, before anything runs.

This is the package's face; matrices, triggers, inputs, schedules, graph and references are used as
modules.
"""

from localhub.workflows.definitions import Input, InputType, Job, Step, Trigger, Workflow
from localhub.workflows.problems import Problem, WorkflowError
from localhub.workflows.reading import read
from localhub.workflows.triggers import Event

__all__ = [
    "Event",
    "Input",
    "InputType",
    "Job",
    "Problem",
    "Step",
    "Trigger",
    "Workflow",
    "WorkflowError",
    "read",
]
