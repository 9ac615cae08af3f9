"""The inputs that a run gets: what was given, checked against what the workflow asks for."""

import math
from collections.abc import Mapping

from localhub.base.errors import InputError
from localhub.expressions import Value, json_text, text, values
from localhub.workflows.definitions import Input, InputType

EMPTY: Mapping[InputType, Value] = {InputType.BOOLEAN: False, InputType.NUMBER: 0}
"""What an input comes to that was not given and has no default; of all other types it is ''."""


def resolve(
    definitions: Mapping[str, Input], given: Mapping[str, Value], *, typed: bool = False
) -> dict[str, Value]:
    """All inputs with their values, booleans and numbers as such, under the names of *definitions*.

    Args:
        definitions: What the workflow asks for. A default that is a `${{ }}` (of workflow_call) is
            evaluated by the caller beforehand.
        given: What was sent with the dispatch or call; names are found whatever their case.
        typed: A call's values have types already: text is no boolean and no number there, not even an empty
            one; and what is given is not missing, though it is empty.

    Raises:
        InputError: For the first that is unknown, missing, or of the wrong type, in GitHub's words.
    """
    unknown = [name for name in given if not values.has(definitions, name)]
    if unknown:
        raise InputError(f"Unexpected inputs provided: {json_text.write(list(unknown), '')}")
    found: dict[str, Value] = {}
    for name, definition in definitions.items():
        value = values.member(given, name)
        left_empty = value == "" and definition.type is not InputType.STRING and not typed
        if value is None or left_empty:
            found[name] = absent(definition)
        else:
            found[name] = converted(definition, value, typed=typed)
    return found


def absent(definition: Input) -> Value:
    """What an input comes to that was not given."""
    if definition.default is not None:
        return definition.default
    if definition.required:
        raise InputError(f"Required input '{definition.name}' not provided")
    return EMPTY.get(definition.type, "")


def converted(definition: Input, value: Value, *, typed: bool) -> Value:
    """A value that was given, as the input's type."""
    if isinstance(value, (list, dict)):
        raise InputError(f"Provided value for input '{definition.name}' is no text, number or boolean")
    if definition.type is InputType.BOOLEAN:
        return boolean(definition.name, value, typed=typed)
    if definition.type is InputType.NUMBER:
        return number(definition.name, value, typed=typed)
    found = text(value)
    if definition.type is InputType.CHOICE and found not in definition.options:
        raise InputError(
            f"Provided value '{found}' for input '{definition.name}' not in the list of allowed values",
            hint=f"one of: {', '.join(definition.options)}",
        )
    if found == "" and definition.required and not typed:
        raise InputError(f"Required input '{definition.name}' not provided")
    return found


def boolean(name: str, value: values.Primitive, *, typed: bool) -> bool:
    """A boolean, or the text of one."""
    if isinstance(value, bool):
        return value
    if typed or value not in {"true", "false"}:
        raise InputError(f"Provided value '{text(value)}' for input '{name}' is not a boolean")
    return value == "true"


def number(name: str, value: values.Primitive, *, typed: bool) -> float:
    """A number, or the text of one."""
    found = values.number(value)
    if isinstance(value, bool) or (typed and isinstance(value, str)) or math.isnan(found):
        raise InputError(f"Provided value '{text(value)}' for input '{name}' is not a number")
    return values.shortest(found)
