"""GitHub's expression language, whole and pure: what a workflow writes between `${{` and `}}`.

This is the package's face; callers write `expressions.evaluate(source, scope)`.
"""

from localhub.expressions.evaluation import Scope, contexts_used, evaluate, uses_status_function
from localhub.expressions.folding import fold, fold_condition
from localhub.expressions.json_text import write as to_json
from localhub.expressions.nodes import Node
from localhub.expressions.parser import parse
from localhub.expressions.templates import (
    condition,
    evaluate_template,
    evaluate_text,
    interpolate,
    names_used,
)
from localhub.expressions.values import Value, text, truthy
from localhub.expressions.writing import escape

__all__ = [
    "Node",
    "Scope",
    "Value",
    "condition",
    "contexts_used",
    "escape",
    "evaluate",
    "evaluate_template",
    "evaluate_text",
    "fold",
    "fold_condition",
    "interpolate",
    "names_used",
    "parse",
    "text",
    "to_json",
    "truthy",
    "uses_status_function",
]
