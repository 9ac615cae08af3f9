import inspect

import pytest

from localhub.base import errors
from localhub.workflows import WorkflowError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", [*KINDS, WorkflowError], ids=lambda kind: kind.__name__)
def test_every_error_stands_in_the_drawn_tree_with_its_status(kind: type[errors.LocalhubError]) -> None:
    assert issubclass(kind, errors.LocalhubError)
    lines = (errors.__doc__ or "").splitlines()
    row = next(line for line in lines if kind.__name__ in line.split())
    assert kind is errors.LocalhubError or f"(HTTP {kind.status})" in row
