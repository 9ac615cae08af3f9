"""What is wrong with a workflow file, and where."""

from dataclasses import dataclass

from localhub.base.errors import InputError


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong; lines and columns count from 1."""

    line: int
    column: int
    message: str


class WorkflowError(InputError):
    """A workflow file is refused; *problems* says everything that was found, in the file's order."""

    title = "Bad workflow"

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        told = "; ".join(f"{problem.line}:{problem.column}: {problem.message}" for problem in problems)
        super().__init__(f"{path}: {told}", hint="correct the file and push again")
        self.path = path
        self.problems = problems
