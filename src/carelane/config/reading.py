"""From text to configuration: each mistake one line with its place and what would be right."""

import difflib
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from carelane.base.errors import InputError, NotFoundError
from carelane.config import documents, files, references
from carelane.config.basics import Strict
from carelane.config.documents import Document
from carelane.config.model import BackingService, Configuration, Web, Worker

Place = tuple[int | str, ...]
SECRET = {"secrets", "backing", "url"}
"""Where a person may have written a secret instead of where it is found: it is never repeated."""


def read(text: str, name: str = "carelane.yaml", beside: Path | None = None) -> Configuration:
    """The configuration in *text*; where it stands *beside* what it names, that must be there.

    Raises:
        InputError: With every mistake found, one a line, as ``file:line:column: what is wrong``.
    """
    document = documents.read(text, name)
    found = references.wrong(document.data)
    if beside is not None:
        found += files.missing(document.data, beside)
    configuration = None
    try:
        configuration = Configuration.model_validate(document.data)
    except ValidationError as error:
        mistakes = [(_path(e["loc"], document.data), e) for e in error.errors()]
        found = [(path, _said(e, document.written.get(path), path)) for path, e in mistakes] + found
    if configuration is None or found:
        raise InputError("\n".join(_lines(document, found)))
    return configuration


def text_of(file: Path) -> str:
    """What stands in the configuration *file*.

    Raises:
        NotFoundError: If there is none.
        InputError: If it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "go to your system's folder; the README shows one to begin with"
        raise NotFoundError(f"no {file}", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None


def _lines(document: Document, found: list[references.Wrong]) -> list[str]:
    """One line a mistake, from the top of the file to its end."""
    found = sorted(found, key=lambda mistake: document.position(mistake[0]))
    lines = [f"{document.where(path)}: {_dotted(path)}: {what}" for path, what in found]
    return list(dict.fromkeys(lines))


def _path(location: tuple[int | str, ...], data: Any) -> tuple[int | str, ...]:  # noqa: ANN401 - any YAML
    """The place in the file: pydantic's location without the names of alternatives it tried."""
    path: list[int | str] = []
    for step in location:
        inside = isinstance(data, dict | list)
        known = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int)
        )
        if known:
            path.append(step)
            data = data[step]
        elif inside and step not in {"web", "worker", "backing"}:
            path.append(step)
    return tuple(path)


def _dotted(path: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in path) or "the file"


def _said(error: ErrorDetails, written: str | None, path: Place) -> str:
    """What is wrong, and what would be right; *written* is what stands there, where that is a plain value."""
    key = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            near = [k for k in difflib.get_close_matches(key, _all_keys(), 2, 0.75) if k != key]
            return "unknown key" + (f"; did you mean {near[0]}?" if near else "")
        case "missing":
            return "is missing"
        case "union_tag_invalid" | "union_tag_not_found":
            return "kind must be web, worker or backing"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "string_pattern_mismatch":
            return f"{error['input']!r} is not of the form {error['ctx']['pattern']}"
        case _:
            return _of_another_kind(error, written, path)


def _of_another_kind(error: ErrorDetails, written: str | None, path: Place) -> str:
    if error["type"] == "string_type" and written is not None:
        return f'must be text, which YAML does not take {written} for: quote it, "{written}"'
    given = error["input"]
    plain = isinstance(given, str | int | float | bool) and not SECRET.intersection(map(str, path))
    shown = f", not {given!r}" if plain else ""
    if error["type"] in {"model_type", "dict_type"}:
        return f"must be a mapping{shown}"
    return str(error["msg"]).removeprefix("Input ").replace("should", "must") + shown


def _all_keys() -> list[str]:
    keys: set[str] = set()
    pending: list[type[Strict]] = [Configuration, Web, Worker, BackingService]
    seen: set[type[Strict]] = set()
    while pending:
        model = pending.pop()
        seen.add(model)
        keys |= set(model.model_fields)
        for field in model.model_fields.values():
            pending += [m for m in _models(field.annotation) if m not in seen]
    return sorted(keys)


def _models(annotation: Any) -> list[type[Strict]]:  # noqa: ANN401 - a type expression of any form
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
