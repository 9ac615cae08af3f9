"""Inputs: docs.github.com, "Workflow syntax", `on.workflow_dispatch.inputs` and `on.workflow_call.inputs`."""

from dataclasses import replace

import pytest

from localhub import workflows
from localhub.base.errors import InputError
from localhub.expressions import Value
from localhub.workflows import inputs

DEFINITIONS = (
    workflows.read(
        """
on:
  workflow_dispatch:
    inputs:
      environment: {type: choice, options: [dev, prod], required: true}
      version: {default: latest}
      count: {type: number, default: 2}
      dry: {type: boolean}
      note: {description: x}
jobs: {a: {runs-on: x, steps: [{run: x}]}}
""",
        "w.yml",
    )
    .on["workflow_dispatch"]
    .inputs
)


def test_defaults_are_applied_and_types_kept() -> None:
    assert inputs.resolve(DEFINITIONS, {"environment": "dev", "dry": "true", "COUNT": "3.5"}) == {
        "environment": "dev",
        "version": "latest",
        "count": 3.5,
        "dry": True,
        "note": "",
    }


def test_what_is_not_given_and_has_no_default_is_empty_in_its_type() -> None:
    found = inputs.resolve(DEFINITIONS, {"environment": "prod", "version": ""})
    assert (found["dry"], found["note"], found["version"]) == (False, "", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Required input 'environment' not provided"),
        ({"environment": ""}, "Required input 'environment' not provided"),
        ({"environment": "test"}, "'test' for input 'environment' not in the list of allowed values"),
        ({"environment": "dev", "dry": "yes"}, "'yes' for input 'dry' is not a boolean"),
        ({"environment": "dev", "dry": 1}, "'1' for input 'dry' is not a boolean"),
        ({"environment": "dev", "count": "two"}, "'two' for input 'count' is not a number"),
        ({"environment": "dev", "count": True}, "'true' for input 'count' is not a number"),
        ({"environment": "dev", "nope": 1, "no": 2}, r'Unexpected inputs provided: \["nope","no"\]'),
        ({"environment": ["dev"]}, "no text, number or boolean"),
    ],
)
def test_what_the_workflow_does_not_take_is_refused(given: dict[str, Value], message: str) -> None:
    with pytest.raises(InputError, match=message):
        inputs.resolve(DEFINITIONS, given)


def test_a_call_has_types_already() -> None:
    good: dict[str, Value] = {"environment": "dev", "dry": True, "count": 1}
    assert inputs.resolve(DEFINITIONS, good, typed=True)["dry"] is True
    assert inputs.resolve(DEFINITIONS, {**good, "version": ""}, typed=True)["version"] == ""
    for bad in ({"dry": "true"}, {"count": "1"}, {"dry": ""}, {"count": ""}):
        with pytest.raises(InputError):
            inputs.resolve(DEFINITIONS, {**good, **bad}, typed=True)


def test_a_text_that_a_call_must_give_may_be_empty() -> None:
    """ConvertToWorkflowJobInputs of actions/runner: what is given is given."""
    required = {"note": replace(DEFINITIONS["note"], required=True)}
    assert inputs.resolve(required, {"note": ""}, typed=True) == {"note": ""}
    with pytest.raises(InputError, match="'note' not provided"):
        inputs.resolve(required, {"note": ""})
    with pytest.raises(InputError, match="'note' not provided"):
        inputs.resolve(required, {}, typed=True)
