"""A matrix's combinations, and the names of the jobs that they make.

Source: docs.github.com, "Running variations of jobs in a workflow", "Expanding or adding matrix
configurations" and "Excluding matrix configurations"; what is in a name, and how entries are compared:
MatrixBuilder and JobNameBuilder of github.com/actions/runner (src/Sdk/WorkflowParser/Conversion), 258d6c857.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from localhub.base.errors import InputError
from localhub.expressions import Value, text, values

MAX_JOBS = 256
MAX_TRIED = 100_000
"""Combinations looked at before exclusions: twenty vectors of ten would outlast the universe."""

MAX_NAME_CHARACTERS = 100
INCLUDE, EXCLUDE = "include", "exclude"
T = TypeVar("T")


@dataclass(frozen=True)
class Combination:
    """The values of one job; the first *named* of them are in its name, what an include adds is not."""

    chosen: dict[str, Value]
    named: int


def combinations(matrix: Value) -> list[Combination]:
    """The combinations of an evaluated matrix, in GitHub's order; the last vector changes fastest.

    Every combination that *exclude* matches in part is left out. Then each entry of *include* is added to
    all combinations whose original values it does not overwrite; fitting none, it becomes one of its own,
    the vectors' names first.

    Raises:
        InputError: If it is no matrix, has no vector or an empty one, an entry of include or exclude says
            nothing, or one of exclude names no vector; or if it makes more than 256 jobs.
    """
    if not isinstance(matrix, dict):
        raise InputError(f"The matrix must be a mapping of vectors, not {article(matrix)}")
    vectors = {
        name: vector(name, value) for name, value in matrix.items() if name.lower() not in {INCLUDE, EXCLUDE}
    }
    included, excluded = entries(matrix, INCLUDE), entries(matrix, EXCLUDE)
    if not vectors and not included:
        raise InputError("Matrix must define at least one vector")
    check_exclusions(vectors, excluded)
    found = list(limited(remaining(vectors, excluded))) if vectors else []
    return list(limited([*extended(found, included, vectors), *unmatched(found, included, vectors)]))


def check_exclusions(vectors: Mapping[str, list[Value]], excluded: list[dict[str, Value]]) -> None:
    """Raises InputError where one of *excluded* could leave nothing out, for it names no vector."""
    for name in (name for entry in excluded for name in entry):
        if not values.has(vectors, name):
            raise InputError(f"Matrix exclude key '{name}' does not match any key within the matrix")


def extended(
    found: list[dict[str, Value]], included: list[dict[str, Value]], vectors: Mapping[str, list[Value]]
) -> Iterator[Combination]:
    """The combinations of the vectors, with what the entries of include that fit add to them."""
    for original in found:
        added: dict[str, Value] = {}
        for entry in included:
            if fits(entry, original):
                added |= {name: value for name, value in entry.items() if not values.has(vectors, name)}
        yield Combination({**original, **added}, len(original))


def unmatched(
    found: list[dict[str, Value]], included: list[dict[str, Value]], vectors: Mapping[str, list[Value]]
) -> Iterator[Combination]:
    """The entries of include that fit no combination: each is one of its own, named by all it has."""
    for entry in included:
        if not any(fits(entry, original) for original in found):
            first = {name: value for name, value in entry.items() if values.has(vectors, name)}
            yield Combination({**first, **entry}, len(entry))


def article(value: Value) -> str:
    """A value's kind, as it stands in a sentence."""
    kind = values.kind(value)
    return f"{'an' if kind[0] in 'ao' else 'a'} {kind}" if value is not None else "null"


def vector(name: str, value: Value) -> list[Value]:
    """The values of one vector."""
    if not isinstance(value, list):
        raise InputError(f"Matrix vector '{name}' must be an array, not {article(value)}")
    if not value:
        raise InputError(f"Matrix vector '{name}' does not contain any values")
    return value


def entries(matrix: Mapping[str, Value], name: str) -> list[dict[str, Value]]:
    """The entries of include or exclude."""
    given = values.member(matrix, name)
    if given is None or given == "":
        return []
    if not isinstance(given, list):
        raise InputError(f"Matrix {name} must be an array, not {article(given)}")
    found = [entry for entry in given if isinstance(entry, dict)]
    if len(found) < len(given):
        raise InputError(f"Each entry of matrix {name} must be a mapping")
    if not all(found):
        raise InputError(f"An entry of matrix {name} does not contain any values")
    return found


def remaining(
    vectors: Mapping[str, list[Value]], excluded: list[dict[str, Value]]
) -> Iterator[dict[str, Value]]:
    """The combinations of the vectors without those that are excluded."""
    for tried, chosen in enumerate(itertools.product(*vectors.values())):
        if tried >= MAX_TRIED:
            raise InputError(f"The matrix has more than {MAX_TRIED} combinations before its exclusions")
        combination = dict(zip(vectors, chosen, strict=True))
        if not any(matches(entry, combination) for entry in excluded):
            yield combination


def limited(found: Iterable[T]) -> Iterator[T]:
    """The same combinations, as long as there are not too many."""
    for count, combination in enumerate(found):
        if count >= MAX_JOBS:
            raise InputError(
                f"The matrix makes more than {MAX_JOBS} jobs, the most that a workflow run may have"
            )
        yield combination


def fits(entry: Mapping[str, Value], original: Mapping[str, Value]) -> bool:
    """Whether an entry overwrites nothing of what the vectors gave."""
    overwritten = {name: value for name, value in entry.items() if values.has(original, name)}
    return matches(overwritten, dict(original))


def matches(entry: Value, found: Value) -> bool:
    """Whether *found* has each single value that *entry* names; what else it has makes no difference.

    Where *found* has nothing it is compared as null, by `==` as in an expression.
    """
    if isinstance(entry, dict):
        held = found if isinstance(found, dict) else {}
        return all(matches(value, values.member(held, name)) for name, value in entry.items())
    if isinstance(entry, list):
        parts = found if isinstance(found, list) else []
        return all(matches(v, parts[at] if at < len(parts) else None) for at, v in enumerate(entry))
    return values.equal(entry, found)


def job_name(named: str, combination: Combination | None) -> str:
    """A job's name with its combination, as GitHub shows it: `test (3.12, unit)`.

    Args:
        named: The job's name, or its id where it has none. A name with `${{ }}` tells its jobs apart
            itself: it is evaluated instead, and no combination is shown.
        combination: The job's combination, None without a matrix.

    Returns:
        At most 100 characters, the last three of them points where more would be.
    """
    told = [] if combination is None else list(combination.chosen.values())[: combination.named]
    shown = [word for value in told for word in leaves(value) if word]
    name = f"{named} ({', '.join(shown)})" if shown else named
    return name if len(name) <= MAX_NAME_CHARACTERS else f"{name[: MAX_NAME_CHARACTERS - 3]}..."


def leaves(value: Value) -> Iterator[str]:
    """The values without parts within a value, as text."""
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield text(value)
