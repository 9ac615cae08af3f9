"""Which contexts and functions may stand where: GitHub refuses the others before anything runs.

Source: docs.github.com, "Contexts reference", "Context availability"; @actions/workflow-parser 0.3.61
(workflow-v1.0.json).
"""

from collections.abc import Callable

from localhub.base.errors import ExpressionError
from localhub.expressions import Scope, Value, condition, evaluation, parse, templates


def never() -> Value:
    """Stands for a function: nothing is evaluated here."""
    return None


STATUS: dict[str, Callable[..., Value]] = dict.fromkeys(("success", "failure", "cancelled", "always"), never)
HASH: dict[str, Callable[..., Value]] = {"hashFiles": never}


def allowance(names: str, functions: dict[str, Callable[..., Value]] | None = None) -> Scope:
    """What may be used in one place."""
    return Scope(dict.fromkeys(names.split()), functions or {})


NOTHING = allowance("")
RUN = allowance("github inputs vars")
WORKFLOW_ENV = allowance("github inputs vars secrets")
CALL_OUTPUT = allowance("github inputs vars jobs")
STRATEGY = allowance("github inputs vars needs")
JOB_IF = allowance("github inputs vars needs", STATUS)
JOB = allowance("github inputs vars needs strategy matrix")
JOB_ENV = allowance("github inputs vars needs strategy matrix secrets")
JOB_DEFAULTS = allowance("github inputs vars needs strategy matrix env")
URL = allowance("github inputs vars needs strategy matrix steps job runner env")
OUTPUT = allowance("github inputs vars needs strategy matrix secrets steps job runner env")
STEP = allowance("github inputs vars needs strategy matrix secrets steps job runner env", HASH)
STEP_IF = allowance("github inputs vars needs strategy matrix steps job runner env", STATUS | HASH)


def check(text: str, allowed: Scope) -> None:
    """Refuses text whose `${{ }}` are no expressions or use what this place does not have.

    Raises:
        ExpressionError: In GitHub's words.
    """
    for piece in templates.split(text):
        if isinstance(piece, str):
            continue
        if allowed is NOTHING:
            raise ExpressionError("A template expression is not allowed in this context")
        evaluation.check(parse(piece.source), allowed)


def checked_condition(text: str, allowed: Scope) -> str:
    """An `if` as the expression that decides; refused as check does.

    Raises:
        ExpressionError: In GitHub's words.
    """
    found = condition(text)
    evaluation.check(parse(found), allowed)
    return found
