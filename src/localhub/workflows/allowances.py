"""Which contexts and functions may stand where: GitHub refuses the others before anything runs.

Source: docs.github.com, "Contexts reference", "Context availability"; @actions/workflow-parser 0.3.61
(workflow-v1.0.json).
"""

from collections.abc import Callable, Iterator

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


def check(text: str, allowed: Scope) -> Iterator[tuple[int, str]]:
    """What is wrong with the `${{ }}` of a text: no expressions, or using what this place does not have.

    Yields:
        Where in the text it starts, and what to say, in GitHub's words.
    """
    try:
        pieces = templates.split(text)
    except ExpressionError as error:
        yield text.rfind(templates.OPENING), error.message
        return
    for piece in pieces:
        if isinstance(piece, str):
            continue
        try:
            check_one(piece.source, allowed)
        except ExpressionError as error:
            yield piece.position, error.message


def check_one(source: str, allowed: Scope) -> None:
    """Refuses what is no expression, or uses what this place does not have.

    Raises:
        ExpressionError: In GitHub's words.
    """
    if allowed is NOTHING:
        raise ExpressionError("A template expression is not allowed in this context")
    evaluation.check(parse(source), allowed)


def checked_condition(text: str, allowed: Scope) -> str:
    """An `if` as the expression that decides.

    Raises:
        ExpressionError: In GitHub's words.
    """
    found = condition(text)
    evaluation.check(parse(found), allowed)
    return found
